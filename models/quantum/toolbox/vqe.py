"""The variational quantum eigensolver for small molecules, beside the exact answer.

PennyLane makes the Hamiltonian in the basis STO-3G by its own Hartree-Fock; the circuit starts in
the Hartree-Fock state and turns it by all single and double excitations (Givens rotations, Arrazola
et al. 2022, https://arxiv.org/abs/2106.13839). Lengths are in angstrom, energies in hartree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray

from models.quantum.toolbox.checks import one_of
from models.quantum.toolbox.optimisers import minimise
from models.quantum.toolbox.simulators import batch_device, vector_device

CHEMICAL_ACCURACY = 1.6e-3
"""1 kcal / mol."""


@dataclass(frozen=True)
class _Kind:
    symbols: tuple[str, str]
    bond: float
    electrons: int
    orbitals: int
    shortest: float
    longest: float


MOLECULES: dict[str, _Kind] = {
    "H2": _Kind(("H", "H"), 0.7414, electrons=2, orbitals=2, shortest=0.2, longest=5.0),
    "LiH": _Kind(("Li", "H"), 1.5949, electrons=2, orbitals=5, shortest=0.5, longest=3.5),
}
"""Two atoms, their equilibrium distance (NIST CCCBDB), active electrons and orbitals: all of H2's;
of LiH's those beyond lithium's core, CAS(2e, 5o). From `shortest` to `longest` PennyLane's
Hartree-Fock agrees with PySCF 2.14's; farther out it ends in another state, 0.3 hartree higher."""


@dataclass(frozen=True)
class Problem:
    """A molecule at one distance.

    Args:
        name: one of MOLECULES.
        bond: distance of the atoms.
        hamiltonian: on qubits, by Jordan and Wigner: qubit i is spin orbital i.
        qubits: n.
        electrons: that are in the active orbitals.
        matrix: the Hamiltonian (K, K) among the K states with so many electrons.
    """

    name: str
    bond: float
    hamiltonian: Any
    qubits: int
    electrons: int
    matrix: NDArray[np.complex128]


@dataclass(frozen=True)
class Ground:
    """What was found.

    Args:
        energy: of the circuit.
        hartree_fock: of the start.
        exact: the lowest eigenvalue of the same Hamiltonian for so many electrons.
        angles: of the rotations between two determinants: doubles, then singles.
        calls: of energy or gradient.
    """

    energy: float
    hartree_fock: float
    exact: float
    angles: NDArray[np.float64]
    calls: int


def molecule(name: str, bond: float | None = None) -> Problem:
    """A molecule at a distance, at its equilibrium if not given.

    Raises:
        ValueError: the name is none of MOLECULES, or Hartree-Fock does not hold at the distance.
    """
    one_of(name, tuple(MOLECULES), "molecule")
    kind = MOLECULES[name]
    length = kind.bond if bond is None else bond
    if not kind.shortest <= length <= kind.longest:
        raise ValueError(
            f"bond={length}: Hartree-Fock of {name} holds from {kind.shortest} to {kind.longest} "
            "angstrom, give a distance between them"
        )
    places = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, length]])
    made = qml.qchem.Molecule(list(kind.symbols), places, unit="angstrom")
    hamiltonian, qubits = qml.qchem.molecular_hamiltonian(
        made, method="dhf", active_electrons=kind.electrons, active_orbitals=kind.orbitals
    )
    # Other numbers of electrons may lie lower: those states are not this molecule's.
    states = [
        sum(1 << (qubits - 1 - orbital) for orbital in taken)
        for taken in combinations(range(qubits), kind.electrons)
    ]
    whole = hamiltonian.sparse_matrix(wire_order=range(qubits), format="csr")
    sector = np.asarray(whole[states][:, states].toarray(), np.complex128)
    return Problem(name, length, hamiltonian, qubits, kind.electrons, sector)


def circuit(problem: Problem, angles: Sequence[float]) -> None:
    """Queue the Hartree-Fock state and its excitations."""
    qubits = problem.qubits
    qml.BasisState(qml.qchem.hf_state(problem.electrons, qubits), wires=range(qubits))
    singles, doubles = qml.qchem.excitations(problem.electrons, qubits)
    for angle, wires in zip(angles, [*doubles, *singles], strict=True):
        gate = qml.DoubleExcitation if len(wires) == 4 else qml.SingleExcitation
        gate(2 * angle, wires=wires)  # it turns by half of what it is given


def excitations(problem: Problem) -> int:
    """How many angles the circuit has."""
    singles, doubles = qml.qchem.excitations(problem.electrons, problem.qubits)
    return len(singles) + len(doubles)


def ground(problem: Problem, *, method: str = "lbfgs", steps: int = 200, seed: int = 0) -> Ground:
    """Minimise the circuit's energy from the Hartree-Fock state, and diagonalise beside it."""

    def energy(angles: Any) -> object:
        circuit(problem, angles)
        return qml.expval(problem.hamiltonian)

    if method == "qng":  # its metric takes circuits that lightning does not differentiate
        node = qml.QNode(energy, batch_device(problem.qubits), diff_method="backprop")
    else:
        node = qml.QNode(energy, vector_device(problem.qubits), diff_method="adjoint")
    start = np.zeros(excitations(problem))
    found = minimise(
        node, start, method=method, steps=steps, frequencies=2, escape=False, seed=seed
    )
    return Ground(
        energy=found.cost,
        hartree_fock=float(node(start)),
        exact=float(np.linalg.eigvalsh(problem.matrix)[0]),
        angles=found.values,
        calls=found.calls,
    )
