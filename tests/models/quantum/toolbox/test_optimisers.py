"""Every optimiser finds a minimum that is known, leaves a saddle, and repeats by its seed."""

import math

import numpy as np
import pennylane as qml
import pytest

from models.quantum.toolbox.optimisers import METHODS, minimise

ENOUGH = {"adam": 90, "lbfgs": 50, "spsa": 200, "rotosolve": 10, "qng": 90}


@qml.qnode(qml.device("default.qubit", wires=2))
def ising(values: np.ndarray) -> object:
    """-Z Z - X_0 - X_1 on two qubits."""
    for wire in range(2):
        qml.RY(values[wire], wires=wire)
    qml.CNOT([0, 1])
    for wire in range(2):
        qml.RY(values[2 + wire], wires=wire)
    return qml.expval(-qml.Z(0) @ qml.Z(1) - qml.X(0) - qml.X(1))


LEAST = -math.sqrt(5)  # of -ZZ - X - X: the eigenvalues are -1, 1 and -+ sqrt(1 + 4)


@qml.qnode(qml.device("default.qubit", wires=2))
def saddle(values: np.ndarray) -> object:
    """cos a cos b: from a = b every step keeps them alike, and a = b = pi / 2 is a saddle."""
    qml.RX(values[0], wires=0)
    qml.RX(values[1], wires=1)
    return qml.expval(qml.Z(0) @ qml.Z(1))


def parabola(values: np.ndarray) -> object:
    return ((values - np.array([1.0, -2.0])) ** 2).sum()


def test_the_ground_energy_is_that_of_the_matrix() -> None:
    found = np.linalg.eigvalsh(qml.matrix(-qml.Z(0) @ qml.Z(1) - qml.X(0) - qml.X(1)))
    assert found[0] == pytest.approx(LEAST, abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_a_ground_state_is_found(method: str) -> None:
    found = minimise(ising, [0.3, -0.2, 0.5, 0.1], method=method, steps=ENOUGH[method])
    near = {"spsa": 0.05, "adam": 1e-3}.get(method, 1e-6)
    assert found.cost == pytest.approx(LEAST, abs=near)
    assert float(ising(found.values)) == pytest.approx(found.cost, abs=1e-12)
    assert found.trace[-1] == found.cost < found.trace[0] or method == "spsa"
    assert found.calls > 0


@pytest.mark.parametrize("method", ["adam", "lbfgs", "qng"])
def test_a_symmetric_start_ends_on_a_saddle_and_a_push_leads_off(method: str) -> None:
    stuck = minimise(saddle, [0.1, 0.1], method=method, steps=60, escape=False)
    assert stuck.cost == pytest.approx(0, abs=0.02)
    found = minimise(saddle, [0.1, 0.1], method=method, steps=60)
    assert found.cost == pytest.approx(-1, abs=0.01)
    assert found.escapes >= 1


@pytest.mark.parametrize("method", ["adam", "lbfgs", "qng", "rotosolve"])
def test_a_start_without_a_gradient_is_left_too(method: str) -> None:
    found = minimise(saddle, [math.pi / 2, math.pi / 2], method=method, steps=60)
    assert found.cost == pytest.approx(-1, abs=0.01)


def test_a_minimum_is_not_called_an_escape() -> None:
    assert minimise(ising, [0.3, -0.2, 0.5, 0.1], method="lbfgs").escapes == 0


@pytest.mark.parametrize("method", ["adam", "lbfgs", "spsa"])
def test_costs_need_not_be_circuits(method: str) -> None:
    found = minimise(parabola, [0.0, 0.0], method=method, steps=600)
    np.testing.assert_allclose(found.values, [1, -2], atol=0.05)


def test_a_given_gradient_is_used() -> None:
    def both(values: np.ndarray) -> tuple[float, np.ndarray]:
        return float((values**4).sum()), 4 * values**3

    found = minimise(lambda values: (values**4).sum(), [1.0], with_gradient=both, steps=300)
    assert found.cost == pytest.approx(0, abs=1e-8)


def test_rotosolve_needs_two_sweeps_of_a_product() -> None:
    # One rotation a qubit: each sweep sets every angle to its best.
    found = minimise(saddle, [0.4, 0.9], method="rotosolve", steps=3, escape=False)
    assert found.cost == pytest.approx(-1, abs=1e-10)


def test_rotosolve_takes_shared_angles() -> None:
    @qml.qnode(qml.device("default.qubit", wires=2))
    def shared(values: np.ndarray) -> object:
        qml.RX(values[0], wires=0)
        qml.RX(values[0], wires=1)
        return qml.expval(qml.Z(0) @ qml.Z(1) + 0.5 * qml.Z(0))

    # cos^2 t + cos t / 2 is least at cos t = -1/4: -1/16.
    found = minimise(shared, [0.4], method="rotosolve", frequencies=2, steps=5)
    assert found.cost == pytest.approx(-1 / 16, abs=1e-6)


@pytest.mark.parametrize("method", ["spsa", "lbfgs"])
def test_same_seed_same_values_whatever_numpys_global_seed(method: str) -> None:
    found = []
    for seed, world in ((1, 0), (1, 5), (2, 5)):
        np.random.seed(world)  # shown to have no effect
        found.append(minimise(saddle, [0.1, 0.1], method=method, steps=20, seed=seed).values)
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[1], found[2])


def test_unknown_methods_name_the_known() -> None:
    with pytest.raises(ValueError, match="optimiser 'sgd' is not known: take one of adam, lbfgs"):
        minimise(ising, [0.0] * 4, method="sgd")


@pytest.mark.parametrize("start", [[], [[0.0]], [math.nan, 0.0], 1.0])
def test_starts_that_are_no_vector(start: object) -> None:
    with pytest.raises(ValueError, match="give one vector of finite numbers"):
        minimise(saddle, start)  # type: ignore[arg-type]


def test_natural_gradient_needs_a_circuit() -> None:
    with pytest.raises(ValueError, match="'qng' needs a QNode"):
        minimise(parabola, [0.0, 0.0], method="qng")


@pytest.mark.parametrize("method", ["adam", "lbfgs", "spsa"])
def test_costs_that_are_not_finite(method: str) -> None:
    with pytest.raises(ValueError, match=r"not finite|cost is nan"):
        minimise(lambda values: (values * math.nan).sum(), [0.5], method=method, steps=3)


def test_steps_and_frequencies_below_one() -> None:
    with pytest.raises(ValueError, match="steps=0: at least 1"):
        minimise(saddle, [0.1, 0.1], steps=0)
    with pytest.raises(ValueError, match="rate=0: give a step size above 0"):
        minimise(saddle, [0.1, 0.1], rate=0)
    with pytest.raises(ValueError, match=r"frequencies=\[1\]: give one"):
        minimise(saddle, [0.1, 0.1], method="rotosolve", frequencies=[1])
