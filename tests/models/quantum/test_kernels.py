"""Kernels against PennyLane's circuits and closed forms."""

import numpy as np
import pytest

from models.quantum import kernels
from models.quantum.kernels import (
    Floats,
    IQPKernel,
    Kernel,
    SeparableKernel,
    pairwise_circuits,
)

KERNELS: list[Kernel] = [SeparableKernel(3), IQPKernel(4), IQPKernel(3, pairs_once=True)]


def angles(samples: int, features: int, *, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).uniform(-np.pi / 2, np.pi / 2, (samples, features))


@pytest.mark.parametrize("repeats", [1, 2, 5])
@pytest.mark.parametrize("qubits", [1, 2, 4])
def test_iqp_is_pennylanes_embedding(qubits: int, repeats: int) -> None:
    # The circuit that a quantum computer runs for one entry: embed one sample, undo the other, and
    # take the chance of all zeros. PennyLane's IQPEmbedding is written gate by gate.
    import pennylane as qml

    wires = range(qubits)

    @qml.qnode(qml.device("default.qubit", wires=qubits))
    def zeros(one: Floats, other: Floats) -> object:
        qml.IQPEmbedding(one, wires, n_repeats=repeats)
        qml.adjoint(qml.IQPEmbedding)(other, wires, n_repeats=repeats)
        return qml.probs(wires)

    a, b, kernel = angles(3, qubits, seed=1), angles(2, qubits, seed=2), IQPKernel(repeats)
    expected = [[zeros(one, other)[0] for other in b] for one in a]
    found = kernel.overlaps(kernel.states(a), kernel.states(b))
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_iqp_states_are_pennylanes_amplitude_for_amplitude() -> None:
    # Which fixes the order of wires, too: an overlap would not notice if it were reversed.
    import pennylane as qml

    @qml.qnode(qml.device("default.qubit", wires=3))
    def state(x: Floats) -> object:
        qml.IQPEmbedding(x, range(3), n_repeats=2)
        return qml.state()

    x = angles(2, 3)
    np.testing.assert_allclose(IQPKernel(2).states(x), [state(row) for row in x], atol=1e-8)


def test_pairs_once_are_rotated_in_the_first_repetition_alone() -> None:
    import pennylane as qml

    @qml.qnode(qml.device("default.qubit", wires=3))
    def state(x: Floats) -> object:
        qml.IQPEmbedding(x, range(3))
        for _ in range(4):
            for wire in range(3):
                qml.Hadamard(wire)
                qml.RZ(x[wire], wire)
        return qml.state()

    x = angles(2, 3)
    found = IQPKernel(5, pairs_once=True).states(x)
    np.testing.assert_allclose(found, [state(row) for row in x], atol=1e-8)


@pytest.mark.parametrize("layers", [1, 3])
def test_separable_is_the_published_circuit_in_pennylane(layers: int) -> None:
    import pennylane as qml

    @qml.qnode(qml.device("default.qubit", wires=3))
    def zeros(one: Floats, other: Floats) -> object:
        for _ in range(layers):
            for wire in range(3):
                qml.RX(-np.pi / 4, wire)
                qml.RY(-one[wire], wire)
        for _ in range(layers):
            for wire in range(3):
                qml.RY(other[wire], wire)
                qml.RX(np.pi / 4, wire)
        return qml.probs(range(3))

    a, b, kernel = angles(3, 3, seed=1), angles(2, 3, seed=2), SeparableKernel(layers)
    expected = [[zeros(one, other)[0] for other in b] for one in a]
    found = kernel.overlaps(kernel.states(a), kernel.states(b))
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_one_layer_has_a_closed_form() -> None:
    # RX(-pi/4)|0> lies at (0, sin(pi/4), cos(pi/4)) on the Bloch sphere; RY(-x) turns it about Y.
    # Vectors u and v of two states overlap by (1 + u.v) / 2: here u.v = 1/2 + cos(x - x') / 2.
    a, b, kernel = angles(4, 5, seed=1), angles(3, 5, seed=2), SeparableKernel()
    expected = (3 / 4 + np.cos(a[:, None] - b) / 4).prod(axis=2)
    found = kernel.overlaps(kernel.states(a), kernel.states(b))
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_gram_matrix_is_one(kernel: Kernel) -> None:
    # Ones on the diagonal, symmetric, no negative eigenvalue, entries are probabilities.
    states = kernel.states(angles(20, 4))
    gram = kernel.overlaps(states, states)
    np.testing.assert_allclose(np.diag(gram), 1, atol=1e-12)
    np.testing.assert_allclose(gram, gram.T, atol=1e-12)
    assert np.linalg.eigvalsh(gram).min() > -1e-10
    assert gram.min() >= 0
    assert gram.max() <= 1 + 1e-12


def test_circuits_of_the_published_sets() -> None:
    # 240 samples to learn from, 60 to judge by.
    assert pairwise_circuits(240, 60) == 43_080


def test_same_samples_same_bytes() -> None:
    x = angles(7, 6)
    for kernel in KERNELS:
        assert kernel.states(x).tobytes() == kernel.states(x).tobytes()


def test_too_many_features_are_refused_before_memory_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Free:
        available = 12e9

    monkeypatch.setattr(kernels.psutil, "virtual_memory", Free)
    # 10 x 2^28 amplitudes of 16 bytes, seven times over: 301 GB. Of 2^22: 4.7 GB, of 6 GB.
    with pytest.raises(ValueError, match=r"28 qubits need 301 GB, 6 GB .* at most 22 features"):
        IQPKernel().states(np.zeros((10, 28)))
    with pytest.raises(ValueError, match="2048 features: 1 states of 2048 qubits need"):
        IQPKernel().states(np.zeros((1, 2048)))


def test_bad_samples_are_named() -> None:
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        IQPKernel().states(np.zeros(3))
    with pytest.raises(ValueError, match=r"shape \(0, 2\)"):
        SeparableKernel().states(np.zeros((0, 2)))
    with pytest.raises(ValueError, match="sample 1 holds nan or inf"):
        IQPKernel().states(np.array([[0.0, 1], [np.nan, 1]]))
    for bad in (SeparableKernel, IQPKernel):
        with pytest.raises(ValueError, match=r"=0: features go in at least once"):
            bad(0)
