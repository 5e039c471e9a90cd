"""The gate says no to what breaks a limit, in words that can be acted upon."""

import math

import pytest

from tasks.errors import CheckFailed, InputError
from tasks.params.release import GateParams
from tasks.release.gate import check_gate, flatten


def limits(at_least: dict[str, float], at_most: dict[str, float] | None = None) -> GateParams:
    return GateParams(at_least=at_least, at_most=at_most or {})


def test_a_model_within_its_limits_passes_and_the_record_says_so() -> None:
    checked = check_gate(
        {"accuracy": 0.91, "ece": 0.03, "loss": 7.0}, limits({"accuracy": 0.9}, {"ece": 0.1})
    )
    assert checked == {
        "accuracy": {"value": 0.91, "at_least": 0.9},
        "ece": {"value": 0.03, "at_most": 0.1},
    }


def test_a_figure_on_its_limit_passes() -> None:
    check_gate({"accuracy": 0.9, "ece": 0.1}, limits({"accuracy": 0.9}, {"ece": 0.1}))


@pytest.mark.parametrize("value", [0.8999, math.nan, -math.inf])
def test_too_low_and_not_a_number_are_refused(value: float) -> None:
    with pytest.raises(CheckFailed, match=r"accuracy is (0\.8999|nan|-inf), must be at least 0\.9"):
        check_gate({"accuracy": value}, limits({"accuracy": 0.9}))


@pytest.mark.parametrize("value", [0.11, math.nan, math.inf])
def test_too_high_and_not_a_number_are_refused(value: float) -> None:
    with pytest.raises(CheckFailed, match=r"ece is (0\.11|nan|inf), must be at most 0\.1"):
        check_gate({"ece": value}, limits({}, {"ece": 0.1}))


def test_all_broken_limits_are_named_at_once() -> None:
    with pytest.raises(CheckFailed, match=r"accuracy is 0\.5.*; ece is 0\.4.*params\.yaml"):
        check_gate({"accuracy": 0.5, "ece": 0.4}, limits({"accuracy": 0.9}, {"ece": 0.1}))


def test_one_figure_may_have_both_limits() -> None:
    both = limits({"gate": 0.1}, {"gate": 0.9})
    assert check_gate({"gate": 0.5}, both) == {
        "gate": {"value": 0.5, "at_least": 0.1, "at_most": 0.9}
    }


def test_a_limit_on_a_figure_that_is_not_reported_is_bad_input() -> None:
    with pytest.raises(
        InputError, match=r"release\.gate\.at_least.*'acuracy'.*reports accuracy, ece"
    ):
        check_gate({"accuracy": 0.9, "ece": 0.1}, limits({"acuracy": 0.9}))


def test_nested_metrics_get_dotted_names() -> None:
    flat = flatten(
        {"test": {"image": {"accuracy": 0.5, "n": 3}}, "seed": 7, "name": "x", "list": [1]}
    )
    assert flat == {"test.image.accuracy": 0.5, "test.image.n": 3.0, "seed": 7.0}


def test_a_figure_that_json_wrote_as_null_breaks_its_limit() -> None:
    figures = flatten({"accuracy": None})
    with pytest.raises(CheckFailed, match="accuracy is nan"):
        check_gate(figures, limits({"accuracy": 0.9}))
