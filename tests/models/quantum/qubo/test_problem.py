"""A problem says what it costs, what it misses and what is wrong with it; and travels as JSON."""

import json
from itertools import product
from typing import Any

import numpy as np
import pytest

from models.quantum.qubo.constraints import AtMost, Exactly, OneOf, row, violation
from models.quantum.qubo.problem import QuboProblem
from tests.models.quantum.qubo.conftest import energy, meets, random_problem


def test_energies_and_feasibility_of_every_assignment(case: Any) -> None:
    problem = random_problem(9, seed=1, constraints=case)
    x_Bn = np.array(list(product((0, 1), repeat=9)), np.int8)
    expected = [energy(problem, x) for x in x_Bn.tolist()]
    np.testing.assert_allclose(problem.energies(x_Bn), expected, atol=1e-12)
    assert problem.feasible(x_Bn).tolist() == [meets(problem, x) for x in x_Bn.tolist()]
    assert problem.energies(x_Bn[5]).shape == (1,)


def test_terms_by_name_are_added_up() -> None:
    problem = QuboProblem.of(
        ["a", "b"],
        linear={"a": 1.0, "b": -2.0},
        quadratic={("a", "b"): 3.0, ("b", "a"): 0.5},
        offset=10.0,
    )
    assert problem.matrix.tolist() == [[1.0, 3.5], [0.0, -2.0]]
    assert problem.energies([[0, 0], [1, 0], [0, 1], [1, 1]]).tolist() == [10, 11, 8, 12.5]


def test_violations_are_counted() -> None:
    problem = random_problem(
        3,
        seed=0,
        constraints=(
            Exactly("two", ("x0", "x1", "x2"), 2),
            AtMost.of("money", {"x0": 3, "x2": 4}, 5),
        ),
    )
    assert problem.violations([[0, 0, 0], [1, 0, 1]])["two"].tolist() == [2, 0]
    assert problem.violations([[0, 0, 0], [1, 0, 1]])["money"].tolist() == [0, 2]
    assert row(OneOf("a", ("x2",)), problem.names).tolist() == [0, 0, 1]
    assert violation(OneOf("a", ("x2",)), np.array([0, 1, 3])).tolist() == [1, 0, 2]


def test_the_same_problem_comes_back_from_json(case: Any) -> None:
    problem = random_problem(9, seed=3, constraints=case, share=0.5)
    text = problem.to_json()
    again = QuboProblem.from_json(text)
    assert again.to_json() == text
    assert again.names == problem.names
    assert again.constraints == problem.constraints
    assert again.offset == problem.offset
    assert np.array_equal(again.matrix, problem.matrix)  # to the bit
    assert json.loads(text)["version"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "of version 'list'"),
        ('{"version": 2}', "of version 2: version 1 is read"),
        ('{"version": 1, "names": ["a"]}', "no QUBO: KeyError"),
        (
            '{"version":1,"names":["a"],"offset":0,"terms":[[0,1,2.0]],"constraints":[]}',
            "row 0 and column 1 of 1 variables",
        ),
        (
            '{"version":1,"names":["a"],"offset":0,"terms":[[0,0,NaN]],"constraints":[]}',
            "'a' is nan: coefficients must be finite",
        ),
        (
            '{"version":1,"names":["a"],"offset":0,"terms":[],"constraints":[{"kind":"few"}]}',
            "kind 'few': allowed are exactly, one_of, at_most",
        ),
        ("{", "Expecting"),
    ],
)
def test_what_is_no_problem_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        QuboProblem.from_json(text)


def of(count: int = 2, **more: Any) -> QuboProblem:
    return QuboProblem.of([f"x{i}" for i in range(count)], **more)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: of(0), "an empty QUBO has nothing to decide"),
        (lambda: QuboProblem.of(["a", "b", "a"]), "variable 'a' more than once"),
        (lambda: of(linear={"x0": float("nan")}), "'x0' and 'x0' is nan"),
        (lambda: of(quadratic={("x0", "x1"): float("inf")}), "'x0' and 'x1' is inf"),
        (lambda: of(offset=float("nan")), "offset=nan: it must be finite"),
        (lambda: of(linear={"y": 1.0}), "'y', which no variable is called: x0, x1"),
        (lambda: of(quadratic={("x1", "x1"): 1.0}), r"'x1' with itself: x \* x = x"),
        (lambda: QuboProblem(("a",), np.zeros((2, 2))), r"\(2, 2\) for 1 variables"),
        (lambda: QuboProblem(("a",), np.zeros((1, 1), np.float32)), "float32"),
        (
            lambda: QuboProblem(("a", "b"), np.array([[0.0, 0.0], [5.0, 0.0]])),
            "5 below its diagonal, in row 1 and column 0",
        ),
        (lambda: of(constraints=[OneOf("g", ("x0", "z"))]), "'g' is about z, which no variable"),
        (
            lambda: of(constraints=[OneOf("g", ("x0",)), Exactly("g", ("x1",), 1)]),
            "constraint 'g' more than once",
        ),
        (lambda: Exactly("g", ("x0", "x1"), 3), "k=3 of 2 variables: take .* from 0 to 2"),
        (lambda: Exactly("g", ("x0", "x1"), -1), "k=-1 of 2 variables"),
        (lambda: Exactly("g", ("x0", "x1"), 1.5), "k=1.5"),  # type: ignore[arg-type]
        (lambda: OneOf("g", ()), "'g' is about no variable"),
        (lambda: OneOf("", ("x0",)), "has no name"),
        (lambda: OneOf("g", ("x0", "x0")), "'g' names x0 more than once"),
        (lambda: AtMost.of("g", {"x0": -2}, 1), "weight -2 of 'x0'"),
        (lambda: AtMost.of("g", {"x0": 2.5}, 1), "weight 2.5 of 'x0'"),  # type: ignore[dict-item]
        (lambda: AtMost.of("g", {"x0": 2}, -1), "budget -1"),
        (lambda: AtMost.of("g", {"x0": 2**31}, 1), "take a coarser unit"),
        (lambda: of().energies([[0, 1, 1]]), r"shape \(1, 3\): \(B, 2\) is needed"),
        (lambda: of().energies([0.5, 1]), "other values than 0 and 1"),
    ],
)
def test_bad_input_is_named(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
