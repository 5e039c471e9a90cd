"""Two trained circuits of a published comparison, and the way they were trained.

Source: Bowles, Ahmed & Schuld 2024 (https://arxiv.org/abs/2403.07059), appendix C, and their
programs (https://github.com/XanaduAI/qml-benchmarks): circuits, starts, losses, Adam, batches of
32 drawn with replacement, the rule when training ends, and the order in which numbers are drawn
are theirs. All is float64, as it was there, so that a seed gives the published run.

Shapes: B batch, D features, n qubits, L layers.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from torch import Tensor, nn

from benchmarks.quantum_published_data import Floats, Split
from benchmarks.quantum_published_draws import Keys
from models.quantum.circuit import Circuit, Op, w, x
from models.quantum.engine import Engine

BATCH, INTERVAL, MOST = 32, 200, 20_000
"""Rows a step; steps whose losses are compared; steps after which a run is not called settled."""


@dataclass(frozen=True)
class Fitted:
    """A trained model's accuracy on its training rows and on the others."""

    train: float
    test: float
    steps: int
    settled: bool
    """False where the loss still fell after `MOST` steps."""


class Trained(nn.Module):
    """What both circuits share."""

    scaler: StandardScaler | MinMaxScaler
    keys: Keys

    @abstractmethod
    def loss(self, features: Tensor, labels: Tensor) -> Tensor:
        """Mean over (B, D) features with (B,) labels of -1 and 1."""

    @abstractmethod
    def classes(self, features: Tensor) -> Tensor:
        """(B,) labels of -1 and 1."""


class Dressed(Trained):
    """A circuit between two linear maps (Mari et al. 2020, https://arxiv.org/abs/1912.08278).

    n = D: tanh(V x) pi / 2 turns each qubit about Y after a Hadamard; L layers turn each again and
    put a ring of CNOTs on all; a second map takes the n expectations of Z to two scores.

    Args:
        features: D.
        layers: L.
        seed: of the start and the batches.
        entangled: without it, there are no CNOTs.
    """

    def __init__(self, features: int, *, layers: int, seed: int, entangled: bool = True) -> None:
        super().__init__()
        self.scaler, self.keys = StandardScaler(), Keys(seed, below=1_000_000)
        self.turns = _trained(2 * math.pi * self.keys.next().uniform(layers * features))
        self.inner = _trained(self.keys.next().normal(features, features) / features)
        self.outer = _trained(self.keys.next().normal(2, features) / features)
        circuit = dressed_circuit(features, layers, entangled=entangled)
        self.engine = Engine(circuit, dtype=torch.complex128)

    def forward(self, features: Tensor) -> Tensor:
        """(B, D) -> (B, 2) scores."""
        angles = torch.tanh(features @ self.inner.T) * math.pi / 2
        found: Tensor = self.engine(angles, self.turns) @ self.outer.T
        return found

    def loss(self, features: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self(features), (labels > 0).long())

    def classes(self, features: Tensor) -> Tensor:
        return torch.where(self(features).argmax(1) > 0, 1, -1)


class Reuploading(Trained):
    """Features go in again and again, each time scaled anew (Pérez-Salinas et al. 2020).

    https://arxiv.org/abs/1907.02085. Three features a qubit, n = D / 3 rounded up, the last ones 0.
    A qubit is held against |1> for label -1 and |0> for 1, with a trained weight for each.

    Args:
        features: D.
        layers: L; features go in L + 1 times.
        judged: how many of the n qubits the loss looks at.
        seed: of the start and the batches.
    """

    def __init__(self, features: int, *, layers: int, judged: int, seed: int) -> None:
        super().__init__()
        self.scaler = MinMaxScaler((-math.pi / 2, math.pi / 2))
        self.qubits, self.judged = -(-features // 3), judged
        self.keys = Keys(seed, below=100_000)
        for _ in range(2):  # the authors' program draws its start twice
            turns = self.keys.next().uniform(self.qubits, layers + 1, 3)
            scales = self.keys.next().uniform(layers + 1, 3 * self.qubits)
        self.turns = _trained(turns.swapaxes(0, 1).reshape(scales.shape))
        self.scales = _trained(scales)
        self.weights = _trained(np.ones((2, judged)))
        self.engine = Engine(reuploading_circuit(self.qubits, layers), dtype=torch.complex128)

    def forward(self, features: Tensor) -> Tensor:
        """(B, D) -> (B, judged) expectations of Z."""
        features = nn.functional.pad(features, (0, 3 * self.qubits - features.shape[1]))
        angles = features[:, None] * self.scales
        # The last time, both turns are one: their angles add up.
        last = angles[:, -1:] + self.turns[-1]
        angles = torch.cat([angles[:, :-1], last], dim=1)
        found: Tensor = self.engine(angles.flatten(1), self.turns[:-1].flatten())
        return found[:, : self.judged]

    def loss(self, features: Tensor, labels: Tensor) -> Tensor:
        mean, target = self(features), labels[:, None]
        low = (self.weights[0] * (1 - mean) - (1 - target)) / 2
        high = (self.weights[1] * (1 + mean) - (1 + target)) / 2
        found: Tensor = (low**2 + high**2).sum(1).mean() / 2
        return found

    def classes(self, features: Tensor) -> Tensor:
        mean: Tensor = self(features).mean(1)
        return torch.where(mean > 0, 1, -1)


def dressed_circuit(qubits: int, layers: int, *, entangled: bool = True) -> Circuit:
    """Features are n angles, weights L n turns."""
    ops = [Op("Hadamard", (wire,)) for wire in range(qubits)]
    ops += [Op("RY", (wire,), (x(wire),)) for wire in range(qubits)]
    for layer in range(layers):
        ops += [Op("RY", (wire,), (w(layer * qubits + wire),)) for wire in range(qubits)]
        if entangled:
            ops += [Op("CNOT", (wire, (wire + 1) % qubits)) for wire in range(qubits)]
    return Circuit(qubits, tuple(ops))


def reuploading_circuit(qubits: int, layers: int) -> Circuit:
    """Features are (L + 1) 3 n angles, weights L 3 n turns; CZs on even pairs, then on odd ones."""

    def three(at: int) -> range:
        return range(at, at + 3)

    ops = []
    for layer in range(layers + 1):
        for wire in range(qubits):
            at = 3 * (layer * qubits + wire)
            ops.append(Op("Rot", (wire,), tuple(x(i) for i in three(at))))
            if layer < layers:
                ops.append(Op("Rot", (wire,), tuple(w(i) for i in three(at))))
        if layer < layers:
            ops += [Op("CZ", (left, left + 1)) for left in range(layer % 2, qubits - 1, 2)]
    return Circuit(qubits, tuple(ops))


def fit(model: Trained, split: Split, *, rate: float) -> Fitted:
    """Train with Adam until the loss lies flat, then judge."""
    rows, y = _scaled(model, split.x, fit=True), torch.tensor(split.y)
    adam = torch.optim.Adam(model.parameters(), lr=rate)
    losses: list[float] = []
    while len(losses) < MOST and not flat(losses):
        batch = torch.from_numpy(model.keys.next().integers(BATCH, below=len(rows)))
        loss = model.loss(rows[batch], y[batch])
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        losses.append(loss.item())
    with torch.no_grad():
        train = (model.classes(rows) == y).double().mean().item()
        found = model.classes(_scaled(model, split.test_x)) == torch.tensor(split.test_y)
    return Fitted(train, found.double().mean().item(), len(losses), flat(losses))


def flat(losses: list[float]) -> bool:
    """Whether the last interval's mean is within half its standard error of the one before."""
    if len(losses) < 2 * INTERVAL + 2:
        return False
    last = torch.tensor(losses[-INTERVAL:], dtype=torch.float64)
    before = torch.tensor(losses[-2 * INTERVAL : -INTERVAL], dtype=torch.float64)
    error = float(last.std(correction=0)) / math.sqrt(INTERVAL)
    return abs(float(before.mean() - last.mean())) <= error / 2


def _scaled(model: Trained, rows: Floats, *, fit: bool = False) -> Tensor:
    found = model.scaler.fit_transform(rows) if fit else model.scaler.transform(rows)
    return torch.tensor(found, dtype=torch.float64)


def _trained(start: Floats) -> nn.Parameter:
    return nn.Parameter(torch.tensor(start, dtype=torch.float64))
