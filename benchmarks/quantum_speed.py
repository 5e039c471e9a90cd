r"""One training step of a quantum head, here and in other libraries.

    python -m benchmarks.quantum_speed --peer torchquantum=PYTHON \
        --peer qiskit-machine-learning=PYTHON
    # tables, and docs/results/quantum_speed.json; five minutes

The step is forward, cross entropy, backward and Adam of Linear 16 -> n, tanh to a quarter turn,
angle encoding, three strongly entangling layers, Z of every wire, Linear n -> 2, on one thread.
PennyLane's TorchLayer runs on default.qubit (backprop) and on lightning.qubit (adjoint). PYTHON is
the interpreter of a virtual environment for each further library, made by

    pip install torch==2.13.0 qiskit-machine-learning==0.9.1
    pip install torch==2.13.0 "numpy<2" qiskit==0.46.3 qiskit-aer==0.14.2 \
        qiskit-ibm-runtime==0.19.1 "setuptools<81" torchpack torchdiffeq opt-einsum pathos \
        pylatexenc matplotlib
    pip install --no-deps torchquantum==0.1.8

They are no dependencies of this project: the first needs Qiskit 2, the second Qiskit below 1, and
it also pins dill to 0.3.4 and asks for TensorFlow. Without `--peer` they are "not run".

All start from the same weights and must give the same outputs before their first step and after it,
which their gradients decide; otherwise nothing is measured. Each is a process of its own, and they
take turns, so that whatever else the machine does hits all alike.
"""

import argparse
import itertools
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quantum_speed_program import Program, TookTooLong
from benchmarks.quantum_speed_tables import OURS, PEERS, SPEED_TABLES
from benchmarks.table import keep, show_all
from tasks.progress import say

QUBITS, BATCHES = (4, 8, 10), (32, 128)
FEATURES, CLASSES, LAYERS = 16, 2, 3
ROUNDS, STEPS = 7, 10
TURN = 0.5
"""Seconds after which a turn takes no further step."""
SLOW = 5.0
"""A first step of more seconds than this is the only one."""
LIMIT = 60.0
"""A step of more seconds than this is not waited for."""
BEFORE, AFTER = 1e-5, 1e-4
"""How far outputs may be apart before the first step and after it: float32 here, float64 there."""
HERE = Path(__file__).resolve().parent
APART = ("torchquantum", "qiskit-machine-learning")
"""Peers in virtual environments of their own."""


def problem(qubits: int, batch: int, seed: int) -> dict[str, Any]:
    """A head, all its weights, features and labels, as `make` takes them."""
    rng = np.random.default_rng(seed)

    def drawn(bound: float, *shape: int) -> Any:
        return rng.uniform(-bound, bound, shape).astype(np.float32).tolist()

    outer, inner = FEATURES**-0.5, qubits**-0.5
    return {
        "qubits": qubits,
        "layers": LAYERS,
        "pre.weight": drawn(outer, qubits, FEATURES),
        "pre.bias": drawn(outer, qubits),
        "weights": drawn(np.pi, LAYERS * qubits * 3),
        "post.weight": drawn(inner, CLASSES, qubits),
        "post.bias": drawn(inner, CLASSES),
        "x": rng.standard_normal((batch, FEATURES)).astype(np.float32).tolist(),
        "y": rng.integers(0, CLASSES, batch).tolist(),
    }


def ours() -> None:
    """Serve this project's own head, as the programs of the peers do theirs."""
    import torch
    from torch import nn

    from benchmarks.quantum_speed_peers import Given, serve
    from models.quantum.head import HeadConfig, QuantumHead

    def build(given: Given) -> nn.Module:
        config = HeadConfig(
            features=FEATURES, classes=CLASSES, qubits=given["qubits"], layers=given["layers"]
        )
        head = QuantumHead(config, seed=0)
        head.load_state_dict({name: torch.tensor(given[name]) for name in head.state_dict()})
        return head

    serve(build, "this project")


def programs(apart: dict[str, str]) -> list[Program]:
    """All that are measured, ours first.

    Args:
        apart: interpreters of the peers in environments of their own.
    """
    found = [Program(OURS, [sys.executable, "-m", "benchmarks.quantum_speed", "--serve"])]
    for name in PEERS:
        python = apart.get(name) if name in APART else sys.executable
        if python:
            # -I: the program must not find this project's modules in place of a library's.
            found.append(Program(name, [python, "-I", str(HERE / "quantum_speed_peers.py"), name]))
    return found


def measure(
    candidates: Sequence[Program],
    given: dict[str, Any],
    *,
    rounds: int,
    steps: int,
    limit: float = LIMIT,
) -> dict[str, dict[str, Any]]:
    """Seconds of a step of each in one cell: a median for each round.

    Args:
        candidates: ours first; the others must compute what it does.
        given: from `problem`.
        rounds: turns of each.
        steps: at most, in a turn.
        limit: seconds that a step may take.

    Raises:
        ValueError: a peer's outputs are others than ours.
    """
    found: dict[str, dict[str, Any]] = {}
    expected: list[Any] = []
    running = []
    for one in candidates:
        told = one.ask("make", **given)
        outputs = [one.ask("outputs")["outputs"]]
        _check(one.name, outputs[0], expected[0] if expected else outputs[0], BEFORE)
        try:
            first = one.ask("steps", count=1, seconds=limit, limit=limit)
        except TookTooLong:
            found[one.name] = told | {"over": limit}
            continue
        outputs.append(one.ask("outputs")["outputs"])
        expected = expected or outputs
        _check(one.name, outputs[1], expected[1], AFTER)
        if first["wall"][0] > SLOW:
            found[one.name] = told | first | {"steps": 1}
            continue
        one.ask("steps", count=2, seconds=TURN)  # warm, as all those after it
        found[one.name] = told | {"cpu": [], "wall": [], "steps": 0}
        running.append(one)
    for _, one in itertools.product(range(rounds), running):
        turn, own = one.ask("steps", count=steps, seconds=TURN), found[one.name]
        own["steps"] += len(turn["cpu"])
        for clock in ("cpu", "wall"):
            own[clock].append(statistics.median(turn[clock]))
    return found


def _check(name: str, outputs: Any, expected: Any, within: float) -> None:
    apart = float(np.abs(np.subtract(outputs, expected)).max())
    if not apart <= within:
        raise ValueError(
            f"{name}: outputs are {apart:.2g} from ours, allowed is {within}: it is another "
            "circuit, or has other gradients, and is not timed"
        )


def compare(
    candidates: Sequence[Program], *, rounds: int, steps: int, limit: float
) -> list[dict[str, Any]]:
    """All cells. Who took too long for one is not asked for what takes even longer."""
    cells: list[dict[str, Any]] = []
    for qubits, batch in itertools.product(QUBITS, BATCHES):
        hopeless = {
            name
            for cell in cells
            for name, one in cell["steps"].items()
            if "over" in one and cell["qubits"] <= qubits and cell["batch"] <= batch
        }
        left = [one for one in candidates if one.name not in hopeless]
        load = os.getloadavg()[0]
        given = problem(qubits, batch, seed=qubits)
        found = measure(left, given, rounds=rounds, steps=steps, limit=limit)
        found |= {name: {"over": limit, "steps": 0} for name in hopeless}
        cells.append({"qubits": qubits, "batch": batch, "steps": found, "load": load})
        say(f"{qubits} qubits, batch {batch}: done")
    return cells


def _interpreter(text: str) -> tuple[str, str]:
    name, _, python = text.partition("=")
    if name not in APART:
        raise argparse.ArgumentTypeError(f"{name!r}: allowed are {', '.join(APART)}")
    if not Path(python).is_file():
        raise argparse.ArgumentTypeError(f"{python!r}: no such file: give a Python interpreter")
    return name, python


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", type=_interpreter, action="append", default=[])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="turns of each")
    parser.add_argument("--steps", type=int, default=STEPS, help="at most, in a turn")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for a step")
    parser.add_argument("--look", action="store_true", help="show the tables, keep nothing")
    parser.add_argument("--serve", action="store_true", help="be the program that is ours")
    given = parser.parse_args()
    if given.serve:
        ours()
        return
    candidates = programs(dict(given.peer))
    try:
        cells = compare(candidates, rounds=given.rounds, steps=given.steps, limit=given.limit)
    finally:
        for one in candidates:
            one.close()
    results = {"cells": cells, "rounds": given.rounds, "layers": LAYERS}
    if not given.look:
        keep("quantum_speed", results)
    show_all(SPEED_TABLES, results)


if __name__ == "__main__":
    main()
