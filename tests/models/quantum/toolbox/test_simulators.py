"""State vectors of 20 to 22 qubits against closed forms; more than memory holds is refused."""

from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pennylane as qml
import psutil
import pytest

from models.quantum.toolbox import qaoa
from models.quantum.toolbox.simulators import (
    batch_device,
    fits,
    mixed_device,
    needed_bytes,
    vector_device,
)
from models.quantum.toolbox.states import ghz


def chain(angles: np.ndarray, places: Sequence[int]) -> object:
    """Rotations, then CNOTs down the line: <Z_k> is the product of cos of the first k + 1."""
    for wire, angle in enumerate(angles):
        qml.RY(angle, wires=wire)
    for pair in pairwise(range(len(angles))):
        qml.CNOT(pair)
    return [qml.expval(qml.Z(place)) for place in places]


@pytest.mark.parametrize(("precision", "near"), [("double", 1e-12), ("single", 1e-4)])
@pytest.mark.parametrize("qubits", [10, 20])
def test_a_chain_is_a_product_of_cosines(qubits: int, precision: str, near: float) -> None:
    angles = np.random.default_rng(qubits).uniform(-0.6, 0.6, qubits)
    places = [0, qubits // 2, qubits - 1]
    found = qml.QNode(chain, vector_device(qubits, precision=precision))(angles, places)
    np.testing.assert_allclose(found, np.cumprod(np.cos(angles))[places], atol=near)


@pytest.mark.slow
def test_twenty_two_qubits() -> None:
    angles = np.random.default_rng(22).uniform(-0.6, 0.6, 22)
    found = qml.QNode(chain, vector_device(22))(angles, range(22))
    np.testing.assert_allclose(found, np.cumprod(np.cos(angles)), atol=1e-12)


@pytest.mark.slow
def test_adjoint_gradients_of_twenty_qubits() -> None:
    def last(values: np.ndarray) -> object:
        return chain(values, [19])[0]  # type: ignore[index]

    angles = qml.numpy.array(np.random.default_rng(20).uniform(0.1, 0.6, 20), requires_grad=True)
    found = qml.grad(qml.QNode(last, vector_device(20), diff_method="adjoint"))(angles)
    # d prod cos / d angle_i = -tan(angle_i) prod cos
    np.testing.assert_allclose(found, -np.tan(angles) * np.cos(angles).prod(), atol=1e-12)


def test_a_ghz_state_of_twenty_qubits() -> None:
    def circuit() -> object:
        ghz(range(20))
        return qml.probs(wires=[0, 7, 19]), qml.expval(qml.prod(*(qml.X(i) for i in range(20))))

    probabilities, parity = qml.QNode(circuit, vector_device(20))()
    np.testing.assert_allclose(probabilities, [0.5, 0, 0, 0, 0, 0, 0, 0.5], atol=1e-12)
    assert parity == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("device", [vector_device, batch_device, mixed_device])
def test_sixty_qubits_are_refused_with_the_number_that_fits(device: object) -> None:
    with pytest.raises(
        ValueError, match=r"qubits=60: .* need [\d.]+ GB, .* use at most \d+"
    ) as told:
        device(60)  # type: ignore[operator]
    most = int(str(told.value).rsplit(" ", 1)[1])
    assert most >= 1
    powers = 2 if device is mixed_device else 1
    free = psutil.virtual_memory().available
    assert needed_bytes(most - 1, powers=powers) < free


def test_the_prediction_is_that_of_the_amplitudes(monkeypatch: pytest.MonkeyPatch) -> None:
    one = needed_bytes(30) // (16 << 30)
    assert needed_bytes(30) == one * 16 * 2**30
    assert needed_bytes(30, amplitude=8) == one * 8 * 2**30
    assert needed_bytes(12, powers=2) == one * 16 * 4**12
    free = SimpleNamespace(available=needed_bytes(21))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    fits(21, what="a state vector")
    with pytest.raises(ValueError, match=r"qubits=22: a state vector .* use at most 21"):
        fits(22, what="a state vector")
    with pytest.raises(ValueError, match="use at most 20"):
        qaoa.cuts(qaoa.ring(24))


def test_precisions_and_sizes() -> None:
    with pytest.raises(ValueError, match="'half' is not known: take one of double, single"):
        vector_device(2, precision="half")
    with pytest.raises(ValueError, match="qubits=0: at least 1"):
        vector_device(0)
