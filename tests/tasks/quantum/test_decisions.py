"""Decisions from what stages left: read from the log's own files, decided by the best answer."""

import json
from pathlib import Path
from typing import Any

import pytest

from models.quantum.qubo.exact import exact
from models.quantum.qubo.placement import Weights
from models.quantum.qubo.problem import QuboProblem
from provenance import TamperedError
from tasks.errors import InputError
from tasks.federate.fleet import read_kinds
from tasks.params import load_params
from tasks.params.base import Section
from tasks.params.quantum import DecisionParams
from tasks.quantum.decide import decide, decisions_page
from tasks.quantum.decisions import (
    Decision,
    candidates_of,
    decide_clients,
    decide_placement,
    kinds_of,
)
from tasks.tracked import tracked_run
from tasks.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[3]
DEVICES = """
phone:
  share: 0.75
  examples_per_second: [100.0, 300.0]
  memory_mb: [200.0, 900.0]
  up_mbps: [1.0, 1.0]
  down_mbps: [8.0, 24.0]
  availability: [1.0, 1.0]
  dropout: [0.0, 0.0]
rack:
  share: 0.25
  examples_per_second: [800.0, 800.0]
  memory_mb: [9000.0, 9000.0]
  up_mbps: [100.0, 100.0]
  down_mbps: [160.0, 160.0]
  availability: [1.0, 1.0]
  dropout: [0.0, 0.0]
"""


def member(size: float, memory: float, loss: float, shipped: bool = True) -> dict[str, Any]:
    point = {
        "name": "x",
        "digest": "0",
        "bytes": size * 1e6,
        "latency_ms": size,
        "memory_bytes": memory * 1e6,
        "loss": loss,
        "machine": "m",
    }
    return {"shipped": shipped, "point": point, "level": "light", "alias": "a", "refusal": None}


FAMILY = {
    "server": member(40.0, 500.0, 0.01),
    "small": member(10.0, 150.0, 0.08),
    "tiny": member(1.0, 50.0, 0.4),
    "unshipped": member(0.1, 1.0, 0.0, shipped=False),
}


class Nothing(Section):
    """No settings."""


def publish(workspace: Workspace, stage: str, files: dict[str, str]) -> None:
    """Write and log files as a stage does."""
    with tracked_run(stage, Nothing(), inputs=(), workspace=workspace) as run:
        for name, text in files.items():
            path = workspace.stage(stage) / name
            run.publish(path, lambda made, text=text: made.write_text(text))


@pytest.fixture
def compressed(workspace: Workspace) -> Workspace:
    (workspace.root / "devices.yaml").write_text(DEVICES)

    def family(path: Path) -> None:
        path.mkdir()
        (path / "family.json").write_text(json.dumps({"members": FAMILY}))

    with tracked_run("compress", Nothing(), inputs=(), workspace=workspace) as run:
        run.publish(workspace.stage("compress") / "family", family)
    return workspace


def placed(workspace: Workspace, traffic_mb: float | None = None, **more: Any) -> Decision:
    given: dict[str, Any] = {"weights": QUALITY, "seed": 1, "count": 100, **more}
    return decide_placement(workspace, devices="devices.yaml", traffic_mb=traffic_mb, **given)


QUALITY = Weights(latency=0.0, wait=0.0, sharing=0.0)


def test_each_kind_gets_the_best_that_fits(compressed: Workspace) -> None:
    """Phones have 200 MB at least: the server's 500 do not fit; what does not ship is no choice."""
    found = placed(compressed)
    assert found.chosen == {"phone": "small", "rack": "server"}
    assert found.table.best.energy == pytest.approx(0.75 * 0.08 + 0.25 * 0.01)
    assert [row["solver"] for row in found.rows()][:2] == ["exact", "greedy"]
    assert all(row["decision"] == "placement" for row in found.rows())
    (family,) = found.inputs
    assert family.path == compressed.stage("compress") / "family"


def test_traffic_decides_who_yields(compressed: Workspace) -> None:
    """75 phones and 25 racks take 1,750 MB of the best. With 1,076 either the phones get the tiny
    one (0.75 * 0.32 lost) or the racks the small one (0.25 * 0.07)."""
    assert placed(compressed, 1750.0).chosen == {"phone": "small", "rack": "server"}
    assert placed(compressed, 1076.0).chosen == {"phone": "small", "rack": "small"}
    assert placed(compressed, 101.0).chosen == {"phone": "tiny", "rack": "tiny"}


def test_the_file_repeats_byte_by_byte(compressed: Workspace) -> None:
    first, second = (json.dumps(placed(compressed, 1076.0).plain()) for _ in range(2))
    assert first == second
    told = json.loads(first)
    assert told["solver"] == "exact"
    assert "seconds" not in told["rows"][0]
    problem = QuboProblem.from_plain(told["problem"])
    assert exact(problem).energy == told["energy"]


def test_kinds_as_placement_sees_them(compressed: Workspace) -> None:
    phone, rack = kinds_of(read_kinds(compressed.root / "devices.yaml"))
    assert (phone.memory_bytes, phone.slower, phone.bytes_per_second) == (200e6, 4.0, 2e6)
    assert (rack.memory_bytes, rack.slower, rack.bytes_per_second) == (9000e6, 1.0, 20e6)


def test_what_cannot_be_placed_is_named(compressed: Workspace) -> None:
    with pytest.raises(InputError, match=r"traffic of 90 MB: .* already takes 100 MB"):
        placed(compressed, 90.0)
    small = DEVICES.replace("memory_mb: [200.0", "memory_mb: [20.0")
    (compressed.root / "devices.yaml").write_text(small)
    with pytest.raises(InputError, match=r"no member fits on phone: .* it has 20 MB"):
        placed(compressed)


def test_no_family_and_a_changed_one(workspace: Workspace, compressed: Workspace) -> None:
    path = compressed.stage("compress") / "family" / "family.json"
    path.write_text(path.read_text().replace("0.01", "0.02"))
    with pytest.raises(TamperedError, match="was changed after it was logged"):
        placed(compressed)


def test_a_family_that_does_not_exist(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="mlruns/stages/compress/family does not exist"):
        placed(workspace)


def part(partition: int, loss: float | None) -> dict[str, Any]:
    metrics = {} if loss is None else {"train_loss": loss}
    return {
        "partition": partition,
        "client": f"c{partition}",
        "digest": "0",
        "weight": 100.0,
        "metrics": metrics,
    }


ROUNDS = [
    {"round": 1, "clients": [part(0, 3.0), part(1, 3.0), part(2, 3.0)]},
    {"round": 2, "clients": [part(0, 1.0), part(2, 2.5)]},
]
FLEET = [{"examples_per_second": speed} for speed in (50.0, 10.0, 50.0)]


def test_clients_of_the_next_round(workspace: Workspace) -> None:
    lines = "".join(json.dumps(one) + "\n" for one in ROUNDS)
    publish(workspace, "federate", {"rounds.jsonl": lines, "devices.json": json.dumps(FLEET)})
    told = candidates_of(ROUNDS, FLEET)
    assert [(one.name, one.loss, one.turns, one.seconds) for one in told] == [
        ("c0", 1.0, 2, 2.0),
        ("c1", 3.0, 1, 10.0),
        ("c2", 2.5, 2, 2.0),
    ]
    # c0 has learned what it can; c1 is slow, but has the highest loss and took part less.
    found = decide_clients(workspace, k=2, seed=3)
    assert found.chosen == {"clients": ["c1", "c2"]}
    with pytest.raises(InputError, match="k=4 of 3 clients"):
        decide_clients(workspace, k=4, seed=3)


def test_without_figures_losses_are_unknown() -> None:
    (one,) = candidates_of([{"round": 1, "clients": [part(0, None)]}], FLEET)
    assert one.loss is None


def test_the_stage_takes_what_can_be_decided_and_says_what_cannot(
    compressed: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "".join(json.dumps(one) + "\n" for one in ROUNDS)
    publish(compressed, "federate", {"rounds.jsonl": lines, "devices.json": json.dumps(FLEET)})
    params = load_params(PROJECT / "params.yaml").quantum
    found = decide(params.model_copy(update={"decisions": limits(clients=2)}), compressed)
    assert [one.name for one in found] == ["placement", "clients"]
    page = decisions_page(found)
    assert '{"clients": ["c1", "c2"]}' in page
    assert "| exact |" in page
    few = decide(params.model_copy(update={"decisions": limits(clients=4)}), compressed)
    assert [one.name for one in few] == ["placement"]
    assert "clients is not decided: k=4 of 3 clients" in capsys.readouterr().err


def test_the_stage_needs_the_stages_before_it(workspace: Workspace) -> None:
    params = load_params(PROJECT / "params.yaml").quantum
    with pytest.raises(InputError, match="compress/family does not exist"):
        decide(params, workspace)


def limits(*, clients: int) -> DecisionParams:
    return DecisionParams(devices="devices.yaml", count=100, traffic_mb=None, clients=clients)
