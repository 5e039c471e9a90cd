"""The features of a data set."""

import pytest
import torch

from models.features import Features


def features(**changes) -> Features:
    none = torch.full((2,), -1)
    parts = {
        "image": torch.zeros(1, 4),
        "image_row": torch.tensor([0, -1]),
        "caption": torch.zeros(0, 4),
        "caption_row": none,
        "audio": torch.zeros(0, 2, 4),
        "audio_row": none,
        "text_ids": torch.zeros(2, 3, dtype=torch.long),
        "characters": "",
    }
    return Features(**(parts | changes))


def test_length_is_the_number_of_rows():
    assert len(features()) == 2


def test_a_row_that_points_nowhere_is_refused():
    with pytest.raises(
        ValueError, match="image_row reaches from 0 to 1: must stay between -1 and 0"
    ):
        features(image_row=torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="audio_row reaches from -2 to -1"):
        features(audio_row=torch.tensor([-2, -1]))


def test_columns_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"caption_row has shape \(3,\): must be \(2,\)"):
        features(caption_row=torch.tensor([-1, -1, -1]))
