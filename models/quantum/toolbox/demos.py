"""Small runs of the algorithms, each with the circuit to draw and its results beside the theory."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.quantum.toolbox.checks import one_of
from models.quantum.toolbox.demo import Demo
from models.quantum.toolbox.demos_oracles import (
    amplitude_demo,
    bernstein_demo,
    grover_demo,
    hhl_demo,
    phase_demo,
    qft_demo,
    simon_demo,
)
from models.quantum.toolbox.demos_states import (
    ghz_demo,
    noise_demo,
    qaoa_demo,
    teleport_demo,
    vqe_demo,
    w_demo,
    walk_demo,
)


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


DEMOS: dict[str, _Kind] = {
    "grover": _Kind(grover_demo, 4, 2, 14),
    "vqe": _Kind(vqe_demo, 4, 4, 4),
    "qaoa": _Kind(qaoa_demo, 6, 3, 16),
    "qft": _Kind(qft_demo, 4, 2, 12),
    "phase": _Kind(phase_demo, 4, 1, 12),
    "amplitude": _Kind(amplitude_demo, 5, 1, 12),
    "bernstein-vazirani": _Kind(bernstein_demo, 6, 1, 20),
    "simon": _Kind(simon_demo, 4, 2, 10),
    "hhl": _Kind(hhl_demo, 5, 5, 5),
    "walk": _Kind(walk_demo, 4, 2, 7),
    "teleport": _Kind(teleport_demo, 3, 3, 3),
    "ghz": _Kind(ghz_demo, 3, 2, 20),
    "w": _Kind(w_demo, 3, 2, 12),
    "noise": _Kind(noise_demo, 2, 2, 2),
}
"""`qubits` are those of the item, the reading, the ring; those of the whole circuit where fixed."""
