"""The model answers with any subset of what it may be given."""

from dataclasses import fields, replace
from itertools import combinations
from pathlib import Path

import pytest

from models.batches import VIEWS
from provenance import TamperedError
from services.describe import Question, UnreadableError
from services.loading import load
from services.predict import Predictor
from tests.services.conftest import SPEC, picture, sound

SUBSETS = [views for size in range(1, 5) for views in combinations(VIEWS, size)]


@pytest.fixture
def predictor(folder: Path, digests: dict[str, str]) -> Predictor:
    return Predictor(load(folder, digests))


def only(question: Question, views: tuple[str, ...]) -> Question:
    return replace(question, **{f.name: None for f in fields(question) if f.name not in views})


@pytest.mark.parametrize("views", SUBSETS, ids="+".join)
def test_any_subset_gets_an_answer(
    predictor: Predictor, everything: Question, views: tuple[str, ...]
) -> None:
    answer = predictor.answer(only(everything, views))
    assert sorted(answer.probabilities) == SPEC.classes
    assert sum(answer.probabilities.values()) == pytest.approx(1.0, abs=1e-5)
    assert answer.confidence == max(answer.probabilities.values())
    assert answer.probabilities[answer.label] == answer.confidence
    assert list(answer.weights) == list(views)
    assert sum(answer.weights.values()) == pytest.approx(1.0, abs=1e-5)


def test_other_packaged_encoders_than_in_training_are_refused(
    folder: Path, digests: dict[str, str]
) -> None:
    loaded = load(folder, digests)
    loaded.config["weights"]["minilm"] = "0" * 64
    with pytest.raises(
        TamperedError, match=r"trained on minilm with blake3 00000000\.\.\., here it is"
    ):
        Predictor(loaded)


def test_the_same_question_gets_the_same_answer(predictor: Predictor, everything: Question) -> None:
    assert predictor.answer(everything) == predictor.answer(everything)


def test_the_answer_names_the_model(predictor: Predictor, everything: Question) -> None:
    assert predictor.answer(everything).model == predictor.loaded.digest
    assert predictor.answer(everything).plain()["label"] in SPEC.classes


@pytest.mark.parametrize("empty", [Question(), Question(caption="", image=b"")])
def test_nothing_to_answer_from(predictor: Predictor, empty: Question) -> None:
    with pytest.raises(UnreadableError, match="at least one of image, caption, text, audio"):
        predictor.answer(empty)


@pytest.mark.parametrize(
    ("question", "view"),
    [
        (Question(image=b"not a picture"), "image"),
        (Question(image=picture()[:40]), "image"),
        (Question(audio=b"a text file named .ogg"), "audio"),
        (Question(audio=sound()[:10]), "audio"),
    ],
)
def test_what_cannot_be_decoded_is_named(
    predictor: Predictor, question: Question, view: str
) -> None:
    with pytest.raises(UnreadableError, match=f"the {view} cannot be read"):
        predictor.answer(question)
