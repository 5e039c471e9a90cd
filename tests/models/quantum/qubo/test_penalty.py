"""The penalty form: its least energy is that of the best feasible assignment."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from models.quantum.qubo.constraints import AtMost, Exactly
from models.quantum.qubo.penalty import penalised, penalty_weight, slack
from models.quantum.qubo.problem import QuboProblem
from tests.models.quantum.qubo.conftest import meets, optimum, random_problem


@pytest.mark.parametrize("seed", range(4))
def test_the_least_of_the_form_is_the_feasible_optimum(case: Any, seed: int) -> None:
    problem = random_problem(9, seed=seed, constraints=case)
    form = penalised(problem)
    everything = np.array(list(product((0, 1), repeat=len(form.problem))), np.int8)
    energies = form.problem.energies(everything)
    best, x = optimum(problem)
    assert energies.min() == pytest.approx(best, abs=1e-9)
    assert tuple(form.strip(everything[[energies.argmin()]])[0].tolist()) == x
    # Sound: whatever misses a constraint has more energy than that.
    missed_512 = np.array([not meets(problem, x) for x in product((0, 1), repeat=9)])
    missed = missed_512[form.strip(everything) @ (1 << np.arange(8, -1, -1))]
    if missed.any():
        assert energies[missed].min() > best


def test_feasible_assignments_pay_nothing() -> None:
    problem = random_problem(6, seed=2, constraints=(Exactly("team", ("x1", "x2", "x5"), 2),))
    x = [[0, 1, 1, 0, 1, 0], [1, 0, 1, 1, 0, 1]]
    form = penalised(problem)
    np.testing.assert_allclose(form.problem.energies(x), problem.energies(x))
    # One too many: the weight once. Two too few: four times.
    for wrong, share in (([0, 1, 1, 0, 1, 1], 1), ([1, 0, 0, 1, 0, 0], 4)):
        paid = form.problem.energies(wrong) - problem.energies(wrong)
        np.testing.assert_allclose(paid, share * form.weight)


@pytest.mark.parametrize("budget", [0, 1, 2, 3, 7, 8, 12, 100, 1000])
def test_slack_reaches_every_number_and_no_other(budget: int) -> None:
    steps = slack(budget)
    sums = {
        sum(s for s, on in zip(steps, x, strict=True) if on)
        for x in product((0, 1), repeat=len(steps))
    }
    assert sums == set(range(budget + 1))
    assert len(steps) == budget.bit_length()  # no fewer bits could


def test_a_weight_is_needed_and_half_of_it_may_be_too_little() -> None:
    """min -3 x under x = 0: any weight above 3, the change of the only flip, is sound."""
    problem = QuboProblem.of(["x"], linear={"x": -3.0}, constraints=[Exactly("none", ("x",), 0)])
    weight = penalty_weight(problem)
    assert 3 < weight < 3.01


def test_nothing_to_gain_still_has_a_weight() -> None:
    problem = QuboProblem.of(["x", "y"], constraints=[Exactly("one", ("x", "y"), 1)])
    assert penalty_weight(problem) == 1.0
    assert penalised(QuboProblem.of(["x"])).weight == 0.0


def test_names_of_slack_do_not_clash() -> None:
    problem = QuboProblem.of(
        ["x", "slack money 0"],
        constraints=[AtMost.of("money", {"x": 1}, 1)],
    )
    assert penalised(problem).problem.names == ("x", "slack money 0", "slack money 0'")
