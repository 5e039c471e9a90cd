"""Made-up captions: what they are made of, and that the same seed says the same."""

import pytest

from models.compression.augmentation import made_up, words_of
from models.encoders.packaged import read_files

TEXTS = ["A red fire engine", "Two gold coins"]
WORDS = ["apple", "boat", "cloud", "drum", "eagle", "flute", "grape", "horse"]


def differ_by_one(text: str, other: str) -> bool:
    ours, theirs = text.split(), other.split()
    pairs = list(zip(ours, theirs, strict=False))
    return len(ours) == len(theirs) and sum(a != b for a, b in pairs) == 1


def test_each_is_one_or_two_words_or_a_caption_with_one_word_replaced() -> None:
    found = made_up(TEXTS, words=WORDS, count=18, seed=7)

    assert len(set(found)) == 18
    for text in found:
        alone = len(text.split()) <= 2 and set(text.split()) <= set(WORDS)
        assert alone or any(differ_by_one(text, caption) for caption in TEXTS), text
    assert {len(text.split()) for text in found} >= {1, 3, 4}  # of both kinds


def test_the_same_seed_says_the_same_and_another_seed_something_else() -> None:
    first, again, other = (made_up(TEXTS, words=WORDS, count=9, seed=s) for s in (7, 7, 8))

    assert first == again != other


@pytest.mark.parametrize(("texts", "words"), [([], WORDS), (["  "], WORDS), (TEXTS, ["one"])])
def test_too_little_to_draw_from_is_refused(texts: list[str], words: list[str]) -> None:
    with pytest.raises(ValueError, match=r"augment=9: .* allow 0 at most; lower `augment`"):
        made_up(texts, words=words, count=9, seed=7)


def test_more_than_the_words_allow_is_refused() -> None:
    # 8 words make 8 * 9 / 2 = 36 singles and pairs, half of which may be asked for.
    with pytest.raises(ValueError, match="allow 18 at most"):
        made_up(TEXTS, words=WORDS, count=19, seed=7)


def test_words_are_whole_ones_without_pieces_or_marks() -> None:
    words = words_of(read_files("minilm")["tokenizer.json"].decode())

    assert words == sorted(words)
    assert {"engine", "stamp"} <= set(words)
    assert not {"##ing", "[CLS]", "of", "1990"} & set(words)
