import dataclasses

import pytest
import torch

from models.retrieval import DIRECTIONS, search


class Known(torch.nn.Module):
    """Answers with its input: contents are the vectors."""

    def forward(self, x):
        return None, x


class Searchable(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.views = torch.nn.ModuleDict(
            {view: Known() for view in ("image", "caption", "text", "audio")}
        )


EYE = torch.eye(4)


@pytest.fixture
def known(examples):
    """Rows 0 and 1 say the same text 0; row 2's recording sounds like text 0; row 3 has no text."""
    contents = dict.fromkeys(("image", "caption", "text"), EYE)
    contents["audio"] = torch.stack([EYE[0], 0.5 * EYE[0] + EYE[1], EYE[0] + 0.5 * EYE[2], EYE[3]])
    place = {
        "text": torch.tensor([0, 0, 2, -1]),
        "audio": torch.arange(4),
        "image": torch.arange(4),
        "caption": torch.tensor([0, 0, 1, 1]),
    }
    zeros = torch.zeros(4, dtype=torch.long)
    return dataclasses.replace(
        examples, contents=contents, place=place, language=zeros, label=zeros
    )


def test_candidates_are_distinct_and_shared_by_rows_of_equal_text(known):
    found = search(Searchable(), known, torch.arange(4), "speech_to_text")
    assert found.candidates == 2
    assert found.row.tolist() == [0, 1, 2]
    # Similarities to texts 0 and 2: (1, 0), (0.5, 0), (1, 0.5); their own are 0, 0 and 2.
    assert found.rank.tolist() == [1, 1, 2]
    assert found.recall(1).tolist() == [1.0, 1.0, 0.0]


def test_a_query_with_two_right_answers_needs_only_one(known):
    found = search(Searchable(), known, torch.arange(4), "caption_to_image")
    # Caption 0 has pictures 0 and 1 and equals picture 0; caption 1 has 2 and 3, both at 0 as 0 is.
    assert found.candidates == 4
    assert found.rank.tolist() == [1, 3]


def test_nothing_to_ask_or_to_find_is_none(known):
    assert search(Searchable(), known, torch.tensor([3]), "speech_to_text") is None


def test_a_trained_model_can_be_searched_in_every_direction(model, examples):
    for direction in DIRECTIONS:
        found = search(model.eval(), examples, torch.arange(2, 12), direction)
        assert found.rank.min() >= 1
        assert found.rank.max() <= found.candidates == 10
