"""What it brings to train a head under the noise that it will meet.

    python -m benchmarks.quantum_noise --workspace PATH   # a workspace whose train stage has run

Heads of four qubits on the stage's embeddings, otherwise as params.yaml describes them. Each is
trained twice from the same start, without noise and with depolarising of TRAINED after every gate,
each with its best learning rate by validation loss (a seed used for nothing else), and judged on
all test rows under several strengths. Differences are paired by seed.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any, cast

import numpy as np

from benchmarks.quantum_tables import NOISE_TABLES
from benchmarks.seeds import over_seeds
from benchmarks.table import keep, show_all
from models.quantum.fit import Training, best_rate, fit_head
from models.quantum.head import HeadConfig, QuantumHead
from models.quantum.noise import accuracy_against_noise
from tasks.params import load_params
from tasks.quantum.backend import head_config
from tasks.quantum.source import Source, read_embedded
from tasks.train.fit import reproducible
from tasks.workspace import Workspace

NAME = "quantum_noise"
QUBITS, SEEDS, TRAINED = 4, 5, 0.03
STRENGTHS = (0.0, 0.01, 0.03, 0.1)


def measured(source: Source, config: HeadConfig, how: Training, *, first: int) -> dict[str, Any]:
    """Accuracy over seeds, by how heads were trained and by the noise that they meet."""
    found: dict[str, list[Any]] = {}
    rates = {}
    for name, p in (("without noise", 0.0), ("under noise", TRAINED)):
        own = dataclasses.replace(config, depolarising=p)

        def make(seed: int, own: HeadConfig = own) -> QuantumHead:
            return QuantumHead(own, seed=seed)

        rates[name] = best_rate(make, source.train, source.validation, how, seed=first + SEEDS)
        found[name] = []
        for seed in range(first, first + SEEDS):
            fitted = fit_head(
                make(seed), source.train, source.validation, how, rate=rates[name], seed=seed
            )
            found[name].append(
                accuracy_against_noise(
                    cast(QuantumHead, fitted.head),
                    source.test.x,
                    source.test.y,
                    depolarising=STRENGTHS,
                )
            )
            print(f"{name}, seed {seed}: {found[name][-1]}", flush=True)
    plain, noisy = (np.array(found[name]) for name in ("without noise", "under noise"))
    return {
        "qubits": QUBITS,
        "seeds": [first, first + SEEDS - 1],
        "trained": TRAINED,
        "rates": rates,
        "rows": len(source.test.y),
        "strengths": {
            f"{p:g}": {
                "plain": over_seeds(plain[:, at].tolist()),
                "noisy": over_seeds(noisy[:, at].tolist()),
                "gain": over_seeds((noisy - plain)[:, at].tolist()),
            }
            for at, p in enumerate(STRENGTHS)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", type=Path, required=True, help="whose train stage has run")
    workspace = Workspace(parser.parse_args().workspace.resolve())
    params = load_params(workspace.params_file).quantum
    with reproducible(1):
        source = read_embedded(workspace, params)
        features = source.train.x.shape[1]
        config = head_config(params, features=features, classes=len(source.classes))
        how = Training(
            epochs=params.training.epochs,
            batch_size=params.training.batch_size,
            weight_decay=params.training.weight_decay,
            rates=tuple(params.training.rates),
        )
        config = dataclasses.replace(config, qubits=QUBITS)
        results = measured(source, config, how, first=params.seed)
    keep(NAME, results)
    show_all(NOISE_TABLES, results)


if __name__ == "__main__":
    main()
