"""The card says what was measured, and the same things say the same card."""

import re

import pytest

from provenance.releases import WEIGHTS
from tasks.release.card import model_card
from tasks.release.source import Source, read_source
from tasks.workspace import Workspace
from tests.tasks.release.conftest import Data, Train, params


@pytest.fixture
def source(workspace: Workspace, data: Data, train: Train) -> Source:
    data()
    train(right=9, weight=1.0)
    return read_source(workspace)


@pytest.fixture
def card(source: Source) -> str:
    return model_card(source, params(), {"fused.accuracy": {"value": 0.9, "at_least": 0.5}})


SAID = (
    "# tiny\n",
    "2 categories: animals, plants.",
    "licence GPL-2, package tiny-stamps",
    "| test | 12 | 6 | 2 |",
    "| train | 5 | 3 | 2 |",
    "| fused | 0.9 (0.8 to 0.95) |",
    "| speech_to_text | 0.61 |",
    "| fused.accuracy | 0.9 | at least 0.5 |",
    "`cairn verify`",
    "- The voices are synthetic.",
    "- Few test clips in be (6), fr (6): those figures are uncertain.",
    "Weights: Apache-2.0. Data: GPL-2.",
)


def test_the_card_says_what_was_measured_and_from_what(card: str, source: Source) -> None:
    assert [said for said in SAID if said not in card] == []
    assert f"| `{WEIGHTS}` | `{source.model[WEIGHTS].digest}` |" in card


def test_accuracy_by_language_is_that_of_the_predictions(card: str) -> None:
    # The first 9 of 12 clips are right; be has the even ones (5 of 6 right), fr the odd (4 of 6).
    assert re.search(r"\| be \| 6 \| 0\.833 \(", card)
    assert re.search(r"\| fr \| 6 \| 0\.667 \(", card)


def test_the_same_card_twice_and_a_silent_source_is_said_to_be_one(source: Source) -> None:
    assert model_card(source, params(), {}) == model_card(source, params(), {})
    source.report["source"].clear()
    text = model_card(source, params(), {})
    assert "A source that says nothing about itself." in text
    assert "Data: as its source states it." in text
    assert "No limits were set." in text
