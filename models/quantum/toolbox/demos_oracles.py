"""Demonstrations of algorithms that ask an oracle or read a phase.

Each takes its size and a generator for what is searched, hidden or read.
"""

from math import pi

import numpy as np
import pennylane as qml

from models.quantum.toolbox import (
    amplitude_estimation,
    bernstein_vazirani,
    grover,
    hhl,
    phase_estimation,
    qft,
    simon,
)
from models.quantum.toolbox.demo import Demo, listed


def grover_demo(qubits: int, rng: np.random.Generator) -> Demo:
    marked = _bits(qubits, rng, some=False)
    found = grover.search([marked])
    return Demo(
        f"Grover's search among {2**qubits} items: one is marked, {found.calls} questions find it",
        lambda: grover.circuit([marked], found.calls),
        [
            ("item", found.found, marked),
            ("probability", f"{found.probability:.6f}", f"{found.theory:.6f}"),
            ("questions", str(found.calls), f"classical, expected: {found.classical_calls:g}"),
        ],
    )


def bernstein_demo(qubits: int, rng: np.random.Generator) -> Demo:
    secret = _bits(qubits, rng)
    found = bernstein_vazirani.read_secret(secret)
    return Demo(
        f"Bernstein and Vazirani: {qubits} secret bits by one question",
        lambda: bernstein_vazirani.circuit(secret),
        [
            ("secret", found.found, secret),
            ("probability", f"{found.probability:.6f}", "1"),
            ("questions", "1", f"classical: {found.classical_calls}"),
        ],
    )


def simon_demo(qubits: int, rng: np.random.Generator) -> Demo:
    secret = _bits(qubits, rng)
    found = simon.find(secret, seed=int(rng.integers(2**31)))
    return Demo(
        f"Simon: {qubits} hidden bits that a function repeats by",
        lambda: simon.circuit(secret),
        [
            ("hidden", found.found, secret),
            ("questions", str(found.calls), f"expected: {found.expected_calls:.2f}"),
            ("questions of a classical search", "", f"expected: {found.classical_calls:.2f}"),
        ],
    )


def qft_demo(qubits: int, rng: np.random.Generator) -> Demo:
    period = 2 ** int(rng.integers(1, qubits))
    found = qft.spectrum(qubits, period)
    peaks = np.flatnonzero(found > 1e-9)
    step = 2**qubits // period

    def circuit() -> None:
        qml.StatePrep(qft.comb(qubits, period), wires=range(qubits))
        qft.circuit(qubits)

    return Demo(
        f"Quantum Fourier transform on {qubits} qubits: a comb of period {period}",
        circuit,
        [
            ("peaks", listed(peaks), listed(np.arange(period) * step)),
            ("height", f"{found[peaks].mean():.6f}", f"1/{period} = {1 / period:.6f}"),
        ],
    )


def phase_demo(qubits: int, rng: np.random.Generator) -> Demo:
    phase = round(float(rng.uniform()), 3)
    turn = np.diag([1, np.exp(2j * pi * phase)])
    found = phase_estimation.estimate(turn, [0, 1], bits=qubits)
    expected = phase_estimation.theory(phase, qubits).max()
    return Demo(
        f"Phase estimation: the phase {phase} on {qubits} bits",
        lambda: phase_estimation.circuit(turn, [0, 1], qubits),
        [
            ("phase", f"{found.phase:.6f}", f"{phase} within {found.resolution / 2:.6f}"),
            ("probability", f"{found.probability:.6f}", f"{expected:.6f}, never below 0.405"),
        ],
    )


def amplitude_demo(qubits: int, rng: np.random.Generator) -> Demo:
    share = round(float(rng.uniform()), 3)
    made = amplitude_estimation.preparation(share)
    found = amplitude_estimation.estimate_amplitude(made, [1], bits=qubits)
    step = amplitude_estimation.amplifier(made, [1])
    classical = f"samples for that error: {found.classical_calls:.0f}"
    return Demo(
        f"Amplitude estimation: a probability of {share} on {qubits} bits",
        lambda: phase_estimation.circuit(step, made[:, 0], qubits),
        [
            ("probability", f"{found.value:.6f}", f"{share} within {found.bound:.6f}"),
            ("readings within", f"{found.within:.4f}", "0.8106 at least"),
            ("calls", str(found.calls), classical),
        ],
    )


def hhl_demo(_: int, rng: np.random.Generator) -> Demo:
    matrix, right = np.array([[1.5, 0.5], [0.5, 1.5]]), rng.uniform(-1, 1, 2).round(2)
    clock, time = 3, pi / 4
    found = hhl.solve(matrix, right, clock=clock, time=time)
    return Demo(
        f"Harrow, Hassidim and Lloyd: [[1.5, 0.5], [0.5, 1.5]] x = {right.tolist()}",
        lambda: hhl.circuit(hhl.plan(matrix, right, clock=clock, time=time)),
        [
            ("x", listed(found.solution.real), listed(np.linalg.solve(matrix, right))),
            ("fidelity", f"{found.fidelity:.9f}", "1"),
        ],
    )


def _bits(qubits: int, rng: np.random.Generator, *, some: bool = True) -> str:
    """Random bits, one of them 1 at least if `some`."""
    return f"{int(rng.integers(1 if some else 0, 2**qubits)):0{qubits}b}"
