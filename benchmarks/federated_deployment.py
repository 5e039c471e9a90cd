"""Seconds a round over a SuperLink: Flower's fresh processes against workers that stay.

    python -m benchmarks.federated_deployment     # ten minutes on two cores

Two SuperNodes over TLS, a torch model on handwritten digits, training only: one message a node and
round. The ways take turns on the same partitions, and must end in the same weights:

* flower: as Flower makes it. A process for every message, which imports torch and reads the data.
* worker: torch and data stay in a worker; Flower's process for a message is free of torch.
* worker and forge: and that process is forked from one that has Flower imported.

The first round of a run is left out: it unpacks the bundle and asks the nodes who they are.
"""

import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.table import keep, show
from models.federated.plan import Plan
from models.federated.selection import Selection
from models.federated.strategies import StrategySettings
from services.federation.deployment import Deployment
from services.federation.digits import write_digits
from services.federation.federation import Federation, write_federation
from services.federation.partitions import Partition, read_partition
from services.federation.supernode import Warmth
from services.federation.torch_mlp import initial

NODES, ROUNDS, REPEATS, SEED = 2, 4, 3, 7
HIDDEN = 64
WAYS = {
    "flower": Warmth(worker=False, forge=False, quick=False),
    "worker": Warmth(worker=True, forge=False, quick=True),
    "worker and forge": Warmth(),
}


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # of every process that is started here
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        federation = _federation(Path(folder))
        for repeat in range(REPEATS):
            for way, warmth in WAYS.items():  # in turns: whatever else goes on meets all
                place = Path(folder) / f"{way.replace(' ', '-')}-{repeat}"
                runs[way].append(_measure(place, federation, warmth))
    results = summary(runs)
    keep("federated_deployment", results)
    lines = [
        [way, spread(line, "seconds"), spread(line, "times_faster"), f"{line['start']:.1f}"]
        for way, line in results["ways"].items()
    ]
    show(
        "Federated deployment",
        ["way", "s/round (range)", "times faster (range)", "start, s"],
        lines,
    )


def summary(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians over all rounds; ratios within a turn, their median and range."""
    ways: dict[str, dict[str, Any]] = {}
    for way, found in runs.items():
        rounds = [seconds for run in found for seconds in run["rounds"]]
        ratios = [
            statistics.median(flower["rounds"]) / statistics.median(own["rounds"])
            for flower, own in zip(runs["flower"], found, strict=True)
        ]
        ways[way] = {
            "seconds": statistics.median(rounds),
            "seconds_low": min(rounds),
            "seconds_high": max(rounds),
            "times_faster": statistics.median(ratios),
            "times_faster_low": min(ratios),
            "times_faster_high": max(ratios),
            "start": statistics.median(run["start"] for run in found),
            "runs": found,
        }
    digests = {run["digest"] for found in runs.values() for run in found}
    if len(digests) != 1:
        raise ValueError(f"the ways end in different weights: {sorted(digests)}")
    return {
        "nodes": NODES,
        "rounds": ROUNDS - 1,
        "repeats": REPEATS,
        "seed": SEED,
        "cores": os.cpu_count(),
        "digest": digests.pop(),
        "ways": ways,
    }


def spread(line: dict[str, Any], name: str) -> str:
    """`5.1 (4.9 to 5.6)`."""
    return f"{line[name]:.1f} ({line[f'{name}_low']:.1f} to {line[f'{name}_high']:.1f})"


def _measure(place: Path, federation: Federation, warmth: Warmth) -> dict[str, Any]:
    """One deployment from start to end; `load` is the machine's, over the last minute."""
    with Deployment(place, federation, warmth=warmth) as deployment:
        lines = deployment.run()
    return {
        "rounds": [line["seconds"] for line in lines[1:]],
        "start": _started(place),
        "digest": lines[-1]["digest"],
        "load": os.getloadavg()[0],
    }


def _started(place: Path) -> float:
    """Seconds from the first certificate to the last node's connection."""
    import json

    events = [json.loads(line) for line in (place / "events.jsonl").read_text().splitlines()]
    times = {event["kind"]: float(event["time"]) for event in events}
    return times["node_up"] - times["certificates"]


def _federation(folder: Path) -> Federation:
    """The digits, with a torch model in place of the softmax."""
    digits = write_digits(folder / "digits", nodes=NODES, rounds=ROUNDS, seed=SEED)
    parts: Sequence[Partition] = [read_partition(path) for path in digits.partitions]
    settings = {"classes": 10, "hidden": HIDDEN, "batch_size": 32, "epochs": 1}
    plan = Plan(
        rounds=ROUNDS,
        seed=SEED,
        rate=0.1,
        strategy=StrategySettings("fedavg"),
        selection=Selection("random", 1.0, NODES),
        timeout=300.0,
    )
    features = int(parts[0].rows["x"].shape[1])
    return write_federation(
        folder / "federation",
        plan,
        initial(features, HIDDEN, 10, seed=SEED),
        [Partition("torch-mlp", p.name, settings, {k: p.rows[k] for k in "xy"}) for p in parts],
    )


if __name__ == "__main__":
    main()
