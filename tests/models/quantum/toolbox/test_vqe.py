"""VQE against exact diagonalisation and textbook energies."""

import numpy as np
import pytest

from models.quantum.toolbox.optimisers import METHODS
from models.quantum.toolbox.vqe import (
    CHEMICAL_ACCURACY,
    MOLECULES,
    circuit,
    excitations,
    ground,
    molecule,
)


def test_hydrogen_at_equilibrium() -> None:
    problem = molecule("H2")
    found = ground(problem)
    assert abs(found.energy - found.exact) < 1e-6
    # PySCF 2.14.0, STO-3G: FCI and RHF.
    assert found.exact == pytest.approx(-1.1372701747, abs=1e-6)
    assert found.hartree_fock == pytest.approx(-1.1166843871, abs=1e-6)
    assert (problem.qubits, excitations(problem)) == (4, 3)


@pytest.mark.parametrize("bond", [0.4, 1.5, 2.5])
def test_hydrogen_pulled_apart(bond: float) -> None:
    found = ground(molecule("H2", bond))
    assert abs(found.energy - found.exact) < 1e-6
    assert found.hartree_fock > found.energy


def test_hydrogen_far_apart_is_two_atoms() -> None:
    # Twice the STO-3G energy of a hydrogen atom, -0.46658 (Szabo and Ostlund 1996, section 3.5.2).
    assert ground(molecule("H2", 5.0)).exact == pytest.approx(2 * -0.46658, abs=1e-4)


def test_the_sector_holds_the_hartree_fock_energy() -> None:
    # The first state of the sector has the lowest orbitals taken.
    problem = molecule("H2")
    assert problem.matrix[0, 0].real == pytest.approx(ground(problem).hartree_fock, abs=1e-10)
    np.testing.assert_allclose(problem.matrix, problem.matrix.conj().T, atol=1e-12)
    assert problem.matrix.shape == (6, 6)


@pytest.mark.parametrize("method", METHODS)
def test_other_optimisers_get_there_too(method: str) -> None:
    found = ground(molecule("H2"), method=method, steps=60)
    assert abs(found.energy - found.exact) < CHEMICAL_ACCURACY


# PySCF 2.14.0, STO-3G: RHF and CASCI(5, 2), on either side of the well and where bonds break.
LITHIUM = {0.9: (-7.7057533401, -7.7228345922), 3.4: (-7.6700603495, -7.7891453872)}


@pytest.mark.slow
@pytest.mark.parametrize("bond", LITHIUM)
def test_lithium_hydride_pulled_apart(bond: float) -> None:
    found = ground(molecule("LiH", bond))
    assert found.hartree_fock == pytest.approx(LITHIUM[bond][0], abs=1e-6)
    assert found.exact == pytest.approx(LITHIUM[bond][1], abs=1e-6)
    assert abs(found.energy - found.exact) < CHEMICAL_ACCURACY


@pytest.mark.slow
def test_lithium_hydride_within_chemical_accuracy() -> None:
    found = ground(molecule("LiH"))
    assert abs(found.energy - found.exact) < CHEMICAL_ACCURACY
    assert found.energy >= found.exact - 1e-9
    # PySCF 2.14.0, STO-3G: CASCI(5, 2) and RHF.
    assert found.exact == pytest.approx(-7.8821759908, abs=1e-6)
    assert found.hartree_fock == pytest.approx(-7.8620269594, abs=1e-6)


def test_unknown_molecules_and_distances() -> None:
    with pytest.raises(ValueError, match="molecule 'He' is not known: take one of H2, LiH"):
        molecule("He")
    for bond in (0.0, -1.0, 20.0, float("nan")):
        with pytest.raises(
            ValueError, match=r"Hartree-Fock of H2 holds from 0\.2 to 5\.0 angstrom"
        ):
            molecule("H2", bond)
    with pytest.raises(ValueError, match=r"bond=3\.8: Hartree-Fock of LiH holds from 0\.5 to 3\.5"):
        molecule("LiH", 3.8)
    assert set(MOLECULES) == {"H2", "LiH"}


def test_angles_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="zip"):
        circuit(molecule("H2"), [0.1])
