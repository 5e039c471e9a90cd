"""Demonstrations of states, of noise, and of algorithms that minimise.

Each takes its size and a generator for what is drawn.
"""

from math import sqrt

import numpy as np

from models.quantum.toolbox import channels, measures, qaoa, states, teleportation, vqe, walk
from models.quantum.toolbox.demo import Demo, listed


def walk_demo(qubits: int, _: np.random.Generator) -> Demo:
    steps = 2 ** (qubits - 1) - 1
    found = walk.walk(steps)
    return Demo(
        f"Hadamard walk of {steps} steps, position on {walk.position_qubits(steps)} qubits",
        lambda: walk.circuit(steps),
        [
            ("deviation", f"{found.deviation:.3f}", f"about {walk.SPREAD * steps:.3f}"),
            ("classical deviation", "", f"{sqrt(steps):.3f}"),
        ],
    )


def qaoa_demo(qubits: int, _: np.random.Generator) -> Demo:
    edges, depth = qaoa.ring(qubits), 2
    found = qaoa.maxcut(edges, depth=depth)
    theory = f"{qaoa.RING[depth - 1]:.6f}" if qubits > 2 * depth and qubits % 2 == 0 else ""
    return Demo(
        f"QAOA: the largest cut of a ring of {qubits}, depth {depth}",
        lambda: qaoa.circuit(edges, found.angles.tolist()),
        [
            ("expected share of edges", f"{found.share:.6f}", theory),
            ("likeliest cut", found.found, f"best: {found.best} edges"),
        ],
    )


def vqe_demo(_: int, __: np.random.Generator) -> Demo:
    problem = vqe.molecule("H2")
    found = vqe.ground(problem)
    return Demo(
        f"VQE: the ground energy of H2 at {problem.bond} angstrom, in hartree",
        lambda: vqe.circuit(problem, found.angles.tolist()),
        [
            ("energy", f"{found.energy:.9f}", f"exact: {found.exact:.9f}"),
            ("Hartree-Fock", f"{found.hartree_fock:.9f}", ""),
        ],
    )


def teleport_demo(_: int, rng: np.random.Generator) -> Demo:
    state = states.random_pure(1, seed=int(rng.integers(2**31)))
    arrived = teleportation.teleport(state)
    return Demo(
        "Teleportation: a random qubit by a Bell pair and two classical bits",
        lambda: teleportation.circuit(state),
        [("fidelity", f"{measures.fidelity(state, arrived):.9f}", "1")],
    )


def ghz_demo(qubits: int, _: np.random.Generator) -> Demo:
    found = states.vector("ghz", qubits)
    return Demo(
        f"GHZ state of {qubits} qubits",
        lambda: states.ghz(range(qubits)),
        [
            ("all 0 and all 1", listed(np.abs(found[[0, -1]]) ** 2), "0.5, 0.5"),
            ("entropy of one qubit", f"{measures.entanglement_entropy(found, [0]):.6f}", "1 bit"),
        ],
    )


def w_demo(qubits: int, _: np.random.Generator) -> Demo:
    found = states.vector("w", qubits)
    pair = measures.concurrence(measures.reduced(found, [0, 1]))
    return Demo(
        f"W state of {qubits} qubits",
        lambda: states.w(range(qubits)),
        [("concurrence of two", f"{pair:.6f}", f"2/{qubits} = {2 / qubits:.6f}")],
    )


def noise_demo(_: int, rng: np.random.Generator) -> Demo:
    strength = round(float(rng.uniform(0, 0.5)), 3)
    bell = states.vector("phi+", 2)
    left = channels.apply("depolarising", strength, bell, [0])

    def circuit() -> None:
        states.ghz(range(2))
        channels.add("depolarising", strength, 0)

    return Demo(
        f"A Bell pair, one qubit depolarised by {strength}",
        circuit,
        [
            ("fidelity", f"{measures.fidelity(bell, left):.6f}", f"{1 - strength:.6f}"),
            (
                "concurrence",
                f"{measures.concurrence(left):.6f}",
                f"{max(0.0, 1 - 2 * strength):.6f}",
            ),
        ],
    )
