"""What Bulyan's aggregation takes: ours and Flower's own, against Multi-Krum.

    python -m benchmarks.federated_robust_time     # a table, and docs/results/federated_bulyan.json

One aggregation of ready replies, rules in turns, each first as often as the others; 2 of 20 or 6 of
50 clients hostile. Seconds are those that the processor worked, on one thread: others that use the
machine do not count. Ratios are taken within a turn.
"""

import argparse
import time
from typing import Any

import numpy as np
from flwr.app import ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp.strategy import Bulyan, FedAvg
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it has none

from benchmarks.federated_scale import spread
from benchmarks.federated_tables import SCALE_TABLES
from benchmarks.table import keep, show
from models.federated.arrays import arrays_of, record_of
from models.federated.client import ABOUT, ARRAYS, METRICS
from models.federated.grid import FIRST_NODE, LocalGrid
from models.federated.strategies import ONE, StrategySettings, build_strategy

SIZES = ((20, 1_000_000, 2), (50, 1_000_000, 6))
"""Clients, parameters, hostile ones: 4 f + 3 clients are needed at least."""
ROUNDS = 6
AIM = 3.0


def replies(clients: int, parameters: int, seed: int) -> list[Message]:
    """Normal values, as one array."""
    LocalGrid(ClientApp(), clients)  # names this process: messages ask for it
    rng = np.random.default_rng(seed)
    found = []
    for client in range(clients):
        values = rng.standard_normal(parameters, np.float32)
        content = RecordDict(
            {
                ARRAYS: record_of({"weight": values}),
                METRICS: MetricRecord({"num-examples": 1.0}),
                ABOUT: ConfigRecord({"round": 1}),
            }
        )
        asked = Message(RecordDict(), FIRST_NODE + client, "train")
        found.append(Message(content, reply_to=asked))
    return found


def measure(clients: int, parameters: int, hostile: int) -> dict[str, Any]:
    """Seconds of each rule, their ratios, and how far ours is from Flower's."""
    settings = {"malicious": hostile, "selected": clients - hostile}
    rules: dict[str, FedAvg] = {
        "multi_krum": build_strategy(StrategySettings("multi_krum", **settings), clients=clients),
        "bulyan": build_strategy(StrategySettings("bulyan", **settings), clients=clients),
        "flower": Bulyan(**ONE, num_malicious_nodes=hostile),
    }
    order = list(rules)
    seconds: dict[str, list[float]] = {rule: [] for rule in rules}
    furthest = 0.0
    for turn in range(ROUNDS):
        found = {}
        for rule in order[turn % 3 :] + order[: turn % 3]:  # who comes first finds cold memory
            strategy = rules[rule]
            sent = replies(clients, parameters, turn)  # Flower's own renames arrays in place
            with threadpool_limits(1):
                start = time.process_time()
                arrays, _ = strategy.aggregate_train(1, sent)
                seconds[rule].append(time.process_time() - start)
            assert arrays is not None  # noqa: S101  # there are enough replies
            found[rule] = arrays_of(arrays)["weight"]
        furthest = max(furthest, float(np.abs(found["bulyan"] - found["flower"]).max()))
    pairs = list(zip(seconds["bulyan"], seconds["multi_krum"], seconds["flower"], strict=True))
    return {
        **{rule: spread(found) for rule, found in seconds.items()},
        "ratio": spread([ours / krum for ours, krum, _ in pairs]),
        "gained": spread([theirs / ours for ours, _, theirs in pairs]),
        "furthest": furthest,
        "hostile": hostile,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, default=len(SIZES), help="only the first ones")
    found = {f"{n} x {d:,}": measure(n, d, f) for n, d, f in SIZES[: parser.parse_args().sizes]}
    met = all(line["ratio"]["median"] <= AIM for line in found.values())
    results = {"sizes": found, "aim": AIM, "met": met, "rounds": ROUNDS}
    keep("federated_bulyan", results)
    head, *lines = SCALE_TABLES["federated_bulyan"](results)
    show("Bulyan", head, lines)


if __name__ == "__main__":
    main()
