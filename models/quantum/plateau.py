"""Could a circuit learn at all? The variance of its gradient over random starts.

Where the variance shrinks exponentially with the number of qubits (a barren plateau), a gradient
cannot be told from shot noise, and training hardly starts. Looked at before training.

Source: McClean et al. 2018, https://doi.org/10.1038/s41467-018-07090-4.
"""

import dataclasses
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from models.quantum.engine import Engine
from models.quantum.head import HeadConfig, circuit_of


@dataclass(frozen=True)
class Flatness:
    """What random starts of one size say.

    Args:
        qubits, layers: of the circuit.
        variance: of the derivative of the first wire's Z by an angle, mean over the angles that it
            depends on at all; 0 where it depends on none.
    """

    qubits: int
    layers: int
    variance: float

    def warning(self, least: float) -> str | None:
        """A sentence if the variance is below `least`, else None."""
        if self.variance >= least:
            return None
        return (
            f"gradients of {self.qubits} qubits in {self.layers} layers vary by "
            f"{self.variance:.2g} over random starts, below {least:.2g}: training will hardly move "
            "(a barren plateau); use fewer qubits or layers"
        )


def flatness(config: HeadConfig, *, qubits: int, samples: int, seed: int) -> Flatness:
    """The gradient's variance over starts drawn as the head draws its own.

    Args:
        config: of the head; its number of qubits is replaced.
        qubits: n.
        samples: starts, each with an input of its own: angles even over half a turn, or a random
            unit vector where features are amplitudes.
        seed: of both.
    """
    circuit = circuit_of(dataclasses.replace(config, qubits=qubits, measure="z", pre="linear"))
    generator = torch.Generator().manual_seed(seed)
    engine = Engine(circuit)
    found = []
    for _ in range(samples):
        start = torch.rand(circuit.weights, generator=generator) - 0.5
        w = (config.spread * start).requires_grad_()
        x = _input(config, circuit.features, generator)
        (gradient,) = torch.autograd.grad(engine(x, w)[0, 0], w)
        found.append(gradient)
    variance = torch.stack(found).var(0)
    alive = variance[variance > torch.finfo(variance.dtype).eps]
    return Flatness(qubits, config.layers, float(alive.mean()) if len(alive) else 0.0)


def _input(config: HeadConfig, features: int, generator: torch.Generator) -> Tensor:
    if config.encoding == "amplitude":
        unit: Tensor = F.normalize(torch.randn(1, features, generator=generator))
        return unit
    return math.pi * (torch.rand(1, features, generator=generator) - 0.5)
