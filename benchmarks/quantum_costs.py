"""What quantum algorithms save and cost: questions, circuits for a gradient, CPU seconds."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pennylane as qml

from models.quantum.toolbox import bernstein_vazirani, grover, simon
from models.quantum.toolbox.simulators import vector_device

SIMON_SEEDS = 200
GRADIENT_QUBITS, GRADIENT_LAYERS = 10, 2
REPEATS = 5


def queries() -> dict[str, Any]:
    """Questions to the oracle, and those of a classical search."""
    found: dict[str, Any] = {}
    for qubits in range(4, 11):
        search = grover.search([f"{(37 * qubits) % 2**qubits:0{qubits}b}"])
        found[f"Grover, {2**qubits:,} items"] = {
            "calls": search.calls,
            "classical": search.classical_calls,
            "probability": search.probability,
            "theory": search.theory,
        }
    read = bernstein_vazirani.read_secret("1011001110")
    found["Bernstein-Vazirani, 10 bits"] = {
        "calls": read.calls,
        "classical": read.classical_calls,
        "probability": read.probability,
        "theory": 1.0,
    }
    for secret in ("1011", "10110010"):
        runs = [simon.find(secret, seed=seed) for seed in range(SIMON_SEEDS)]
        found[f"Simon, {len(secret)} bits (mean of {SIMON_SEEDS})"] = {
            "calls": float(np.mean([run.calls for run in runs])),
            "expected_calls": runs[0].expected_calls,
            "classical": runs[0].classical_calls,
            "probability": float(np.mean([run.found == secret for run in runs])),
            "theory": 1.0,
        }
    return found


def clock() -> dict[str, float]:
    """CPU seconds to find one item of 1,024: Grover's search simulated, and a loop over all."""
    item = "1011001110"
    order = np.random.default_rng(0).permutation(1024).tolist()
    return {
        "simulated": _least_seconds(lambda: grover.search([item])),
        "classical": _least_seconds(lambda: order.index(int(item, 2))),
    }


def _least_seconds(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def gradients() -> dict[str, Any]:
    """One gradient of 60 parameters on 10 qubits: circuits run and CPU seconds, both ways."""
    shape = qml.StronglyEntanglingLayers.shape(GRADIENT_LAYERS, GRADIENT_QUBITS)
    drawn = np.random.default_rng(0).uniform(0, 2 * np.pi, shape)
    weights = qml.numpy.array(drawn, requires_grad=True)
    found: dict[str, Any] = {"parameters": weights.size, "qubits": GRADIENT_QUBITS}
    slopes = {}
    for way in ("adjoint", "parameter-shift"):
        device = vector_device(GRADIENT_QUBITS)

        @qml.qnode(device, diff_method=way)
        def energy(values: Any) -> object:
            qml.StronglyEntanglingLayers(values, wires=range(GRADIENT_QUBITS))
            return qml.expval(qml.Z(0) @ qml.Z(GRADIENT_QUBITS - 1))

        made = qml.grad(energy)
        with qml.Tracker(device) as tracker:
            slopes[way] = made(weights)
        seconds = _least_seconds(partial(made, weights))
        found[way] = {"circuits": _circuits(tracker.totals), "seconds": seconds}
    off = np.abs(slopes["adjoint"] - slopes["parameter-shift"]).max()
    found["difference"] = float(off)
    return found


def _circuits(totals: dict[str, Any]) -> int:
    """Runs of a circuit; an adjoint gradient is one run and one way back.

    The tracker of PennyLane 0.45 notes both of these twice, by the device and by what it calls.
    """
    if "derivatives" in totals:
        return int(totals["executions"] + totals["derivatives"]) // 2
    return int(totals["executions"])
