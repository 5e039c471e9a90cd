"""Every gate's matrix, against PennyLane's own."""

import inspect

import pennylane as qml
import pytest
import torch

from models.quantum.gates import GATES, gate, matrix


@pytest.mark.parametrize("name", GATES)
def test_matrix_is_pennylanes(name):
    angles = torch.linspace(-4, 5, 5 * GATES[name].params).reshape(5, -1).double()
    found = matrix(name, angles)
    wires = range(GATES[name].wires)
    for row in range(5):
        expected = getattr(qml, name)(*angles[row].tolist(), wires=wires).matrix()
        ours = found[row] if found.ndim == 3 else found
        assert ours.dtype == torch.complex128
        assert torch.allclose(ours, torch.from_numpy(expected).to(ours.dtype), atol=1e-12)


@pytest.mark.parametrize("wires", [1, 2, 3])
def test_gates_of_any_size_are_pennylanes(wires):
    angle = torch.tensor([0.7], dtype=torch.float64)
    expected = torch.from_numpy(qml.MultiRZ(0.7, wires=range(wires)).matrix())
    assert torch.allclose(matrix("MultiRZ", angle, wires), expected, atol=1e-12)
    numbers = torch.view_as_real(expected).flatten()
    assert torch.equal(matrix("QubitUnitary", numbers, wires), expected)


def test_there_are_at_least_25_with_the_shortcuts_they_claim():
    assert len(GATES) >= 25
    for name, found in GATES.items():
        angles = torch.full((found.params,), 0.3, dtype=torch.float64)
        built = matrix(name, angles)
        assert built.shape == (2**found.wires, 2**found.wires)
        if found.sources is not None:  # row r comes from row sources[r]
            rows = torch.eye(2**found.wires, dtype=torch.complex128)
            assert torch.equal(built, rows[list(found.sources)])
        if found.phases is not None:
            turned = torch.exp(1j * (torch.tensor(found.phases, dtype=torch.float64) @ angles))
            assert torch.allclose(built, torch.diag(turned))


def test_parameters_take_gradients():
    for name, found in GATES.items():
        if found.params:
            angles = torch.full((found.params,), 0.3, dtype=torch.float64, requires_grad=True)
            assert torch.autograd.gradcheck(lambda a, name=name: matrix(name, a), angles)


def test_unknown_gate_is_refused_with_those_spelt_alike():
    with pytest.raises(ValueError, match=r"gate='CNOTT'.*CNOT"):
        gate("CNOTT", 2)
    with pytest.raises(ValueError, match="StatePrep starts a circuit"):
        matrix("StatePrep", torch.zeros(4), 2)


def test_names_are_pennylanes():
    assert all(inspect.isclass(getattr(qml, name)) for name in GATES)
