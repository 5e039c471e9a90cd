import pytest
import torch

from models.batches import VIEWS, Examples
from models.compression.answers import Answers
from models.compression.cross_modal import cross_modal_targets
from models.fusion import GatedProduct

ROWS = torch.arange(4)


@pytest.fixture
def examples() -> Examples:
    """Four rows; recordings 0 and 1 are of row 0, 1 and 2 (shared), 2 lies outside the rows."""
    nothing = {view: torch.zeros(3, 1) for view in VIEWS}
    place = {
        "image": torch.tensor([0, 1, -1, 2]),
        "caption": torch.tensor([-1, -1, -1, -1]),
        "text": torch.tensor([0, 1, 2, 0]),
        "audio": torch.tensor([0, 1, 1, -1]),
    }
    return Examples(nothing, place, torch.zeros(4, dtype=torch.long), torch.zeros(4).long())


@pytest.fixture
def answers() -> dict[str, Answers]:
    generator = torch.Generator().manual_seed(1)

    def one() -> Answers:
        vectors = torch.nn.functional.normalize(torch.randn(3, 4, generator=generator), dim=1)
        return Answers(torch.randn(3, 2, generator=generator), vectors)

    return {view: one() for view in VIEWS}


@pytest.fixture
def fusion() -> GatedProduct:
    return GatedProduct(trust=[1.0, 1.0, 1.0, 1.0], classes=2).eval().requires_grad_(False)


def taught(examples, answers, fusion, **names):
    return cross_modal_targets(examples, answers, fusion, view="audio", rows=ROWS, **names)


def test_another_views_scores_teach_where_both_are_present(examples, answers, fusion):
    found = taught(examples, answers, fusion, scores="image", vectors="audio")
    probability = answers["image"].scores.softmax(1)
    # Recording 0 with picture 0; recording 1 with picture 1 in row 1 (row 2 has no picture).
    torch.testing.assert_close(found.scores.softmax(1)[0], probability[0])
    torch.testing.assert_close(found.scores.softmax(1)[1], probability[1])
    # Recording 2 is nowhere: its own teacher's answer.
    torch.testing.assert_close(found.scores.softmax(1)[2], answers["audio"].scores.softmax(1)[2])
    assert torch.equal(found.vectors, answers["audio"].vectors)


def test_the_fused_answer_is_the_product_of_what_is_present(examples, answers, fusion):
    # With trust 1 everywhere the fusion multiplies probabilities.
    found = taught(examples, answers, fusion, scores="fused", vectors="audio")
    p = {view: a.scores.softmax(1) for view, a in answers.items()}
    first = p["image"][0] * p["text"][0] * p["audio"][0]
    torch.testing.assert_close(found.scores.softmax(1)[0], first / first.sum())
    # Recording 1 is held by two rows: the mean of both answers.
    one = p["image"][1] * p["text"][1] * p["audio"][1]
    two = p["text"][2] * p["audio"][1]
    torch.testing.assert_close(found.scores.softmax(1)[1], (one / one.sum() + two / two.sum()) / 2)


def test_vectors_of_the_partner_are_the_points_to_reach(examples, answers, fusion):
    found = taught(examples, answers, fusion, scores="audio", vectors="text")
    text = answers["text"].vectors
    torch.testing.assert_close(found.vectors[0], text[0])
    mean = (text[1] + text[2]) / 2
    torch.testing.assert_close(found.vectors[1], mean / mean.norm())
    torch.testing.assert_close(found.vectors[2], answers["audio"].vectors[2])
    assert torch.equal(found.scores, answers["audio"].scores)


def test_unknown_teachers_are_refused(examples, answers, fusion):
    with pytest.raises(ValueError, match="'smell' cannot teach or learn: allowed are fused, image"):
        taught(examples, answers, fusion, scores="smell", vectors="audio")
