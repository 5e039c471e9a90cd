"""Quantum algorithms beside their theory, questions to oracles, and what gradients cost.

    python -m benchmarks.quantum_algorithms   # tables, pictures, results/quantum_algorithms.json

All but the CPU seconds repeat to the digit: what is drawn comes from fixed seeds. Everything is
simulated on this machine: what is counted are questions and circuits, and none of it is faster than
a classical program by the clock.
"""

import math
from typing import Any

import numpy as np
import pennylane as qml

from benchmarks.quantum_algorithms_tables import ALGORITHM_TABLES
from benchmarks.quantum_chemistry import chemistry, draw_curve
from benchmarks.quantum_classifier import iris
from benchmarks.quantum_costs import clock, gradients, queries
from benchmarks.table import keep, show_all
from models.quantum.toolbox import (
    amplitude_estimation,
    channels,
    hhl,
    measures,
    phase_estimation,
    qaoa,
    qft,
    states,
    teleportation,
    walk,
)


def check(what: str, found: float, theory: float, within: float) -> dict[str, Any]:
    """A figure beside its theory, and how far off it may be."""
    met = abs(found - theory) <= within
    return {"what": what, "found": found, "theory": theory, "within": within, "met": bool(met)}


def at_least(what: str, found: float, theory: float) -> dict[str, Any]:
    """A figure that theory bounds from below."""
    return {"what": what, "found": found, "least": theory, "met": found >= theory - 1e-9}


def state_checks() -> list[dict[str, Any]]:
    """States, channels and what measures them."""
    bell, werner = states.vector("phi+", 2), 0.6
    singlet = states.vector("psi-", 2)
    mixture = werner * np.outer(singlet, singlet.conj()) + (1 - werner) * np.eye(4) / 4
    pair = measures.concurrence(measures.reduced(states.vector("w", 3), [0, 1]))
    left = channels.apply("depolarising", 0.3, bell, [0])
    damped = channels.apply("amplitude_damping", 0.25, np.array([0, 1]), [0])
    ghz = channels.apply("phase_flip", 0.1, states.vector("ghz", 4), range(4))
    message = states.random_pure(1, seed=0)
    return [
        check("W, 3 qubits: concurrence of two (2/3)", pair, 2 / 3, 1e-9),
        check("GHZ, 6 qubits: entropy of a half, bits", _half(6), 1, 1e-9),
        check(
            "Werner state 0.6: concurrence ((3p - 1) / 2)", measures.concurrence(mixture), 0.4, 1e-9
        ),
        check("Bell, depolarised 0.3: F (1 - p)", measures.fidelity(bell, left), 0.7, 1e-9),
        check(
            "|1>, damped 0.25: <Z> (2p - 1)", float((damped[0, 0] - damped[1, 1]).real), -0.5, 1e-9
        ),
        check(
            "GHZ, 4 phase flips 0.1: coherence (0.8^4 / 2)", float(ghz[0, -1].real), 0.2048, 1e-9
        ),
        check(
            "teleported qubit: fidelity",
            measures.fidelity(message, teleportation.teleport(message)),
            1,
            1e-9,
        ),
    ]


def phase_checks() -> list[dict[str, Any]]:
    """Fourier transform, phase and amplitude estimation, HHL, walk."""
    k = np.arange(64)
    dft = np.exp(2j * np.pi * np.outer(k, k) / 64) / 8
    off = float(np.abs(qml.matrix(qft.circuit, wire_order=range(6))(6) - dft).max())
    found = [check("QFT, 6 qubits: largest difference to the DFT matrix", off, 0, 1e-12)]
    for phase, bits in ((5 / 16, 4), (0.2, 5)):
        turn = np.diag([1, np.exp(2j * np.pi * phase)])
        read = phase_estimation.estimate(turn, [0, 1], bits=bits)
        expected = float(phase_estimation.theory(phase, bits).max())
        name = f"phase {phase:g}, {bits} bits"
        found += [
            check(f"{name}: reading", read.phase, phase, read.resolution / 2),
            check(f"{name}: its probability", read.probability, expected, 1e-9),
            at_least(f"{name}: its probability (4 / pi^2)", read.probability, 4 / np.pi**2),
        ]
    for share, bits in ((0.3, 7), (0.05, 6)):
        made = amplitude_estimation.preparation(share)
        told = amplitude_estimation.estimate_amplitude(made, [1], bits=bits)
        name = f"amplitude {share:g}, {bits} bits"
        found += [
            check(f"{name}: estimate (Brassard's bound)", told.value, share, told.bound),
            at_least(f"{name}: readings within it (8 / pi^2)", told.within, 8 / np.pi**2),
        ]
    for name, matrix, right, bits in _systems():
        solved = hhl.solve(matrix, right, clock=bits, time=2 * math.pi / 2**bits)
        found.append(check(f"HHL, {name}: fidelity", solved.fidelity, 1, 1e-8))
    for steps in (20, 40):
        spread = walk.walk(steps).deviation
        limit = walk.SPREAD * steps
        found.append(check(f"Hadamard walk, {steps} steps: deviation", spread, limit, 0.01 * limit))
    return found


def cut_checks() -> list[dict[str, Any]]:
    """QAOA on rings and on 3-regular graphs without triangles."""
    found = []
    for nodes in (8, 12):
        for depth in (1, 2, 3):
            cut = qaoa.maxcut(qaoa.ring(nodes), depth=depth)
            theory = qaoa.RING[depth - 1]
            name = f"QAOA, ring of {nodes}, p={depth}: share of edges"
            found.append(check(name, cut.share, theory, 1e-6))
    for name, edges in (("Heawood", heawood()), ("Petersen", petersen())):
        cut = qaoa.maxcut(edges, depth=1)
        what = f"QAOA, {name} (3-regular), p=1: share of edges"
        found.append(check(what, cut.share, qaoa.CUBIC, 1e-6))
    return found


def heawood() -> list[tuple[int, int]]:
    """A ring of 14, and from every second node a chord five nodes on."""
    return [*qaoa.ring(14), *((i, (i + 5) % 14) for i in range(0, 14, 2))]


def petersen() -> list[tuple[int, int]]:
    """A ring of five and a star of five, joined by spokes."""
    rows = ((i, 5 + i, 5 + (i + 2) % 5) for i in range(5))
    return [*qaoa.ring(5), *(edge for i, j, k in rows for edge in ((i, j), (j, k)))]


def _half(qubits: int) -> float:
    return measures.entanglement_entropy(states.vector("ghz", qubits), range(qubits // 2))


def _systems() -> list[tuple[str, Any, Any, int]]:
    """Systems whose eigenvalues are whole numbers: 1 and 2; 1, 2, -3 and 5."""
    drawn = np.random.default_rng(3).standard_normal((4, 4))
    basis, _ = np.linalg.qr(drawn)
    four = basis @ np.diag([1.0, 2.0, -3.0, 5.0]) @ basis.T
    return [
        ("2x2", np.array([[1.5, 0.5], [0.5, 1.5]]), np.array([1.0, 0.0]), 3),
        ("4x4", four, np.array([1.0, -2.0, 0.5, 3.0]), 5),
    ]


def main() -> None:
    results: dict[str, Any] = {
        "checks": [*state_checks(), *phase_checks(), *cut_checks()],
        "queries": queries(),
        "clock": clock(),
        "gradients": gradients(),
        "classifier": iris(),
        "chemistry": chemistry(),
    }
    keep("quantum_algorithms", results)
    for name, curve in results["chemistry"]["curves"].items():
        draw_curve(name, curve)
    show_all(ALGORITHM_TABLES, results)


if __name__ == "__main__":
    main()
