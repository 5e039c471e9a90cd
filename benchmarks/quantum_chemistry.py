"""Molecules by VQE while they are pulled apart, beside Hartree-Fock and the exact energy."""

from collections.abc import Sequence
from typing import Any

from benchmarks.table import RESULTS
from models.quantum.toolbox import vqe
from models.quantum.toolbox.optimisers import METHODS

BONDS = {
    "H2": (0.4, 0.5, 0.6, 0.7414, 0.9, 1.1, 1.3, 1.6, 2.0, 2.4, 2.8, 3.2),
    "LiH": (0.9, 1.1, 1.3, 1.5949, 1.9, 2.2, 2.6, 3.0, 3.4),
}
STEPS = {"adam": 60, "lbfgs": 60, "spsa": 200, "rotosolve": 10, "qng": 60}
PICTURES = RESULTS.parent / "pictures"
ACCURACY = 1.6
"""Chemical accuracy in millihartree."""
FLOOR = 1e-8


def chemistry() -> dict[str, Any]:
    """Energies along the bonds, and at equilibrium by every optimiser."""
    curves: dict[str, Any] = {}
    for name, bonds in BONDS.items():
        rows = []
        for bond in bonds:
            ground = vqe.ground(vqe.molecule(name, bond))
            rows.append(
                {
                    "bond": bond,
                    "energy": ground.energy,
                    "exact": ground.exact,
                    "hartree_fock": ground.hartree_fock,
                    "calls": ground.calls,
                }
            )
            print(f"{name} at {bond}: {ground.energy:.7f}, exact {ground.exact:.7f}", flush=True)
        curves[name] = rows
    hydrogen = vqe.molecule("H2")
    by_method = {}
    for method in METHODS:
        ground = vqe.ground(hydrogen, method=method, steps=STEPS[method])
        error = ground.energy - ground.exact
        by_method[method] = {"error": error, "calls": ground.calls, "steps": STEPS[method]}
    return {"curves": curves, "optimisers": by_method, "within": vqe.CHEMICAL_ACCURACY}


def draw_curve(name: str, rows: Sequence[dict[str, Any]]) -> None:
    """Energies of Hartree-Fock, VQE and the exact answer; below, how far VQE is off."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    bonds = [row["bond"] for row in rows]
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(7, 6), sharex=True, height_ratios=(3, 1.2), layout="constrained"
    )
    above.plot(
        bonds, [row["hartree_fock"] for row in rows], "--", color="0.5", label="Hartree-Fock"
    )
    above.plot(bonds, [row["exact"] for row in rows], color="tab:blue", label="exact")
    above.plot(bonds, [row["energy"] for row in rows], "o", color="tab:orange", label="VQE")
    above.set_ylabel("energy, hartree")
    above.set_title(f"{name}, STO-3G, simulated without noise")
    above.legend(frameon=False)
    for key, style, colour in (("hartree_fock", "--", "0.5"), ("energy", "o", "tab:orange")):
        # A difference that is rounding is drawn at the foot of the axis.
        off = [max(1e3 * (row[key] - row["exact"]), FLOOR) for row in rows]
        below.semilogy(bonds, off, style, color=colour)
    below.axhline(ACCURACY, color="tab:red", linestyle=":", label="chemical accuracy, 1.6 mHa")
    below.set_ylabel("minus exact, mHa")
    below.set_ylim(FLOOR / 5, 2e3)
    below.set_xlabel("distance of the atoms, angstrom")
    below.legend(frameon=False)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    PICTURES.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURES / f"quantum-{name.lower()}.png", dpi=110)
    plt.close(figure)
