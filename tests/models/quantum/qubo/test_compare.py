"""The table: every solver has a line, and the best feasible answer is taken."""

from typing import Any

import pytest

from models.quantum.qubo.answer import Answer, RefusedError, answer
from models.quantum.qubo.compare import SOLVERS, NoAnswerError, side_by_side
from models.quantum.qubo.constraints import AtMost, Exactly
from models.quantum.qubo.feasible import InfeasibleError
from models.quantum.qubo.problem import QuboProblem
from tests.models.quantum.qubo.conftest import names, optimum, random_problem

COLUMNS = {"solver", "energy", "gap", "feasible", "evaluations", "seconds", "refusal"}


def test_all_solvers_side_by_side() -> None:
    problem = random_problem(10, seed=2, constraints=(Exactly("team", names(*range(10)), 4),))
    table = side_by_side(problem, seed=7)
    best = optimum(problem)[0]
    assert [line.solver for line in table.lines] == list(SOLVERS)
    assert table.best.energy == pytest.approx(best)
    assert table.solver == "exact"
    for row in table.plain():
        assert set(row) == COLUMNS
        assert row["feasible"] is True
        assert row["gap"] == pytest.approx(row["energy"] - best, abs=1e-9)
        assert row["gap"] >= -1e-9
        assert row["seconds"] > 0
    given = table.lines[-1].answer
    assert given is not None
    assert given.evaluations == 0  # angles were given
    assert "taken from exact" in table.sentence()
    again = side_by_side(problem, seed=7)
    assert [line.answer for line in again.lines] == [line.answer for line in table.lines]


def test_who_refuses_says_why_and_the_others_decide() -> None:
    problem = random_problem(40, seed=1)
    table = side_by_side(problem, seed=0)
    refused = {line.solver: line.refusal for line in table.lines if line.answer is None}
    assert set(refused) == {"exact", "qaoa", "qaoa with given angles"}
    assert "40 variables" in refused["exact"]
    assert table.solver in ("greedy", "tabu", "annealing", "random draws")
    assert table.best.energy == min(line.answer.energy for line in table.lines if line.answer)
    assert "exact refused" in table.sentence()


def fixed(*x: int) -> Any:
    def solve(problem: QuboProblem, *, seed: int) -> Answer:
        del seed
        return answer(problem, x, evaluations=1, seconds=0.0)

    return solve


def refuses(problem: QuboProblem, *, seed: int) -> Answer:
    raise RefusedError(f"{len(problem)} are too many for {seed}")


def test_infeasible_answers_are_shown_but_not_taken() -> None:
    money = AtMost.of("money", {"x0": 2, "x1": 2}, 3)
    problem = QuboProblem.of(["x0", "x1"], linear={"x0": -1.0, "x1": -2.0}, constraints=[money])
    table = side_by_side(
        problem, seed=0, solvers={"both": fixed(1, 1), "first": fixed(1, 0), "none": fixed(0, 0)}
    )
    assert table.solver == "first"
    assert [line.gap for line in table.lines] == [-2.0, 0.0, 1.0]
    assert [line.plain()["feasible"] for line in table.lines] == [False, True, True]
    with pytest.raises(NoAnswerError, match="both: infeasible; no: 2 are too many for 4"):
        side_by_side(problem, seed=4, solvers={"both": fixed(1, 1), "no": refuses})


def test_of_equal_answers_the_first_is_taken() -> None:
    problem = QuboProblem.of(["x0", "x1"], linear={"x0": -1.0, "x1": -1.0 - 1e-15})
    table = side_by_side(problem, seed=0, solvers={"one": fixed(1, 0), "two": fixed(0, 1)})
    assert table.solver == "one"


def test_bad_input_is_named() -> None:
    problem = random_problem(3, seed=0)
    with pytest.raises(ValueError, match="no solvers: take some of exact, greedy"):
        side_by_side(problem, seed=0, solvers={})
    with pytest.raises(ValueError, match="seed=-3"):
        side_by_side(problem, seed=-3)
    never = QuboProblem.of(
        ["a"],
        constraints=[Exactly("all", ("a",), 1), AtMost.of("nothing", {"a": 1}, 0)],
    )
    with pytest.raises(InfeasibleError, match="'all' and 'nothing'"):
        side_by_side(never, seed=0)
