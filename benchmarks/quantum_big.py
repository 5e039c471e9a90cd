"""State vectors of 16 to 25 qubits through lightning: time, memory, and the error to a closed form.

    python -m benchmarks.quantum_big     # a table, and docs/results/quantum_big.json; minutes

Each run is a process of its own: two layers of strongly entangling gates with their time, up to 22
qubits also their gradient, and a line of rotations and CNOTs whose expectations are products of
cosines. Memory is the most that the process took, less what it took before the device was made.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import threading
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pennylane as qml
import psutil

from benchmarks.quantum_algorithms_tables import BIG_TABLES
from benchmarks.table import keep, show_all
from models.quantum.toolbox.simulators import AMPLITUDE, needed_bytes, vector_device

RUNS = (*((qubits, "double") for qubits in (16, 20, 22, 24, 25)), (25, "single"))
LAYERS = 2
WITH_GRADIENT = 22
"""Qubits at most whose gradient is made too."""
REFUSED = 36
"""Qubits that no machine at hand holds."""
SPACING = 0.01
"""Seconds between looks at memory."""


def measure(qubits: int, precision: str) -> dict[str, Any]:
    """One run in this process."""
    rng = np.random.default_rng(qubits)
    angles = rng.uniform(-0.6, 0.6, qubits)
    shape = qml.StronglyEntanglingLayers.shape(LAYERS, qubits)
    weights = rng.uniform(0, 2 * np.pi, shape)
    with Memory() as memory:
        device = vector_device(qubits, precision=precision)

        @qml.qnode(device)
        def chain() -> object:
            for wire, angle in enumerate(angles):
                qml.RY(angle, wires=wire)
            for pair in pairwise(range(qubits)):
                qml.CNOT(pair)
            return [qml.expval(qml.Z(wire)) for wire in range(0, qubits, 5)]

        @qml.qnode(device, diff_method="adjoint")
        def layers(values: Any) -> object:
            qml.StronglyEntanglingLayers(values, wires=range(qubits))
            return qml.expval(qml.Z(0))

        found = np.asarray(chain())
        start = time.process_time()
        layers(weights)
        seconds = time.process_time() - start
        slope = None
        if qubits <= WITH_GRADIENT:
            start = time.process_time()
            qml.grad(layers)(qml.numpy.array(weights, requires_grad=True))
            slope = time.process_time() - start
    expected = np.cumprod(np.cos(angles))[::5]
    return {
        "seconds": seconds,
        "gradient_seconds": slope,
        "parameters": int(weights.size),
        "error": float(np.abs(found - expected).max()),
        "peak": memory.grown,
        "predicted": needed_bytes(qubits, amplitude=AMPLITUDE[precision]),
    }


class Memory:
    """Resident memory of this process at most, less that at the start."""

    def __init__(self) -> None:
        self.grown = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._own = psutil.Process()
        self._base = int(self._own.memory_info().rss)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        # The kernel's own mark misses nothing between two looks.
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self.grown = max(self.grown, most - self._base)

    def _watch(self) -> None:
        while not self._done.wait(SPACING):
            self.grown = max(self.grown, int(self._own.memory_info().rss) - self._base)


def refusal() -> dict[str, Any]:
    """What is said of more qubits than memory holds."""
    try:
        vector_device(REFUSED)
    except ValueError as error:
        return {"qubits": REFUSED, "message": str(error)}
    raise RuntimeError(f"{REFUSED} qubits were not refused")


def _apart(qubits: int, precision: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.quantum_big", "--qubits", str(qubits)]
    done = subprocess.run(
        [*command, "--precision", precision],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--qubits", type=int, help="measure one run in this process")
    parser.add_argument("--precision", choices=tuple(AMPLITUDE), default="double")
    given = parser.parse_args()
    if given.qubits:
        print(json.dumps(measure(given.qubits, given.precision)))
        return
    runs = {}
    for qubits, precision in RUNS:
        runs[f"{qubits}, {precision}"] = _apart(qubits, precision)
        print(f"{qubits} qubits, {precision}: {runs[f'{qubits}, {precision}']}", flush=True)
    results = {"runs": runs, "refused": refusal(), "layers": LAYERS}
    keep("quantum_big", results)
    show_all(BIG_TABLES, results)


if __name__ == "__main__":
    main()
