"""Which decisions the stage takes, and how people see them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from models.quantum.qubo.placement import Weights
from tasks.errors import InputError
from tasks.params.quantum import QuantumParams
from tasks.progress import say
from tasks.quantum.decisions import Decision, decide_clients, decide_placement
from tasks.release.figures import table
from tasks.tracked import TrackedRun
from tasks.upstream import upstream
from tasks.workspace import Workspace

DECISIONS = "decisions.json"
READ = ("compress/family", "federate/rounds.jsonl", "federate/devices.json")


def decide(params: QuantumParams, workspace: Workspace) -> list[Decision]:
    """Where members of the family go, and who takes part next; what cannot be decided is said.

    Raises:
        InputError: an earlier stage has not run.
        TamperedError: something of it was changed after it was logged.
    """
    for name in READ:
        upstream(workspace, workspace.mlruns / "stages" / name)
    told = params.decisions
    asked: dict[str, Callable[[], Decision]] = {
        "placement": lambda: decide_placement(
            workspace,
            devices=told.devices,
            count=told.count,
            traffic_mb=told.traffic_mb,
            weights=Weights(),
            seed=params.seed,
        ),
        "clients": lambda: decide_clients(workspace, k=told.clients, seed=params.seed),
    }
    found = []
    for name, make in asked.items():
        try:
            found.append(make())
        except InputError as error:  # a family that does not ship, fewer clients: no fault here
            say(f"{name} is not decided: {error}")
            continue
        say(f"{name}: {found[-1].table.sentence()}")
    return found


def show_decisions(run: TrackedRun, workspace: Workspace, decisions: Sequence[Decision]) -> None:
    """A table in MLflow, and a file of the stage."""
    run.page("decisions.md", decisions_page(decisions))
    told = {decision.name: decision.plain() for decision in decisions}
    text = json.dumps(told, indent=2, sort_keys=True) + "\n"
    run.publish(workspace.stage("quantum") / DECISIONS, lambda path: _write(path, text))


def decisions_page(decisions: Sequence[Decision]) -> str:
    """Markdown: what was decided, and what every solver said."""
    sections = ["# Decisions as QUBO"]
    for decision in decisions:
        rows = [
            [
                str(row["solver"]),
                "" if row["energy"] is None else f"{row['energy']:.6g}",
                "" if row["gap"] is None else f"{row['gap']:.3g}",
                "" if row["feasible"] is None else str(row["feasible"]),
                "" if row["evaluations"] is None else f"{row['evaluations']:,}",
                "" if row["seconds"] is None else f"{row['seconds']:.3f}",
                str(row["refusal"]),
            ]
            for row in decision.rows()
        ]
        sections += [
            f"## {decision.name}",
            f"Taken, from {decision.table.solver}: `{json.dumps(decision.chosen)}`",
            table(
                ["solver", "energy", "gap", "feasible", "evaluations", "seconds", "refused"], rows
            ),
        ]
    return "\n\n".join(sections) + "\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
