"""Decisions of the pipeline as QUBO, from what earlier stages left: placement, next clients.

Every solver is asked and the best feasible answer is taken; the table says how far the others were
off, and what each spent.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.federated.seeds import mix
from models.quantum.qubo.answer import SEEDS
from models.quantum.qubo.client_selection import Candidate, client_selection
from models.quantum.qubo.compare import Comparison, side_by_side
from models.quantum.qubo.feasible import InfeasibleError
from models.quantum.qubo.placement import Kind, Member, Weights, placed, placement
from models.quantum.qubo.problem import QuboProblem
from provenance import Artifact
from tasks.errors import InputError
from tasks.federate.fleet import KindParams, read_kinds
from tasks.upstream import upstream
from tasks.workspace import Workspace

FAMILY = "family.json"


@dataclass(frozen=True)
class Decision:
    """What was decided.

    Args:
        name: of the decision.
        chosen: for people and for whoever acts on it.
        problem: that was solved.
        table: what all solvers said.
        inputs: what was read, for the provenance entry.
    """

    name: str
    chosen: dict[str, Any]
    problem: QuboProblem
    table: Comparison
    inputs: tuple[Artifact, ...]

    def rows(self) -> list[dict[str, Any]]:
        """The table as JSON types: one row a solver."""
        return [{"decision": self.name, **row} for row in self.table.plain()]

    def plain(self) -> dict[str, Any]:
        """For a JSON file. Seconds are left out: they would change its bytes at every run."""
        rows = [{k: v for k, v in row.items() if k != "seconds"} for row in self.rows()]
        return {
            "chosen": self.chosen,
            "solver": self.table.solver,
            "energy": self.table.best.energy,
            "rows": rows,
            "problem": self.problem.plain(),
        }


def decide_placement(
    workspace: Workspace,
    *,
    devices: str,
    count: int,
    traffic_mb: float | None,
    weights: Weights,
    seed: int,
) -> Decision:
    """Which member of the family goes onto which kind of device.

    Args:
        workspace: in which the compress stage has run.
        devices: file with the kinds of devices.
        count: devices in the field, each of which downloads once.
        traffic_mb: that they may download together, 1 MB = 10^6 bytes; None for no limit.
        weights: of latency, download and sharing, against a loss of 1.
        seed: of the solvers.

    Returns:
        The decision; `chosen` is kind to member.

    Raises:
        InputError: the compress stage has not run, no member ships, one kind's memory holds none
            of them, or the traffic is too little.
        TamperedError: the family was changed after it was logged.
    """
    family = upstream(workspace, workspace.stage("compress") / "family")
    told = json.loads((family.verified() / FAMILY).read_text(encoding="utf-8"))
    members, kinds = members_of(told), kinds_of(read_kinds(workspace.root / devices))
    if not members:
        raise InputError("no member of the family ships: `cairn compress` says why")
    try:
        problem = placement(
            members,
            kinds,
            devices=count,
            traffic_bytes=None if traffic_mb is None else 1e6 * traffic_mb,
            weights=weights,
        )
    except InfeasibleError as error:
        raise InputError(f"placement: {error}") from None
    table = side_by_side(problem, seed=_seed(seed, "placement"))
    chosen: dict[str, Any] = dict(placed(table.best, members, kinds))
    return Decision("placement", chosen, problem, table, (family,))


def decide_clients(workspace: Workspace, *, k: int, seed: int) -> Decision:
    """Who would best take part in a next federated round, from what the last ones showed.

    Args:
        workspace: in which the federate stage has run.
        k: clients to choose.
        seed: of the solvers.

    Returns:
        The decision; `chosen` lists the clients.

    Raises:
        InputError: the federate stage has not run, or has fewer than k clients.
        TamperedError: its files were changed after they were logged.
    """
    folder = workspace.stage("federate")
    rounds, fleet = (
        upstream(workspace, folder / name) for name in ("rounds.jsonl", "devices.json")
    )
    lines = rounds.verified().read_text(encoding="utf-8").splitlines()
    profiles = json.loads(fleet.verified().read_text(encoding="utf-8"))
    candidates = candidates_of([json.loads(line) for line in lines], profiles)
    if not 1 <= k <= len(candidates):
        raise InputError(f"k={k} of {len(candidates)} clients that took part: take fewer")
    problem = client_selection(candidates, k)
    table = side_by_side(problem, seed=_seed(seed, "clients"))
    chosen = {"clients": list(table.best.chosen)}
    return Decision("clients", chosen, problem, table, (rounds, fleet))


def members_of(family: Mapping[str, Any]) -> list[Member]:
    """Members that ship, from family.json."""
    return [
        Member(
            name=name,
            bytes=told["point"]["bytes"],
            latency_ms=told["point"]["latency_ms"],
            memory_bytes=told["point"]["memory_bytes"],
            loss=told["point"]["loss"],
        )
        for name, told in sorted(family["members"].items())
        if told["shipped"]
    ]


def kinds_of(kinds: Mapping[str, KindParams]) -> list[Kind]:
    """Kinds of devices as placement looks at them.

    The least memory of a kind counts, so that a member fits on all of it; of speed and bandwidth
    the middle. Latencies are taken to have been measured on the fastest kind.
    """
    speeds = {name: sum(kind.examples_per_second) / 2 for name, kind in kinds.items()}
    return [
        Kind(
            name=name,
            share=kind.share,
            memory_bytes=1e6 * kind.memory_mb[0],
            slower=max(speeds.values()) / speeds[name],
            bytes_per_second=sum(kind.down_mbps) / 2 * 1e6 / 8,
        )
        for name, kind in kinds.items()
    ]


def candidates_of(
    rounds: Sequence[Mapping[str, Any]], profiles: Sequence[Mapping[str, Any]]
) -> list[Candidate]:
    """Clients that took part in some round: rows, last loss, turns, and time on their device."""
    last: dict[int, Mapping[str, Any]] = {}
    turns: dict[int, int] = {}
    for found in rounds:
        for part in found["clients"]:
            last[part["partition"]] = part
            turns[part["partition"]] = turns.get(part["partition"], 0) + 1
    return [
        Candidate(
            name=part["client"],
            examples=round(part["weight"]),
            loss=part["metrics"].get("train_loss"),  # under noise no figures travel
            seconds=part["weight"] / profiles[partition]["examples_per_second"],
            turns=turns[partition],
        )
        for partition, part in sorted(last.items())
    ]


def _seed(seed: int, purpose: str) -> int:
    return mix(seed, purpose) % SEEDS
