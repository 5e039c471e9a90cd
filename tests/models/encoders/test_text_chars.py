"""Characters: vocabulary and encoder."""

import pytest
import torch

from models.encoders.text_chars import CharEncoder, Vocabulary, normalised


def encoder(**changes) -> CharEncoder:
    torch.manual_seed(0)
    settings = {"vocabulary": 6, "embedding": 4, "channels": 3, "kernels": [1, 2, 3], "width": 5}
    return CharEncoder(**(settings | changes)).eval()


def test_one_spelling_for_one_look():
    assert normalised("  Cafe\u0301  AU\tlait ") == "café au lait"
    assert normalised("Straße ﬁn") == "strasse fin"


def test_ids_of_known_unknown_and_absent():
    vocabulary = Vocabulary.of(["ba", "ab c", "A"])
    assert vocabulary.characters == " abc"
    assert len(vocabulary) == 6
    ids = vocabulary.encode(["abz", None, "cccc"], length=3)
    assert ids.tolist() == [[3, 4, 1], [0, 0, 0], [5, 5, 5]]


def test_the_order_of_texts_does_not_matter():
    assert Vocabulary.of(["дом", "кот"]) == Vocabulary.of(["кот", "дом"])


def test_a_vocabulary_with_repeats_is_refused():
    with pytest.raises(ValueError, match="characters='aab': must be sorted, each once"):
        Vocabulary("aab")


def test_padding_changes_nothing():
    model = encoder()
    short = torch.tensor([[2, 3, 4]])
    long = torch.tensor([[2, 3, 4, 0, 0, 0, 0]])
    torch.testing.assert_close(model(short), model(long))
    assert model(torch.zeros(1, 4, dtype=torch.long)).isfinite().all(), "an absent text is fine"


def test_filters_see_letters_in_order():
    model = encoder()
    assert not torch.allclose(model(torch.tensor([[2, 3, 4]])), model(torch.tensor([[4, 3, 2]])))
    bag = encoder(kernels=[1])
    torch.testing.assert_close(bag(torch.tensor([[2, 3, 4]])), bag(torch.tensor([[4, 3, 2]])))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vocabulary": 2}, "vocabulary=2: no character"),
        ({"kernels": []}, r"kernels=\[\]: give at least one"),
        ({"kernels": [0]}, r"kernels=\[0\]: give at least one, each 1 or more"),
    ],
)
def test_impossible_sizes_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        encoder(**changes)
