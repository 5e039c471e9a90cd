"""What a quantum kernel costs if the state of each sample is made once, and if it is not.

A quantum computer runs a circuit for every entry of the kernel matrix, many times. Where states can
be kept, which a simulator can, as many circuits as samples do, for the same predictions.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.quantum_published_data import Floats, Split
from models.quantum.kernels import IQPKernel, Kernel, pairwise_circuits
from models.quantum.qsvm import QSVM

AT_ONCE = 1000
"""Pairs whose states are made together."""


@dataclass
class Apart:
    """An IQP kernel that keeps no state: its `states` are angles, each overlap makes two of them.

    Attributes:
        circuits: overlaps so far; each is one circuit, which embeds a sample and undoes another.
    """

    kernel: IQPKernel
    circuits: int = 0

    def states(self, x: Any) -> Any:
        return x

    def overlaps(self, a: Any, b: Any) -> Floats:
        alike = np.array_equal(a, b)
        pairs = np.triu_indices(len(a), 1) if alike else np.indices((len(a), len(b))).reshape(2, -1)
        self.circuits += len(pairs[0])
        found = np.ones((len(a), len(b)))
        for at in range(0, len(pairs[0]), AT_ONCE):
            i, j = (side[at : at + AT_ONCE] for side in pairs)
            one, other = self.kernel.states(a[i]), self.kernel.states(b[j])
            found[i, j] = np.abs((one.conj() * other).sum(axis=1)) ** 2
            if alike:
                found[j, i] = found[i, j]
        return found


def reuse(split: Split, *, c: float, repeats: int) -> dict[str, Any]:
    """Circuits, accuracy and CPU seconds of both ways, and whether they predict the same."""
    kernel = IQPKernel(repeats, pairs_once=True)
    apart = Apart(kernel)
    once, predicted = _judged(kernel, split, c)
    each, again = _judged(apart, split, c)
    if apart.circuits != pairwise_circuits(len(split.x), len(split.test_x)):
        raise RuntimeError(f"{apart.circuits} circuits ran, another number was expected")
    each["circuits"] = apart.circuits
    return {"qubits": split.x.shape[1], "once": once, "each": each, "same": predicted == again}


def _judged(kernel: Kernel, split: Split, c: float) -> tuple[dict[str, Any], list[int]]:
    began = time.process_time()
    machine = QSVM(kernel, c=c).fit(split.x, split.y)
    predicted = machine.predict(split.test_x)
    spent = time.process_time() - began
    accuracy = float(np.mean(predicted == split.test_y))
    told = {"circuits": machine.circuits, "accuracy": accuracy, "cpu_seconds": spent}
    return told, predicted.tolist()
