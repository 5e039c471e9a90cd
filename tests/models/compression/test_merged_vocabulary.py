import json
import string

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from models.compression.merged_vocabulary import merge_vocabulary, nearest
from models.compression.reload import numbers, reload

LETTERS = 5 + 2 * 26
"""Special tokens, letters, and letters that continue a word: what has to stay."""


def ids(tokenizer: str, text: str) -> list[int]:
    made = Tokenizer.from_str(tokenizer)
    made.no_padding()
    return made.encode(text).ids


def test_the_nearest_row_is_the_one_at_the_smallest_angle():
    rows = torch.tensor([[2.0, 0.0], [0.0, 1.0], [-3.0, 0.1], [9.0, 8.0], [0.0, 5.0], [1.0, 1.2]])
    # Kept are (2, 0), (0, 1) and (1, 1.2): (-3, .1) is nearest to (0, 1) by angle (88 degrees),
    # (9, 8) to (1, 1.2) (8.6 against 41.6 degrees), (0, 5) to (0, 1).
    assert nearest(rows, [0, 1, 5]) == [0, 1, 1, 2, 1, 2]


def test_twins_that_are_both_kept_keep_their_own_rows():
    rows = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert nearest(rows, [0, 1, 2]) == [0, 1, 2]


def test_a_piece_without_a_row_reads_as_its_nearest(small_caption, word_pieces):
    vocabulary = json.loads(word_pieces)["model"]["vocab"]
    with torch.no_grad():
        rows = small_caption.encoder.bert.embeddings.word_embeddings.weight
        rows[vocabulary["zebra"]] = 3 * rows[vocabulary["dog"]] + 1e-3
    merged, tokenizer = merge_vocabulary(
        small_caption, tokenizer=word_pieces, texts=["a dog", "dog"], size=LETTERS + 1
    )
    assert len(merged.encoder.bert.embeddings.word_embeddings.weight) == LETTERS + 1
    assert ids(tokenizer, "a zebra") == ids(tokenizer, "a dog") != ids(tokenizer, "a b")
    dog = torch.tensor([small_caption.encoder.tokens("a dog")])
    zebra = torch.tensor([merged.encoder.tokens("a zebra")])
    for theirs, ours in zip(
        small_caption(dog, torch.ones_like(dog)), merged(zebra, torch.ones_like(zebra)), strict=True
    ):
        assert torch.equal(theirs, ours)


def test_all_rows_kept_is_nothing_changed(small_caption, word_pieces):
    size = len(json.loads(word_pieces)["model"]["vocab"])
    merged, tokenizer = merge_vocabulary(small_caption, tokenizer=word_pieces, texts=[], size=size)
    assert json.loads(tokenizer) == json.loads(word_pieces)
    given = torch.tensor([[2, 57, 64, 3]])
    assert torch.equal(
        merged(given, torch.ones_like(given))[0], small_caption(given, torch.ones_like(given))[0]
    )


@settings(max_examples=50, deadline=None)
@given(text=st.text(string.ascii_letters + " ", max_size=30))
def test_texts_fall_into_the_same_pieces_and_every_id_has_a_row(word_pieces, text):
    from models.compression.merged_vocabulary import pointing_at
    from models.compression.vocabulary import kept_ids

    kept = kept_ids(word_pieces, texts=[], size=LETTERS)
    rows = torch.randn(65, 4, generator=torch.Generator().manual_seed(1))
    shared = pointing_at(word_pieces, nearest(rows, kept))
    found = ids(shared, text)
    assert len(found) == len(ids(word_pieces, text))
    assert all(0 <= index < LETTERS for index in found)
    assert (found[0], found[-1]) == (2, 3)  # [CLS] and [SEP] are among the kept


def test_read_back_by_shapes(small_caption, word_pieces):
    merged, _ = merge_vocabulary(small_caption, tokenizer=word_pieces, texts=[], size=LETTERS)
    again = reload(small_caption, merged.state_dict(), numbers(merged))
    given = torch.tensor([[2, 7, LETTERS - 1, 3]])
    assert torch.equal(
        again(given, torch.ones_like(given))[1], merged(given, torch.ones_like(given))[1]
    )


def test_views_without_word_pieces_are_refused(small_audio, word_pieces):
    with pytest.raises(ValueError, match="view audio: it has no table of word pieces"):
        merge_vocabulary(small_audio, tokenizer=word_pieces, texts=[], size=60)
