"""Heads are paired by seed, and the table holds what the page claims."""

import json

import torch

from benchmarks.quantum_noise import SEEDS, STRENGTHS, measured
from benchmarks.quantum_tables import NOISE_TABLES
from benchmarks.table import RESULTS
from models.quantum.fit import Rows, Training
from models.quantum.head import HeadConfig


class Blobs:
    """Two classes that a line parts: every split is the same rows."""

    def __init__(self) -> None:
        y = torch.arange(24) % 2
        noise = torch.randn(24, 3, generator=torch.Generator().manual_seed(0))
        self.train = self.validation = self.test = Rows(2.0 * y[:, None] - 1 + 0.1 * noise, y)


def test_without_noise_both_learn_and_differences_are_paired() -> None:
    config = HeadConfig(features=3, classes=2, qubits=2, layers=1, spread=0.1)
    how = Training(epochs=20, batch_size=8, weight_decay=0.0, rates=(0.05,))
    found = measured(Blobs(), config, how, first=0)  # type: ignore[arg-type]
    for one in found["strengths"].values():
        pairs = zip(one["plain"]["runs"], one["noisy"]["runs"], one["gain"]["runs"], strict=True)
        assert all(abs(b - a - gain) < 1e-12 for a, b, gain in pairs)
    assert found["strengths"]["0"]["plain"]["mean"] > 0.95
    assert found["strengths"]["0.03"]["noisy"]["mean"] > 0.95


def test_the_table_is_made_of_the_file() -> None:
    results = json.loads((RESULTS / "quantum_noise.json").read_text(encoding="utf-8"))
    head, *rows = NOISE_TABLES["quantum_noise"](results)
    assert len(rows) == len(STRENGTHS)
    assert {len(row) for row in rows} == {len(head)}
    assert all(len(one["gain"]["runs"]) == SEEDS for one in results["strengths"].values())
