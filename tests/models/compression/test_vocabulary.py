import json
import string

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from models.compression.reload import numbers, reload
from models.compression.vocabulary import kept_ids, prune_vocabulary, without

LETTERS = 5 + 2 * 26
"""Special tokens, letters, and letters that continue a word: what has to stay."""


def pieces(tokenizer: str, text: str) -> list[str]:
    made = Tokenizer.from_str(tokenizer)
    made.no_padding()
    return made.encode(text).tokens


def test_pieces_of_the_texts_come_first_then_the_old_order(word_pieces):
    vocabulary = json.loads(word_pieces)["model"]["vocab"]
    # Beside letters there are: red stamp with dog house tree ##house zebra, in this order of ids.
    kept = kept_ids(word_pieces, texts=["zebra tree", "tree"], size=LETTERS + 4)
    words = [word for word, index in vocabulary.items() if index in kept and index >= LETTERS]
    assert words == ["red", "stamp", "tree", "zebra"]  # two seen, and the lowest ids of the rest
    assert len(kept) == LETTERS + 4
    assert kept == sorted(kept)


def test_texts_of_kept_pieces_give_the_same_answers(small_caption, word_pieces):
    texts = ["red stamp", "a tree with zebras"]
    pruned, tokenizer = prune_vocabulary(
        small_caption, tokenizer=word_pieces, texts=texts, size=LETTERS + 5
    )
    assert len(pruned.encoder.bert.embeddings.word_embeddings.weight) == LETTERS + 5
    for text in texts:
        assert pieces(tokenizer, text) == pieces(word_pieces, text)
        old, new = (torch.tensor([m.encoder.tokens(text)]) for m in (small_caption, pruned))
        for theirs, ours in zip(
            small_caption(old, torch.ones_like(old)),
            pruned(new, torch.ones_like(new)),
            strict=True,
        ):
            assert torch.equal(theirs, ours)


def test_words_that_are_gone_are_spelt_with_what_is_left(small_caption, word_pieces):
    assert pieces(word_pieces, "treehouse") == ["[CLS]", "tree", "##house", "[SEP]"]
    _, tokenizer = prune_vocabulary(
        small_caption, tokenizer=word_pieces, texts=["tree"], size=LETTERS + 1
    )
    spelt = ["[CLS]", "tree", "##h", "##o", "##u", "##s", "##e", "[SEP]"]
    assert pieces(tokenizer, "treehouse") == spelt


@settings(max_examples=50, deadline=None)
@given(word=st.text(string.ascii_letters, min_size=1, max_size=20))
def test_no_word_of_letters_becomes_unknown(word_pieces, word):
    small = without(word_pieces, kept_ids(word_pieces, texts=[], size=LETTERS))
    assert "[UNK]" not in pieces(small, word)
    # And what comes out spells the same word.
    spelt = "".join(piece.removeprefix("##") for piece in pieces(small, word)[1:-1])
    assert spelt == word.lower()


def test_ids_in_the_file_agree_with_the_new_rows(small_caption, word_pieces):
    pruned, tokenizer = prune_vocabulary(
        small_caption, tokenizer=word_pieces, texts=["zebra"], size=LETTERS + 1
    )
    plain = json.loads(tokenizer)
    old = json.loads(word_pieces)["model"]["vocab"]
    rows = pruned.encoder.bert.embeddings.word_embeddings.weight
    before = small_caption.encoder.bert.embeddings.word_embeddings.weight
    assert sorted(plain["model"]["vocab"].values()) == list(range(LETTERS + 1))
    for piece, index in plain["model"]["vocab"].items():
        assert torch.equal(rows[index], before[old[piece]])
    for token in plain["added_tokens"]:
        assert plain["model"]["vocab"][token["content"]] == token["id"]


def test_read_back_by_shapes(small_caption, word_pieces):
    pruned, _ = prune_vocabulary(small_caption, tokenizer=word_pieces, texts=[], size=LETTERS + 2)
    again = reload(small_caption, pruned.state_dict(), numbers(pruned))
    ids = torch.tensor([[2, 7, LETTERS + 1, 3]])
    for ours, theirs in zip(
        again(ids, torch.ones_like(ids)), pruned(ids, torch.ones_like(ids)), strict=True
    ):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("size", "said"), [(LETTERS - 1, "alone are 57"), (0, "from 1 to 65"), (66, "from 1 to 65")]
)
def test_impossible_sizes_are_refused(small_caption, word_pieces, size, said):
    with pytest.raises(ValueError, match=said):
        prune_vocabulary(small_caption, tokenizer=word_pieces, texts=[], size=size)


def test_views_and_tokenizers_of_other_kinds_are_refused(small_audio, small_caption, word_pieces):
    with pytest.raises(ValueError, match="view audio: it has no table of word pieces"):
        prune_vocabulary(small_audio, tokenizer=word_pieces, texts=[], size=60)
    with pytest.raises(ValueError, match="type 'BPE': only WordPiece"):
        prune_vocabulary(small_caption, tokenizer='{"model": {"type": "BPE"}}', texts=[], size=60)
