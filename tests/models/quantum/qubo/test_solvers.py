"""Each solver on problems whose optimum is known by looking at every assignment."""

from typing import Any

import numpy as np
import pytest

from models.quantum.qubo.answer import Answer, RefusedError
from models.quantum.qubo.compare import SOLVERS
from models.quantum.qubo.components import PARTS, components
from models.quantum.qubo.constraints import AtMost, Exactly, OneOf
from models.quantum.qubo.draws import draws
from models.quantum.qubo.exact import exact
from models.quantum.qubo.feasible import InfeasibleError, check_feasible
from models.quantum.qubo.greedy import greedy
from models.quantum.qubo.problem import QuboProblem
from models.quantum.qubo.qaoa import qaoa
from models.quantum.qubo.samplers import annealing, tabu
from tests.models.quantum.qubo.conftest import CASES, energy, meets, names, optimum, random_problem


@pytest.mark.parametrize("name", sorted(SOLVERS))
def test_answers_are_feasible_and_say_their_own_energy(case: Any, name: str) -> None:
    problem = random_problem(9, seed=11, constraints=case)
    found = SOLVERS[name](problem, seed=5)
    x = tuple(found.assignment.values())
    assert tuple(found.assignment) == problem.names
    assert found.energy == pytest.approx(energy(problem, x), abs=1e-9)
    assert found.feasible
    assert meets(problem, x)
    assert found.energy >= optimum(problem)[0] - 1e-9


@pytest.mark.parametrize("name", sorted(SOLVERS))
def test_same_seed_same_answer(name: str) -> None:
    team = Exactly("team", names(*range(12)), 5)
    problem = random_problem(12, seed=4, constraints=(team,))
    assert SOLVERS[name](problem, seed=3) == SOLVERS[name](problem, seed=3)


@pytest.mark.parametrize("seed", range(6))
def test_exact_finds_the_optimum(case: Any, seed: int) -> None:
    problem = random_problem(9, seed=seed, constraints=case, share=0.8)
    found = exact(problem)
    best, x = optimum(problem)
    assert found.energy == pytest.approx(best, abs=1e-9)
    assert tuple(found.assignment.values()) == x  # normal coefficients: the optimum is unique


@pytest.mark.parametrize("solve", [tabu, annealing])
@pytest.mark.parametrize("name", ["free", "exactly", "groups", "overlapping counts"])
def test_samplers_find_small_optima(name: str, solve: Any) -> None:
    """Without budgets: their slack makes the penalty form rough, and both miss some."""
    for seed in range(6):
        problem = random_problem(9, seed=seed, constraints=CASES[name]())
        assert solve(problem, seed=seed).energy == pytest.approx(optimum(problem)[0], abs=1e-9)


def test_greedy_of_a_knapsack_and_where_it_fails() -> None:
    """Values 60, 100, 120 of weights 10, 20, 30 in 50: by density 60 and 100 go first, then nothing
    fits. Exchanging 60 for 120 gives 220, the optimum; the textbook greedy stops at 160."""
    problem = QuboProblem.of(
        ["a", "b", "c"],
        linear={"a": -60.0, "b": -100.0, "c": -120.0},
        constraints=[AtMost.of("weight", {"a": 10, "b": 20, "c": 30}, 50)],
    )
    assert greedy(problem, seed=0).energy == -220
    # Two of one kind against two of another: no single exchange helps from a and b.
    stuck = QuboProblem.of(
        ["a", "b", "c", "d"],
        linear=dict.fromkeys("abcd", 0.0),
        quadratic={("a", "b"): -1.0, ("c", "d"): -3.0, ("a", "c"): 5.0, ("b", "d"): 5.0,
                   ("a", "d"): 5.0, ("b", "c"): 5.0},
        constraints=[Exactly("two", tuple("abcd"), 2)],
    )  # fmt: skip
    assert exact(stuck).chosen == ("c", "d")
    assert greedy(stuck, seed=0).energy in (-1.0, -3.0)


def test_greedy_is_a_local_optimum(case: Any) -> None:
    problem = random_problem(9, seed=21, constraints=case)
    found = greedy(problem, seed=2)
    x = list(found.assignment.values())
    for i in range(9):
        for j in range(i, 9):
            near = x.copy()
            near[i] ^= 1
            near[j] ^= int(i != j)
            assert not meets(problem, near) or energy(problem, near) > found.energy - 1e-9


def test_draws_are_even() -> None:
    """Two of four: six pairs, 4,000 single draws, 667 of each within 5 standard deviations."""
    own = names(0, 1, 2, 3)
    team = Exactly("two", own, 2)
    problem = QuboProblem.of(own, constraints=[team])
    found = [draws(problem, seed=seed, shots=1).chosen for seed in range(4000)]
    counts = [found.count(pair) for pair in sorted(set(found))]
    assert len(counts) == 6
    assert all(abs(count - 4000 / 6) < 5 * (4000 * 5 / 36) ** 0.5 for count in counts)
    with pytest.raises(ValueError, match="shots=0: 1 or more"):
        draws(problem, seed=0, shots=0)


def test_enumeration_respects_counts() -> None:
    problem = random_problem(16, seed=0, constraints=(Exactly("six", names(*range(16)), 6),))
    assert exact(problem).evaluations == 8008  # C(16, 6)


def test_a_long_chain_is_solved_by_its_tree() -> None:
    """80 variables in a row: 2^80 assignments, treewidth 1. The reference is the transfer of the
    least energies along the chain."""
    problem = random_problem(80, seed=8)
    near = np.abs(np.subtract.outer(range(80), range(80))) <= 1
    chain = QuboProblem(problem.names, problem.matrix * near, problem.offset)
    least = np.zeros(2)
    for i in range(80):
        own = np.array([0.0, chain.matrix[i, i]])
        joined = np.outer((0, 1), (0, 1)) * (chain.matrix[i - 1, i] if i else 0.0)
        least = (least[:, None] + joined).min(0) + own
    found = exact(chain)
    assert found.energy == pytest.approx(least.min() + chain.offset, abs=1e-9)


def test_a_chain_of_groups_is_solved_by_its_tree() -> None:
    groups = tuple(OneOf(f"g{i}", names(3 * i, 3 * i + 1, 3 * i + 2)) for i in range(20))
    problem = random_problem(60, seed=9)
    near = np.abs(np.subtract.outer(np.arange(60) // 3, np.arange(60) // 3)) <= 1
    chain = QuboProblem(problem.names, problem.matrix * near, 0.0, groups)
    least = np.zeros(3)
    for g in range(20):
        own = np.diagonal(chain.matrix)[3 * g : 3 * g + 3]
        joined = chain.matrix[3 * g - 3 : 3 * g, 3 * g : 3 * g + 3] if g else np.zeros((3, 3))
        least = (least[:, None] + joined).min(0) + own
    found = exact(chain)
    assert found.feasible
    assert found.energy == pytest.approx(least.min(), abs=1e-9)


def test_a_large_knapsack_is_solved_as_a_programme() -> None:
    """60 items: a table over the budget is the reference."""
    rng = np.random.default_rng(3)
    values, weights = rng.integers(1, 100, 60), rng.integers(1, 40, 60)
    best = np.zeros(301)
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        best[weight:] = np.maximum(best[weight:], best[: len(best) - weight] + value)
    own = names(*range(60))
    problem = QuboProblem.of(
        own,
        linear={name: -float(v) for name, v in zip(own, values, strict=True)},
        constraints=[AtMost.of("w", dict(zip(own, weights.tolist(), strict=True)), 300)],
    )
    assert exact(problem).energy == -best[300]


def test_too_many_variables_are_refused_with_numbers() -> None:
    problem = random_problem(40, seed=0)
    with pytest.raises(RefusedError, match=r"40 variables have 1.1e\+12 assignments.*has width 39"):
        exact(problem)
    needed = r"40 variables have 1.1e\+12 states that meet the counts, which need .* GB"
    with pytest.raises(RefusedError, match=needed):
        qaoa(problem, seed=0)
    free = (Exactly("six", names(*range(16)), 6),)
    with pytest.raises(RefusedError, match=r"8008 states .* 8,007 states are simulated at most"):
        qaoa(random_problem(16, seed=0, constraints=free), seed=0, largest=8007)


def infeasible() -> QuboProblem:
    return QuboProblem.of(
        ["a", "b", "c"],
        constraints=[
            OneOf("any", ("c",)),
            Exactly("two of them", ("a", "b"), 2),
            AtMost.of("money", {"a": 3, "b": 4, "c": 1}, 6),
            AtMost.of("time", {"a": 1, "b": 1}, 9),
        ],
    )


@pytest.mark.parametrize("name", sorted(SOLVERS))
def test_infeasible_constraints_are_named(name: str) -> None:
    """a and b cost 7 of 6; neither `any` nor `time` has a part in it."""
    with pytest.raises(InfeasibleError, match="no assignment meets 'two of them' and 'money':"):
        SOLVERS[name](infeasible(), seed=0)


def test_overlapping_counts_that_contradict_are_named() -> None:
    problem = QuboProblem.of(
        ["a", "b"], constraints=[OneOf("one", ("a", "b")), Exactly("both", ("b", "a"), 2)]
    )
    with pytest.raises(InfeasibleError, match="'one' and 'both'"):
        check_feasible(problem)


@pytest.mark.parametrize("name", sorted(SOLVERS))
def test_what_falls_apart_is_solved_apart(name: str) -> None:
    """Two teams, a budget, and three variables alone: exact would look at 2^27 otherwise."""
    problem = random_problem(27, seed=6)
    owner = np.array([0] * 8 + [1] * 8 + [2] * 8 + [3, 4, 5])
    matrix = problem.matrix * (owner[:, None] == owner)
    constraints = (
        Exactly("first", names(*range(8)), 3),
        Exactly("second", names(*range(8, 16)), 5),
        AtMost.of("money", {f"x{i}": i for i in range(16, 24)}, 60),
    )
    whole = QuboProblem(problem.names, matrix, problem.offset, constraints)
    assert [len(part) for part in components(whole)] == [8, 8, 8, 1, 1, 1]
    expected = whole.offset
    for i in range(3):
        at = slice(8 * i, 8 * i + 8)
        part = QuboProblem(whole.names[at], matrix[at, at], 0.0, (constraints[i],))
        expected += optimum(part)[0]
    expected += sum(min(0.0, float(matrix[i, i])) for i in (24, 25, 26))
    found = SOLVERS[name](whole, seed=1)
    assert found.details[PARTS] == 6
    assert found.feasible
    assert found.energy >= expected - 1e-9
    if name == "exact":
        assert found.energy == pytest.approx(expected, abs=1e-9)
        assert found.evaluations == 56 + 56 + 256 + 3 * 2  # not 2^27


def test_a_constraint_joins_what_no_term_joins() -> None:
    problem = QuboProblem.of(["a", "b", "c"], constraints=[OneOf("g", ("a", "c"))])
    assert components(problem) == [(0, 2), (1,)]


@pytest.mark.parametrize("name", sorted(SOLVERS))
@pytest.mark.parametrize("cost", [-1.5, 0.0, 2.0])
def test_one_variable(name: str, cost: float) -> None:
    free = SOLVERS[name](QuboProblem.of(["x"], linear={"x": cost}), seed=0)
    assert free.energy == min(cost, 0.0)
    forced = QuboProblem.of(["x"], linear={"x": cost}, constraints=[OneOf("g", ("x",))])
    assert SOLVERS[name](forced, seed=0).energy == cost


@pytest.mark.parametrize("name", sorted(SOLVERS))
@pytest.mark.parametrize("count", [2, 3, 4])
def test_few_variables(name: str, count: int) -> None:
    for seed in range(3):
        problem = random_problem(count, seed=seed)
        found: Answer = SOLVERS[name](problem, seed=seed)
        assert found.energy >= optimum(problem)[0] - 1e-9
        if name in ("exact", "tabu", "annealing"):
            assert found.energy == pytest.approx(optimum(problem)[0], abs=1e-9)


@pytest.mark.parametrize("name", sorted(SOLVERS))
@pytest.mark.parametrize("seed", [-1, 2**31])
def test_seeds_out_of_range_are_refused(name: str, seed: int) -> None:
    with pytest.raises(ValueError, match=f"seed={seed}: take one from 0 to 2147483647"):
        SOLVERS[name](random_problem(3, seed=0), seed=seed)
