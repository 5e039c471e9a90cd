"""How much memory a circuit takes, said before it takes it.

Shapes: n qubits, B batch. A state vector has 2^n complex amplitudes, a density matrix 4^n.
"""

from pathlib import Path

import psutil

from models.quantum.circuit import Circuit
from models.quantum.schedule import schedule

GB = 1e9
WORKING = 8
"""States held beside those that are kept: what a step takes and gives, and copies between."""
TABLES = 24
"""Bytes for each basis state of every permutation that is kept as an index, both ways."""
LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
"""Where Linux says what a container may use and does, in its second and first version."""


def predicted_bytes(
    circuit: Circuit, *, batch: int, training: bool, mixed: bool = False, amplitude: int = 8
) -> int:
    """What the torch engines take at most.

    Args:
        circuit: what runs.
        batch: B.
        training: with gradients, every step's state is kept until they are done.
        mixed: a density matrix, as 4^n real numbers, and so half the bytes.
        amplitude: bytes of a complex number, 8 or 16.
    """
    if mixed:
        states = WORKING + (2 * len(circuit.ops) if training else 0)
        return (batch * amplitude // 2 * states) << (2 * circuit.qubits)
    steps = schedule(circuit).steps
    kept = sum(-(-circuit.qubits // 4) if step.kind == "local" else 2 for step in steps)
    states = WORKING + (kept if training else 0)
    tables = TABLES * len(steps) + circuit.qubits * amplitude // 2
    return (batch * amplitude * states + tables) << circuit.qubits


def check_memory(
    circuit: Circuit, *, batch: int, training: bool, mixed: bool = False, amplitude: int = 8
) -> None:
    """Refuse what the free memory does not hold.

    Raises:
        ValueError: says what is needed and what is free.
    """
    needed = predicted_bytes(
        circuit, batch=batch, training=training, mixed=mixed, amplitude=amplitude
    )
    refuse(needed, free_bytes(), circuit.qubits, batch=batch, mixed=mixed)


def check_state(qubits: int, *, amplitude: int = 8) -> None:
    """Refuse a number of qubits of which not one state and its copies fit.

    Raises:
        ValueError: says what is needed and what is free.
    """
    refuse(WORKING * amplitude << qubits, free_bytes(), qubits, batch=1, mixed=False)


def refuse(needed: int, free: int, qubits: int, *, batch: int, mixed: bool) -> None:
    """Raise a ValueError if `needed` bytes are more than `free`, with a number that would fit."""
    if needed <= free:
        return
    fits = qubits
    while fits and (needed >> (qubits - fits) * (2 if mixed else 1)) > free:
        fits -= 1
    what = "density matrices" if mixed else "state vectors"
    rows = needed // max(batch, 1)
    ways = [f"at most {fits} qubits"] if fits else []
    if rows <= free:
        ways.append(f"batches of {free // rows}")
    raise ValueError(
        f"qubits={qubits}: {what} for batches of {batch} need {needed / GB:.1f} GB, "
        f"{free / GB:.1f} GB are free: use {', or '.join(ways) or 'a machine with more memory'}"
    )


def free_bytes() -> int:
    """Memory that this process may still take: the machine's, or its container's where less."""
    free = int(psutil.virtual_memory().available)
    for limit, used in LIMITS:
        if limit.exists() and (most := limit.read_text().strip()) != "max":
            free = min(free, max(0, int(most) - int(used.read_text())))
    return free
