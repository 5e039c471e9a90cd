"""The compressed family of a released model: each member that ships is a version of its own.

A member is registered beside the model that it was made from, signed and logged like it, and found
by an alias such as `champion-int8`; `candidate-int8` where the model did not become champion.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from provenance import Artifact, Log, ProvenanceError
from provenance.releases import Release, released_before
from tasks.release.attest import attest
from tasks.release.decision import Decision
from tasks.release.registry import (
    CANDIDATE,
    CHAMPION,
    anchor,
    files_of,
    log_model,
    register,
    set_alias,
)
from tasks.release.served import DEPLOYED, Served
from tasks.tracked import TrackedRun
from tasks.upstream import upstream
from tasks.workspace import Workspace

FAMILY = "family.json"
CARD = "card.json"


@dataclass(frozen=True)
class Member:
    """One deployable, as the compress stage made it.

    Args:
        name: of the machine it is for, such as `laptop`.
        alias: last part of its alias.
        card: what it is, costs and scores.
        files: at the top of its folder.
        folders: below it.
        served: how it answers.
    """

    name: str
    alias: str
    card: dict[str, Any]
    files: tuple[Artifact, ...]
    folders: tuple[Path, ...]
    served: Served = DEPLOYED

    @property
    def carried(self) -> dict[str, Artifact]:
        return {file.path.name: file for file in self.files}


@dataclass(frozen=True)
class Prepared:
    """A member with its model in MLflow, or with the version that it already has."""

    member: Member
    uri: str | None
    known: Release | None


def read_family(workspace: Workspace) -> tuple[tuple[Member, ...], Artifact]:
    """The members that ship, and the artifact that was read.

    Raises:
        InputError: the compress stage has not run.
        TamperedError: something of it was changed.
    """
    family = upstream(workspace, workspace.stage("compress") / "family")
    told = json.loads((family.path / FAMILY).read_text(encoding="utf-8"))
    members = [
        _member(family.path / name, name, found["alias"])
        for name, found in sorted(told["members"].items())
        if found["shipped"]
    ]
    return tuple(members), family


def log_family(
    mlflow: ModuleType, log: Log, name: str, members: Sequence[Member], split: str
) -> list[Prepared]:
    """Put the members into MLflow; those released before keep their version."""
    prepared = []
    for member in members:
        known = released_before(log, name, member.carried, split)
        uri = None
        if known is None:
            uri = log_model(
                mlflow,
                f"{name}-{member.name}",
                member.files,
                served=member.served,
                folders=member.folders,
            )
        prepared.append(Prepared(member, uri, known))
    return prepared


def register_family(
    run: TrackedRun,
    mlflow: ModuleType,
    log: Log,
    name: str,
    prepared: Sequence[Prepared],
    split: str,
    decision: Decision,
) -> list[Release]:
    """Give each member its version, its statements and its alias; log it."""
    made = []
    for found in prepared:
        release = found.known or _register(run, mlflow, log, name, found, split)
        attest(mlflow, run.workspace, log, release)
        whose = CHAMPION if decision.champion else CANDIDATE
        set_alias(mlflow, release, f"{whose}-{found.member.alias}")
        made.append(release)
    return made


def _register(
    run: TrackedRun, mlflow: ModuleType, log: Log, name: str, found: Prepared, split: str
) -> Release:
    member = found.member
    text = description(member)
    version = register(mlflow, name, uri=str(found.uri), run=run.run_id, card=text)
    files = files_of(mlflow, run.workspace, name, version, member.files)
    reason = f"member {member.name} of the family (level {member.card['level']})"
    made = Release(name, version, False, reason, split, files)
    entry = log.find(run.run_id)
    if entry is None:
        raise ProvenanceError(f"run {run.run_id} is not in the log that it was committed to")
    anchor(log, made, run=run.run_id, inputs=entry.body["inputs"], member=member.name)
    return made


def description(member: Member) -> str:
    """A member in Markdown, as MLflow shows it beside the version."""
    card = member.card
    steps = ", ".join(step["technique"] for step in card["recipe"])
    return "\n".join(
        [
            f"# {member.name}",
            f"Level {card['level']}: {steps}.",
            "",
            "```json",
            json.dumps(card["measured"], indent=1, sort_keys=True),
            "```",
        ]
    )


def _member(folder: Path, name: str, alias: str) -> Member:
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    inside = sorted(folder.iterdir())
    return Member(
        name=name,
        alias=alias,
        card=card,
        files=tuple(Artifact.of(path) for path in inside if path.is_file()),
        folders=tuple(path for path in inside if path.is_dir()),
    )
