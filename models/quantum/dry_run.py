"""What a circuit would take on a device that measures: gates, circuits, shots and money.

Nothing is run. A gradient by parameter shift takes two circuits for each frequency of each angle
that depends on something trained: Wierichs et al. 2022, https://arxiv.org/abs/2107.12390.

Shapes: D features, W weights, N = 2^n amplitudes.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from models.quantum.circuit import Circuit

WIDTH = 100
"""Columns of a drawing before it goes on below."""


@dataclass(frozen=True)
class Size:
    """A circuit in gates on one and two wires, before a device's own compiler.

    Args:
        qubits: of the circuit.
        gates: how often each occurs, by PennyLane's names.
        two_qubit: how many are on two wires, which is where most of the noise comes from.
        depth: gates on the longest way through.
        weights: that are trained.
        angles: gate parameters that depend on something trained.
        shifted: circuits of one gradient, besides the circuit itself.
    """

    qubits: int
    gates: dict[str, int]
    two_qubit: int
    depth: int
    weights: int
    angles: int
    shifted: int


@dataclass(frozen=True)
class Work:
    """Something to do on the device.

    Args:
        what: in words.
        circuits: to run; each is a task of its own at a provider that counts tasks.
        shots: of all of them; None for exact results.
        cost: in the unit of the prices; None without prices.
    """

    what: str
    circuits: int
    shots: int | None
    cost: float | None


@dataclass(frozen=True)
class DryRun:
    """What would happen, without any of it."""

    size: Size
    shots: int | None
    work: tuple[Work, ...]
    drawing: str


def dry_run(
    circuit: Circuit,
    *,
    shots: int | None,
    answers: int,
    learning: dict[str, int] | None = None,
    inputs_learn: bool = True,
    price_per_task: float | None = None,
    price_per_shot: float | None = None,
) -> DryRun:
    """Count what a circuit would take.

    Args:
        circuit: of a head.
        shots: for each circuit; None for exact results.
        answers: rows to answer.
        learning: rows whose gradients are taken, by what for; a row counts as often as it is used.
        inputs_learn: whether gradients go on to the features, as they do with a trained layer in
            front of the circuit.
        price_per_task: of starting a circuit.
        price_per_shot: of each measurement.

    Raises:
        ValueError: shots or rows below 1, or a negative price.
    """
    learning = learning or {}
    if shots is not None and shots < 1:
        raise ValueError(f"shots={shots}: must be 1 or more, or None for exact results")
    for what, rows in {"answers": answers, **learning}.items():
        if rows < 1:
            raise ValueError(f"{what}: {rows} rows: must be 1 or more")
    prices = {"price_per_task": price_per_task, "price_per_shot": price_per_shot}
    for name, price in prices.items():
        if price is not None and not 0 <= price < float("inf"):
            raise ValueError(f"{name}={price}: must be 0 or more")
    size = measure(circuit, inputs_learn=inputs_learn)

    def work(what: str, circuits: int) -> Work:
        total = None if shots is None else circuits * shots
        cost = None
        if any(price is not None for price in prices.values()):
            cost = circuits * (price_per_task or 0.0) + (total or 0) * (price_per_shot or 0.0)
        return Work(what, circuits, total, cost)

    each = 1 + size.shifted
    return DryRun(
        size,
        shots,
        (
            work(f"{answers:,} answers", answers),
            *(work(what, rows * each) for what, rows in learning.items()),
        ),
        drawing(circuit),
    )


def measure(circuit: Circuit, *, inputs_learn: bool) -> Size:
    """Count the gates of a circuit, and the circuits of its gradient."""
    import pennylane as qml  # costs seconds

    ops = _operations(circuit, inputs_learn=inputs_learn)
    gates = [part for op in ops for part in _apart(op, lambda one: len(one.wires) <= 2)]
    gates = [gate for gate in gates if len(gate.wires)]  # a global phase is no gate
    tape = qml.tape.QuantumScript(gates)
    shifts = [count for op in ops for count in _shifts(op)]
    return Size(
        qubits=circuit.qubits,
        gates=dict(sorted(Counter(gate.name for gate in gates).items())),
        two_qubit=sum(len(gate.wires) == 2 for gate in gates),
        depth=tape.graph.get_depth(),
        weights=circuit.weights,
        angles=len(shifts),
        shifted=sum(shifts),
    )


def drawing(circuit: Circuit) -> str:
    """The circuit as text, at most `WIDTH` columns wide."""
    import pennylane as qml

    ops = _operations(circuit, inputs_learn=False)
    wires = range(circuit.qubits)
    measured = (
        [qml.expval(qml.Z(wire)) for wire in wires]
        if circuit.measure == "z"
        else [qml.probs(wires=wires)]
    )
    tape = qml.tape.QuantumScript(ops, measured)
    text: str = qml.drawer.tape_text(tape, wire_order=wires, max_length=WIDTH, show_matrices=False)
    return text


def _operations(circuit: Circuit, *, inputs_learn: bool) -> list[Any]:
    """PennyLane's operations, on one sample of generic features and weights."""
    import pennylane as qml

    from models.quantum.pennylane_engine import apply

    rng = np.random.default_rng(0)
    # A norm of 1: features may be the amplitudes of a state.
    x = rng.uniform(0.1, 1.0, circuit.features)
    features = torch.from_numpy(x / max(float(np.linalg.norm(x)), 1e-9))
    weights = torch.from_numpy(rng.uniform(0.1, 1.0, circuit.weights)).requires_grad_()
    script = qml.tape.make_qscript(
        lambda: apply(circuit, features.requires_grad_(inputs_learn), weights)
    )()
    operations: list[Any] = script.operations
    return operations


def _apart(op: Any, done: Callable[[Any], bool]) -> Iterator[Any]:
    """An operation in smaller ones, until each is done."""
    if done(op) or not op.has_decomposition:
        yield op
        return
    for part in op.decomposition():
        yield from _apart(part, done)


def _shifts(op: Any) -> Iterator[int]:
    """Circuits for each trained parameter, of operations that can be shifted."""

    def done(one: Any) -> bool:
        return not any(map(_learns, one.data)) or one.grad_method == "A"

    for part in _apart(op, done):
        for at, value in enumerate(part.data):
            if not _learns(value):
                continue
            if (recipe := part.grad_recipe[at]) is not None:
                yield sum(shift != 0 for _, _, shift in recipe)
            elif found := part.parameter_frequencies[at]:  # a global phase has none
                yield 2 * len(found)


def _learns(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad
