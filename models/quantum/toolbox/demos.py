"""Small runs of the algorithms, each with the circuit to draw and its results beside the theory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
import pennylane as qml

from models.quantum.toolbox import (
    amplitude_estimation,
    bernstein_vazirani,
    channels,
    grover,
    hhl,
    measures,
    phase_estimation,
    qaoa,
    qft,
    simon,
    states,
    teleportation,
    vqe,
    walk,
)
from models.quantum.toolbox.checks import one_of

Row = tuple[str, str, str]
"""What was looked at, what was found, what theory says."""


@dataclass(frozen=True)
class Demo:
    """A run.

    Args:
        title: what it shows, in one sentence.
        circuit: queues the gates that ran.
        rows: figures and their theory.
    """

    title: str
    circuit: Callable[[], None]
    rows: Sequence[Row]


@dataclass(frozen=True)
class _Kind:
    make: Callable[[int, np.random.Generator], Demo]
    qubits: int
    least: int
    most: int


def demo(name: str, *, qubits: int | None = None, seed: int = 0) -> Demo:
    """Run a demonstration.

    Args:
        name: one of DEMOS.
        qubits: its size; each says what it counts and has a default.
        seed: of what is searched, hidden or sent.

    Raises:
        ValueError: the name is not known, or the size does not fit it.
    """
    one_of(name, tuple(DEMOS), "demo")
    kind = DEMOS[name]
    size = kind.qubits if qubits is None else qubits
    if not kind.least <= size <= kind.most:
        allowed = f"from {kind.least} to {kind.most}" if kind.most > kind.least else f"{kind.least}"
        raise ValueError(f"qubits={size}: the demo {name!r} takes {allowed}")
    return kind.make(size, np.random.default_rng(seed))


def _bits(qubits: int, rng: np.random.Generator, *, some: bool = True) -> str:
    """Random bits, one of them 1 at least if `some`."""
    return f"{int(rng.integers(1 if some else 0, 2**qubits)):0{qubits}b}"


def _grover(qubits: int, rng: np.random.Generator) -> Demo:
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


def _bernstein(qubits: int, rng: np.random.Generator) -> Demo:
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


def _simon(qubits: int, rng: np.random.Generator) -> Demo:
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


def _qft(qubits: int, rng: np.random.Generator) -> Demo:
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
            ("peaks", _list(peaks), _list(np.arange(period) * step)),
            ("height", f"{found[peaks].mean():.6f}", f"1/{period} = {1 / period:.6f}"),
        ],
    )


def _phase(qubits: int, rng: np.random.Generator) -> Demo:
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


def _amplitude(qubits: int, rng: np.random.Generator) -> Demo:
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


def _hhl(_: int, rng: np.random.Generator) -> Demo:
    matrix, right = np.array([[1.5, 0.5], [0.5, 1.5]]), rng.uniform(-1, 1, 2).round(2)
    clock, time = 3, pi / 4
    found = hhl.solve(matrix, right, clock=clock, time=time)
    return Demo(
        f"Harrow, Hassidim and Lloyd: [[1.5, 0.5], [0.5, 1.5]] x = {right.tolist()}",
        lambda: hhl.circuit(hhl.plan(matrix, right, clock=clock, time=time)),
        [
            ("x", _list(found.solution.real), _list(np.linalg.solve(matrix, right))),
            ("fidelity", f"{found.fidelity:.9f}", "1"),
        ],
    )


def _walk(qubits: int, _: np.random.Generator) -> Demo:
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


def _qaoa(qubits: int, _: np.random.Generator) -> Demo:
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


def _vqe(_: int, __: np.random.Generator) -> Demo:
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


def _teleport(_: int, rng: np.random.Generator) -> Demo:
    state = states.random_pure(1, seed=int(rng.integers(2**31)))
    arrived = teleportation.teleport(state)
    return Demo(
        "Teleportation: a random qubit by a Bell pair and two classical bits",
        lambda: teleportation.circuit(state),
        [("fidelity", f"{measures.fidelity(state, arrived):.9f}", "1")],
    )


def _ghz(qubits: int, _: np.random.Generator) -> Demo:
    found = states.vector("ghz", qubits)
    return Demo(
        f"GHZ state of {qubits} qubits",
        lambda: states.ghz(range(qubits)),
        [
            ("all 0 and all 1", _list(np.abs(found[[0, -1]]) ** 2), "0.5, 0.5"),
            ("entropy of one qubit", f"{measures.entanglement_entropy(found, [0]):.6f}", "1 bit"),
        ],
    )


def _w(qubits: int, _: np.random.Generator) -> Demo:
    found = states.vector("w", qubits)
    pair = measures.concurrence(measures.reduced(found, [0, 1]))
    return Demo(
        f"W state of {qubits} qubits",
        lambda: states.w(range(qubits)),
        [("concurrence of two", f"{pair:.6f}", f"2/{qubits} = {2 / qubits:.6f}")],
    )


def _noise(_: int, rng: np.random.Generator) -> Demo:
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


def _list(values: Sequence[float] | np.ndarray) -> str:
    return ", ".join(f"{value:.4g}" for value in values)


DEMOS: dict[str, _Kind] = {
    "grover": _Kind(_grover, 4, 2, 14),
    "vqe": _Kind(_vqe, 4, 4, 4),
    "qaoa": _Kind(_qaoa, 6, 3, 16),
    "qft": _Kind(_qft, 4, 2, 12),
    "phase": _Kind(_phase, 4, 1, 12),
    "amplitude": _Kind(_amplitude, 5, 1, 12),
    "bernstein-vazirani": _Kind(_bernstein, 6, 1, 20),
    "simon": _Kind(_simon, 4, 2, 10),
    "hhl": _Kind(_hhl, 5, 5, 5),
    "walk": _Kind(_walk, 4, 2, 7),
    "teleport": _Kind(_teleport, 3, 3, 3),
    "ghz": _Kind(_ghz, 3, 2, 20),
    "w": _Kind(_w, 3, 2, 12),
    "noise": _Kind(_noise, 2, 2, 2),
}
"""`qubits` are those of the item, the reading, the ring; those of the whole circuit where fixed."""
