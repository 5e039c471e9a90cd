"""The circuit is the one that PennyLane runs; its slopes are right; its angles carry over."""

from typing import Any

import networkx as nx
import numpy as np
import pytest

from models.quantum.qubo.constraints import AtMost, Exactly, OneOf
from models.quantum.qubo.exact import exact
from models.quantum.qubo.mixer import Space
from models.quantum.qubo.problem import QuboProblem
from models.quantum.qubo.qaoa import Angles, Found, optimise, probabilities, qaoa, quality
from tests.models.quantum.qubo.conftest import names, random_problem

LARGEST = 10**6


def reference(problem: QuboProblem, space: Space, angles: Angles, mixers: Any) -> Any:
    """Probabilities of all 2^n bit strings by PennyLane: Dicke start, full register, its mixers."""
    import pennylane as qml

    count = len(problem)
    rows = np.arange(len(space))
    places = space.product.assignments(rows, count) @ (1 << np.arange(count - 1, -1, -1))
    start = np.zeros(2**count)
    start[places] = len(places) ** -0.5
    # States outside of the space are never reached: any cost will do for them.
    cost = np.zeros(2**count)
    cost[places] = space.cost

    @qml.qnode(qml.device("default.qubit", wires=count))
    def circuit() -> Any:
        qml.StatePrep(start, wires=range(count))
        for gamma, beta in zip(angles.gammas, angles.betas, strict=True):
            qml.DiagonalQubitUnitary(np.exp(-1j * gamma * cost), wires=range(count))
            for mixer in mixers:
                qml.ApproxTimeEvolution(mixer, beta, 1)
        return qml.probs(wires=range(count))

    return np.asarray(circuit()), places


def swap(i: int, j: int) -> Any:
    """qml.qaoa's XY mixer of one pair. A ring is one after the other, in its order; a graph of all
    of them would be applied in the order in which networkx lists edges."""
    import pennylane as qml

    return qml.qaoa.xy_mixer(nx.Graph([(i, j)]))


ANGLES = Angles((0.7, -0.3), (0.4, -0.9))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_dicke_and_ring_are_pennylanes(k: int) -> None:
    problem = random_problem(5, seed=k, constraints=(Exactly("team", names(*range(5)), k),))
    space = Space.of(problem, largest=LARGEST)
    pairs = [swap(i, (i + 1) % 5) for i in range(5)]
    expected, places = reference(problem, space, ANGLES, pairs)
    np.testing.assert_allclose(probabilities(space, ANGLES), expected[places], atol=1e-12)
    assert expected[places].sum() == pytest.approx(1.0)  # it stays where k are 1


def test_groups_and_free_variables_are_pennylanes() -> None:
    import pennylane as qml

    groups = (OneOf("a", names(0, 1)), Exactly("b", names(2, 4, 5), 2))
    problem = random_problem(6, seed=3, constraints=groups)
    space = Space.of(problem, largest=LARGEST)
    assert len(space) == 2 * 3 * 2
    mixers = [swap(0, 1), swap(2, 4), swap(4, 5), swap(5, 2), qml.qaoa.x_mixer([3])]
    expected, places = reference(problem, space, ANGLES, mixers)
    np.testing.assert_allclose(probabilities(space, ANGLES), expected[places], atol=1e-12)


def test_slopes_are_those_of_differences() -> None:
    problem = random_problem(7, seed=5, constraints=(Exactly("team", names(1, 2, 4, 6), 2),))
    space = Space.of(problem, largest=LARGEST)
    gammas, betas = np.array([0.5, -0.2, 0.9]), np.array([0.3, 0.8, -0.6])
    value, by_gamma, by_beta = space.gradient(gammas, betas)
    assert value == pytest.approx(space.value(gammas, betas), abs=1e-12)
    step = 1e-5
    for layer in range(3):
        near = np.eye(3)[layer] * step
        slope = space.value(gammas + near, betas) - space.value(gammas - near, betas)
        assert by_gamma[layer] == pytest.approx(slope / (2 * step), abs=1e-8)
        slope = space.value(gammas, betas + near) - space.value(gammas, betas - near)
        assert by_beta[layer] == pytest.approx(slope / (2 * step), abs=1e-8)


def test_costs_are_scaled_alike() -> None:
    team = (Exactly("team", names(*range(8)), 3),)
    problem = random_problem(8, seed=2, constraints=team)
    space = Space.of(problem, largest=LARGEST)
    assert len(space) == 56
    assert space.cost.mean() == pytest.approx(0, abs=1e-12)
    assert space.cost.std() == pytest.approx(1)
    other = QuboProblem(problem.names, 1000 * problem.matrix, 7.0, team)
    np.testing.assert_allclose(Space.of(other, largest=LARGEST).cost, space.cost, atol=1e-9)


def test_what_breaks_a_budget_costs_the_square_of_what_is_too_much() -> None:
    """As the penalty form with its best slack; 0.3 of the feasible range on average."""
    money = AtMost.of("money", {"x0": 2, "x1": 3, "x2": 4}, 5)
    problem = random_problem(3, seed=1, constraints=(money,))
    space = Space.of(problem, largest=LARGEST)
    assert space.feasible.tolist() == [True, True, True, False, True, False, True, False]
    spread = space.energies[space.feasible].std()
    paid = space.cost * spread + space.energies[space.feasible].mean() - space.energies
    too_much = np.array([0, 0, 0, 2, 0, 1, 0, 4]) ** 2.0
    expected = 0.3 * np.ptp(space.energies[space.feasible]) * too_much / (21 / 3)
    np.testing.assert_allclose(paid, expected, atol=1e-9)


def test_optimising_helps_and_keeps_to_its_evaluations() -> None:
    problem = random_problem(10, seed=4, constraints=(Exactly("team", names(*range(10)), 4),))
    space = Space.of(problem, largest=LARGEST)
    found: list[Found] = [
        optimise(space, layers=layers, evaluations=60, seed=0) for layers in (1, 2, 3)
    ]
    values = [one.value for one in found]
    assert values == sorted(values, reverse=True)  # a layer more cannot hurt, and here helps
    assert values[0] < -0.5  # half a standard deviation below drawing at random
    assert all(1 <= one.evaluations <= 60 for one in found)
    one = optimise(space, layers=2, evaluations=7, seed=0)
    assert one.evaluations == 7
    assert one.value >= values[1] - 1e-12


def test_angles_carry_over_with_no_evaluation() -> None:
    """Angles of one random problem on others of its kind: nearly as good as angles of their own."""
    team = (Exactly("team", names(*range(10)), 4),)
    spaces = [
        Space.of(random_problem(10, seed=seed, constraints=team), largest=LARGEST)
        for seed in range(5)
    ]
    first, *others = spaces
    angles = optimise(first, layers=2, evaluations=200, seed=0).angles
    for space in others:
        own = optimise(space, layers=2, evaluations=200, seed=0)
        given = quality(space, probabilities(space, angles))
        best = quality(space, probabilities(space, own.angles))
        assert given["ratio"] > best["uniform_ratio"] + 0.75 * (
            best["ratio"] - best["uniform_ratio"]
        )
    problem = random_problem(10, seed=3, constraints=team)
    answered = qaoa(problem, seed=1, angles=angles)
    assert answered.evaluations == 0
    assert answered.energy == pytest.approx(exact(problem).energy)


def test_figures_of_a_distribution() -> None:
    """Energies 0, 1, 4 of one in three, measured 1/2, 1/4, 1/4: mean 1.25 of 4."""
    own = names(0, 1, 2)
    problem = QuboProblem.of(own, linear={"x1": 1.0, "x2": 4.0}, constraints=[OneOf("g", own)])
    space = Space.of(problem, largest=LARGEST)
    assert space.energies.tolist() == [4.0, 1.0, 0.0]  # 001, 010, 100
    told = quality(space, np.array([0.25, 0.25, 0.5]))
    assert told == pytest.approx(
        {
            "ratio": (4 - 1.25) / 4,
            "uniform_ratio": (4 - 5 / 3) / 4,
            "probability": 0.5,
            "lift": 1.5,
            "feasible_share": 1.0,
        }
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Angles((), ()), "0 gammas and 0 betas"),
        (lambda: Angles((0.1,), (0.1, 0.2)), "1 gammas and 2 betas"),
        (lambda: Angles((float("nan"),), (0.1,)), "must be finite"),
        (lambda: qaoa(random_problem(3, seed=0), seed=0, shots=0), "shots=0: each is 1 or more"),
        (lambda: qaoa(random_problem(3, seed=0), seed=0, layers=0), "layers=0"),
        (lambda: qaoa(random_problem(3, seed=0), seed=0, evaluations=0), "evaluations=0"),
    ],
)
def test_bad_settings_are_named(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
