"""The benchmark's own arithmetic: relative losses, dominance, verdicts and tables."""

import numpy as np
import pytest

from benchmarks.compression import dominance, verdicts
from benchmarks.compression_outcomes import Outcomes, losses
from benchmarks.compression_points import dominates
from benchmarks.compression_tables import distillation, targets


def _outcomes(right: list[float], hit: list[float]) -> Outcomes:
    group = np.array([f"g{i // 2}" for i in range(len(right))])
    language = np.array([0] * (len(hit) - 2) + [1] * 2)
    return Outcomes(np.array(right), group, np.array(hit), group[: len(hit)], language)


def test_a_loss_is_a_share_of_what_the_teacher_got_right() -> None:
    teacher = _outcomes([1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1])
    model = _outcomes([1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 0])
    told = losses(model, teacher)
    assert told["accuracy"] == pytest.approx(3 / 6)
    assert told["accuracy_loss"] == pytest.approx(1 - 3 / 4)
    # Languages count alike: (4/4 + 1/2) / 2 of the teacher's 1.
    assert told["r10_loss"] == pytest.approx(0.25)
    assert told["loss"] == pytest.approx(0.25)


def test_the_same_draw_serves_both_models() -> None:
    # Half of the teacher's in every group: 50% lost in every resample, an interval of no width.
    teacher = _outcomes([1] * 8, [1] * 8)
    model = _outcomes([1, 0] * 4, [1, 0] * 4)
    told = losses(model, teacher)
    assert told["accuracy_loss_low"] == told["accuracy_loss_high"] == pytest.approx(0.5)


def _line(kind: str, size: int, cpu_ms: float, loss: float) -> dict[str, object]:
    return {"kind": kind, "bytes": size, "cpu_ms": cpu_ms, "loss": loss}


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ((9, 1.0, 0.1), True),
        ((10, 1.0, 0.1), False),
        ((9, 1.1, 0.1), False),
        ((9, 0.9, 0.2), False),
    ],
)
def test_to_dominate_is_no_worse_on_all_and_better_on_one(
    own: tuple[int, float, float], expected: bool
) -> None:
    assert dominates(_line("ours", *own), _line("peer", 10, 1.0, 0.1)) is expected


def test_dominance_is_told_in_both_directions() -> None:
    lines = {
        "a": _line("ours", 9, 1.0, 0.1),
        "b": _line("ours", 12, 2.0, 0.3),
        "p": _line("peer", 10, 1.0, 0.1),
    }
    assert dominance(lines) == {"p": {"dominated_by": ["a"], "dominates": ["b"]}}


def test_a_target_at_its_limit() -> None:
    line = {
        "smaller": 0.90,
        "faster": 4.99,
        "memory_saved": 0.80,
        "accuracy_loss": 0.05,  # "under 5%": not met at 5%
        "r10_loss": 0.0499,
    }
    met = {name: told["met"] for name, told in verdicts(line).items()}
    assert met == {
        "smaller": True,
        "faster": False,
        "memory_saved": True,
        "accuracy_loss": False,
        "r10_loss": True,
    }
    head, row = targets({"targets": {"m": verdicts(line)}})
    assert (len(head), row[0], row[-1]) == (7, "m", "3 of 5")
    assert row[1:3] == ["met: 90.0%", "missed: 4.99"]


def test_a_student_has_a_row_a_way_and_one_for_the_difference() -> None:
    line = {"r10": {"mean": 0.5, "mean_low": 0.4, "mean_high": 0.6}}
    told = {"figures": {"r10": "R@10"}, "ways": {"x": line}, "differences": {"x - y": line}}
    assert distillation(told) == [
        ["student", "R@10 (95%)"],
        ["x", "0.500 (0.400 to 0.600)"],
        ["x - y", "0.500 (0.400 to 0.600)"],
    ]
