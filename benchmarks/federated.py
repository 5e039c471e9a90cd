"""Federated rounds on the stamps: rounds to 95% of the centralised score, and bytes that travel.

    python -m benchmarks.federated --workspace PATH     # a workspace whose train stage has run

Runs that are done are kept in PATH/mlruns/benchmarks/federated.json: one that was stopped goes on.

One client a language. The score is the mean of category accuracy and of speech to text R@10 on
validation rows, of the global weights after each round; the centralised model's is that of the
train stage. Every strategy has the same clients, the same local work (one pass, AdamW at the rate
of params.yaml; SCAFFOLD plain SGD) and the same start; FedSGD takes one step on all rows of each
client. Server rates were chosen among a few on validation rows of seed 7. A run ends at 95% of the
centralised score, or after ROUNDS. Final figures are of test rows.
"""

import argparse
import json
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.federated_stamps_tables import rounds as rounds_table
from benchmarks.federated_stamps_tables import traffic as traffic_table
from benchmarks.seeds import over_seeds
from benchmarks.table import keep, show
from models.batches import Data
from models.federated.client import client_app, partition_of
from models.federated.codec import Codec
from models.federated.grid import LocalGrid
from models.federated.multimodal import Local, load, weights_of
from models.federated.plan import Plan, Round
from models.federated.selection import Selection
from models.federated.server import Server
from models.federated.strategies import STRATEGIES, StrategySettings
from models.federated.traffic import traffic_mod
from models.multimodal import Multimodal
from models.objective import validate
from models.retrieval import search
from tasks.federate.outcome import finished, judged
from tasks.federate.source import Source, clients_of, local_of, read_federated
from tasks.params import FederateParams, TrainParams, load_params
from tasks.progress import say
from tasks.train.fit import reproducible
from tasks.workspace import Workspace

ROUNDS, SHARE = 16, 0.95
SEEDS = (7, 8, 9)
SEVERAL = ("fedavg", "fedavgm", "fedyogi")
"""Strategies that run with every seed; the others with the first."""
RATES = {"fedadam": 1e-2, "fedyogi": 1e-2, "fedadagrad": 1e-2}
SGD = {"scaffold": 0.2, "fedsgd": 0.5}
"""Rates of plain SGD, for those that are derived for it."""
WHOLE = 1 << 20
"""A batch that holds all rows of a client."""
CODECS = {
    "none": Codec("none"),
    "int8": Codec("int8"),
    "top 10% up, int8 down": Codec("top_k", share=0.1),
}


@dataclass(frozen=True)
class Bench:
    """What every run starts from."""

    source: Source
    params: FederateParams
    train: TrainParams
    central: float

    def score(self, model: Multimodal) -> tuple[float, float]:
        """Accuracy and R@10 on validation rows."""
        source, rows = self.source, self.source.validation
        weights = local_of(self.params, self.train).weights
        accuracy = validate(model, Data(source.examples, source.train, rows), weights)[
            "val_accuracy"
        ]
        spoken = source.examples.language[rows]
        found = [
            search(model, source.examples, rows[spoken == i], "speech_to_text")
            for i in range(len(source.spec.languages))
        ]
        return accuracy, float(np.mean([one.recall(10).mean() for one in found if one]))


class Reached(Exception):
    """The score was reached: the run need not go on."""


def run(
    bench: Bench,
    name: str,
    *,
    seed: int,
    upload: Codec | None = None,
    download: Codec | None = None,
    to_the_end: bool = False,
) -> dict[str, Any]:
    """Rounds of one strategy; where it reached the score, and what it scored at the end."""
    params = bench.params.model_copy(update={"seed": seed})
    clients = clients_of(bench.source, params, bench.train)
    local = _local(bench, name)
    clients = [replace(client, local=local, judge=False) for client in clients]
    initial = bench.source.blank(seed)
    judge = bench.source.blank(seed).eval()
    none = Codec("none")
    plan = Plan(
        rounds=ROUNDS,
        seed=seed,
        rate=SGD.get(name, params.local.learning_rate),
        strategy=_strategy(params, name),
        selection=Selection("random", 1.0, 2),
        upload=upload or none,
        download=download or none,
    )
    scores: list[tuple[float, float]] = []
    sent = [0]
    reached: list[int] = []

    def on_round(found: Round) -> None:
        load(judge, found.arrays)
        scores.append(bench.score(judge))
        sent[0] += found.bytes_up + found.bytes_down
        if not reached and float(np.mean(scores[-1])) >= SHARE * bench.central:
            reached.append(found.number)
            if not to_the_end:
                raise Reached

    server = Server(plan, weights_of(initial), clients=len(clients), on_round=on_round)
    app = client_app(
        lambda context: clients[partition_of(context)],
        [traffic_mod(plan.upload, plan.download)],
    )
    try:
        server.run(LocalGrid(app, len(clients), workers=params.workers))
    except Reached:
        pass
    except ValueError as error:
        say(f"{name}, seed {seed}: {error}")
    outcome: dict[str, Any] = {
        "rounds": reached[0] if reached else None,
        "scores": scores,
        "megabytes": sent[0] / 1e6,
        "events": len(server.events),
    }
    if to_the_end:
        made = finished(bench.source, server.arrays, clients, params, bench.train)
        found = judged(bench.source, made, bench.train)
        outcome["accuracy"] = {
            key: found.metrics["fused"][key]
            for key in ("accuracy", "accuracy_low", "accuracy_high")
        }
        outcome["r10"] = found.metrics["retrieval"]["speech_to_text"]["r10"]
    told = f"{reached[0]} rounds" if reached else f"not in {len(scores)} rounds"
    last = scores[-1] if scores else (math.nan, math.nan)
    say(f"{name}, seed {seed}: {told}, accuracy {last[0]:.3f}, R@10 {last[1]:.3f}")
    return outcome


def _local(bench: Bench, name: str) -> Local:
    local = local_of(bench.params, bench.train)
    if name in SGD:
        local = replace(local, optimizer="sgd", momentum=0.0, weight_decay=1e-4)
    return replace(local, batch_size=WHOLE, epochs=1) if name == "fedsgd" else local


def _strategy(params: FederateParams, name: str) -> StrategySettings:
    told = params.strategy.model_dump() | {"name": "fedavg" if name == "fedsgd" else name}
    return StrategySettings(**told | {"server_rate": RATES.get(name, 1.0)})


@dataclass(frozen=True)
class Done:
    """Outcomes of the runs that are done, on disk.

    Args:
        path: of the file.
        decides: digests of what was read, and settings; another one starts afresh.
    """

    path: Path
    decides: dict[str, Any]

    def of(self, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The outcome of a run, made only if it is not there yet."""
        runs = self._read()
        if key not in runs:
            runs[key] = make()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps({"decides": self.decides, "runs": runs}))
        outcome: dict[str, Any] = runs[key]
        return outcome

    def _read(self) -> dict[str, Any]:
        told = json.loads(self.path.read_text()) if self.path.exists() else {}
        runs: dict[str, Any] = told["runs"] if told.get("decides") == self.decides else {}
        return runs


def compare(bench: Bench, done: Done) -> dict[str, Any]:
    """Every strategy: rounds to the score."""
    found: dict[str, Any] = {}
    for name in ("fedsgd", *STRATEGIES):
        seeds = SEEDS if name in SEVERAL else SEEDS[:1]
        runs = [done.of(f"{name} {seed}", partial(run, bench, name, seed=seed)) for seed in seeds]
        counts = [one["rounds"] for one in runs]
        found[name] = {"seeds": list(seeds), "rounds": counts, "runs": runs}
        if None not in counts and len(counts) > 1:
            found[name]["mean"] = over_seeds([float(count) for count in counts])
    return found


def travel(bench: Bench, done: Done) -> dict[str, Any]:
    """The default strategy to the end, with what travels whole and in fewer bytes."""
    found = {}
    for name, codec in CODECS.items():
        down = Codec("int8") if codec.lossy else codec
        whole = partial(run, bench, bench.params.strategy.name, seed=SEEDS[0], to_the_end=True)
        found[name] = done.of(f"codec {name}", partial(whole, upload=codec, download=down))
    return found


def open_bench(workspace: Workspace) -> Bench:
    """The workspace's data and its centralised model."""
    params = load_params(workspace.params_file)
    source = read_federated(workspace)
    bench = Bench(source, params.federate, params.train, central=0.0)
    return replace(bench, central=float(np.mean(bench.score(source.central_model))))


def _decides(bench: Bench) -> dict[str, Any]:
    return {
        "inputs": [artifact.digest for artifact in bench.source.inputs],
        "params": bench.params.model_dump(mode="json"),
        "rounds": ROUNDS,
    }


def main(workspace: Workspace) -> None:
    """Both tables, printed and kept."""
    logging.getLogger("flwr").setLevel(logging.ERROR)
    with reproducible(1):
        bench = open_bench(workspace)
        done = Done(workspace.mlruns / "benchmarks" / "federated.json", _decides(bench))
        strategies, codecs = compare(bench, done), travel(bench, done)
    central = bench.source.central
    results: Mapping[str, Any] = {
        "share": SHARE,
        "most_rounds": ROUNDS,
        "clients": len(bench.source.spec.languages),
        "central": {
            "score": bench.central,
            "accuracy": central["fused"]["accuracy"],
            "r10": central["retrieval"]["speech_to_text"]["r10"],
        },
        "strategies": strategies,
        "traffic": codecs,
        "default": bench.params.strategy.name,
    }
    for title, table in (("rounds", rounds_table), ("traffic", traffic_table)):
        head, *lines = table(results)
        show(title, head, lines)
    keep("federated", results)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    main(Workspace(parser.parse_args().workspace.resolve()))
