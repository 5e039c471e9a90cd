"""Random circuits of every gate, for tests that hold one engine against another."""

import numpy as np
import torch
from scipy.stats import unitary_group

from models.quantum.circuit import Circuit, Op, Param, unitary, w, x
from models.quantum.gates import GATES


def random_circuit(seed, *, qubits=None, size=40, features=3, weights=5, measure=None):
    """A circuit whose gates, wires and parameters come from the seed; every gate that fits."""
    rng = np.random.default_rng(seed)
    qubits = qubits or int(rng.integers(1, 7))
    fitting = [
        name for name in [*GATES, "MultiRZ"] if name == "MultiRZ" or GATES[name].wires <= qubits
    ]
    ops = []
    if rng.random() < 0.2:
        ops.append(_prepared(rng, qubits))
    # Every gate that fits once, in random order, then more of them.
    names = [*rng.permutation(fitting), *rng.choice(fitting, size=max(0, size - len(fitting)))]
    for name in names:
        if name == "MultiRZ":
            count, params = int(rng.integers(1, min(qubits, 4) + 1)), 1
        else:
            count, params = GATES[name].wires, GATES[name].params
        ops.append(
            Op(
                str(name),
                _wires(rng, qubits, count),
                tuple(_param(rng, features, weights) for _ in range(params)),
            )
        )
    for count in range(1, min(qubits, 3) + 1):
        matrix = unitary_group.rvs(2**count, random_state=rng) if count else None
        ops.insert(int(rng.integers(1, len(ops))), unitary(matrix, _wires(rng, qubits, count)))
    return Circuit(qubits, tuple(ops), measure or ("z", "probabilities")[seed % 2])


def _wires(rng, qubits, count):
    return tuple(int(wire) for wire in rng.permutation(qubits)[:count])


def _param(rng, features, weights) -> Param:
    kind = rng.integers(5)
    if kind < 2:
        more = tuple(int(at) for at in rng.integers(features, size=rng.integers(0, 3)))
        return x(int(rng.integers(features)), *more, scale=float(rng.choice([1.0, 0.7])))
    if kind < 4:
        return w(int(rng.integers(weights)), scale=float(rng.choice([1.0, -1.3])))
    return float(rng.normal())


def _prepared(rng, qubits):
    amplitudes = rng.normal(size=2**qubits)
    return Op(
        "StatePrep",
        tuple(range(qubits)),
        tuple(map(float, amplitudes / np.linalg.norm(amplitudes))),
    )


def inputs(circuit, batch, seed, dtype=torch.float64):
    """Features and weights of the right numbers, asking for gradients."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(batch, circuit.features, generator=generator, dtype=torch.float64)
    weights = torch.randn(circuit.weights, generator=generator, dtype=torch.float64)
    return features.to(dtype).requires_grad_(), weights.to(dtype).requires_grad_()


def outputs_and_gradients(engine, circuit, batch, seed, dtype=torch.float64):
    """Outputs, and the gradients of a random sum of them to features and weights."""
    features, weights = inputs(circuit, batch, seed, dtype)
    out = engine(features, weights)
    generator = torch.Generator().manual_seed(seed)
    push = torch.randn(out.shape, generator=generator, dtype=torch.float64).to(out.dtype)
    (out * push).sum().backward()
    return out.detach(), features.grad, weights.grad
