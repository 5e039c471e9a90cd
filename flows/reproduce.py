"""Reproducibility: run a recorded stage again, elsewhere, and compare what comes out.

The stage gets the recorded inputs (their bytes checked again), the recorded settings and, where the
recorded commit is at hand and its tree was clean, the recorded code. It works in a folder of its
own with its own log, keys, tracking database and cache: nothing of the workspace is touched.
"""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from flows.repro import stage_environment
from provenance import Artifact, Entry, Log, Reason
from provenance.body import artifacts_of, inputs_of, is_kept
from provenance.checks.case import Case
from provenance.checks.code import NO_COMMIT
from provenance.checks.target import Target
from provenance.checks.verdict import Category, Verdict, failed, not_checked, passed
from provenance.history import History
from provenance.lineage import ancestors
from provenance.report import Finding
from tasks.environment import environment
from tasks.errors import InputError
from tasks.tracked import PIPELINE
from tasks.verification.ask import Reproduce
from tasks.verification.outputs import Outcome, compare_output
from tasks.verification.policy import Policy
from tasks.workspace import Workspace

STAGES = ("ingest", "validate", "train")
"""Stages whose outputs depend on inputs, settings and code alone, first to last."""
ALL = "all"
CODE = ("cairn", "flows", "tasks", "models", "provenance", "services")
"""Our packages: the code of a stage where no commit says which it was."""
SETTINGS = ("params.yaml", "dvc.yaml", "pyproject.toml", "requirements.lock", "policy.yaml")


class CannotReproduce(Exception):
    """Something that the run needs is not here any more; says what."""


def reproducer(stage: str) -> Reproduce:
    """The question to hand to `verify_target`.

    Args:
        stage: its name, or "all" from the first one on.

    Raises:
        InputError: there is no such stage.
    """
    if stage not in (*STAGES, ALL):
        raise InputError(f"--stage {stage}: one of {', '.join(STAGES)}, or {ALL}")
    wanted = STAGES if stage == ALL else (stage,)

    def reproduce(
        case: Case, workspace: Workspace, target: Target, policy: Policy | None
    ) -> Verdict:
        if case.reading is None:
            return case.refused(Category.REPRODUCIBILITY)
        runs = _runs(case.reading.history, target, wanted)
        found = {entry.body["stage"] for entry in runs}
        if missing := [name for name in wanted if name not in found]:
            name = f"{target.name}: no run of {' or '.join(missing)} is logged behind it"
            return not_checked(Category.REPRODUCIBILITY, Reason.NOTHING_TO_CHECK, name)
        tolerance = policy.tolerance.outputs if policy else {}
        return _judge(workspace, case.reading.history, runs, tolerance)

    return reproduce


def _runs(history: History, target: Target, wanted: Sequence[str]) -> list[Entry]:
    """The newest recorded run of each wanted stage behind the target, first stage first."""
    behind = [*target.entries]
    for entry in target.entries:
        behind += [history.entry(seq) for seq in ancestors(history, entry)]
    if not target.entries:
        behind = list(history.entries())
    newest: dict[str, Entry] = {}
    for entry in sorted(behind, key=lambda entry: entry.seq):
        if entry.body["kind"] == "run" and entry.body.get("stage") in wanted:
            newest[entry.body["stage"]] = entry
    return [newest[name] for name in wanted if name in newest]


def _judge(
    workspace: Workspace, history: History, runs: Sequence[Entry], tolerance: dict[str, float]
) -> Verdict:
    evidence: list[str] = []
    for entry in runs:
        stage = entry.body["stage"]
        try:
            with TemporaryDirectory(prefix="cairn-reproduce-") as folder:
                earlier = _settings_before(history, entry)
                found = _run_again(workspace, entry, earlier, Path(folder), tolerance)
        except CannotReproduce as error:
            message = f"{stage} (entry {entry.seq}): {error}"
            return not_checked(Category.REPRODUCIBILITY, Reason.CANNOT_CHECK, message)
        evidence += [f"{stage}: {note}" for note in found.notes]
        if found.differing:
            message = f"stage {stage} (entry {entry.seq}) differs: {'; '.join(found.differing)}"
            finding = Finding(Reason.NOT_REPRODUCED, message, entry.seq)
            return failed(Category.REPRODUCIBILITY, finding, evidence=tuple(evidence))
        if not found.same:
            message = f"{stage} (entry {entry.seq}): no output of it is logged"
            return not_checked(Category.REPRODUCIBILITY, Reason.NOTHING_TO_CHECK, message)
        evidence.append(f"{stage} (entry {entry.seq}): {found.same} outputs came out again")
    names = ", ".join(entry.body["stage"] for entry in runs)
    return passed(Category.REPRODUCIBILITY, f"{names} ran again with the same outputs", *evidence)


def _settings_before(history: History, entry: Entry) -> dict[str, Any]:
    """Settings of the stages behind a run, by stage: a stage may read those of an earlier one."""
    runs = [history.entry(seq).body for seq in sorted(ancestors(history, entry))]
    return {body["stage"]: body["params"] for body in runs if {"stage", "params"} <= body.keys()}


def _run_again(
    workspace: Workspace,
    entry: Entry,
    earlier: dict[str, Any],
    folder: Path,
    tolerance: dict[str, float],
) -> Outcome:
    out = Outcome()
    root, keys = folder / "workspace", folder / "keys"
    root.mkdir()
    _lay_out_code(workspace, entry, root, out)
    _lay_out_settings(entry, earlier, root)
    _lay_out_inputs(workspace, entry, root, keys)
    _compare_environment(workspace, entry, out)
    _start(entry.body["stage"], root, keys)
    for record in artifacts_of(entry.body):
        if is_kept(record):
            compare_output(workspace.root, root, record, tolerance, out)
    return out


def _lay_out_code(workspace: Workspace, entry: Entry, root: Path, out: Outcome) -> None:
    """The recorded commit; without one the code that is here now, and a note."""
    run = entry.body.get("run", {})
    commit = str(run.get("git", NO_COMMIT))
    if commit != NO_COMMIT and run.get("dirty") is False:
        packed = subprocess.run(
            ["git", "-C", str(workspace.root), "archive", "--format=tar", commit],
            capture_output=True,
            check=False,
        )
        if packed.returncode == 0:
            with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
                archive.extractall(root, filter="data")
            if all((root / room).is_dir() for room in CODE):
                out.notes.append(f"with the code of commit {commit[:12]}")
                return
    out.notes.append("with the code that is here now: no clean commit of its own was found")
    for room in CODE:
        place = Path(__file__).resolve().parents[1] / room
        shutil.copytree(
            place, root / room, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
        )
    for name in SETTINGS:
        if (workspace.root / name).is_file():
            shutil.copy(workspace.root / name, root / name)


def _lay_out_settings(entry: Entry, earlier: dict[str, Any], root: Path) -> None:
    path = root / "params.yaml"
    values: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    values |= earlier
    values[entry.body["stage"]] = entry.body["params"]
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")


def _lay_out_inputs(workspace: Workspace, entry: Entry, root: Path, keys: Path) -> None:
    """Copies of the recorded bytes, and a log that vouches for them."""
    records = []
    for record in inputs_of(entry.body):
        source, copy = workspace.root / record["path"], root / record["path"]
        if not source.exists():
            raise CannotReproduce(f"its input {record['path']} is no longer here")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy_bytes = shutil.copytree if source.is_dir() else shutil.copy
        copy_bytes(source, copy)
        found = Artifact.of(copy)
        if found.digest != record["blake3"]:
            raise CannotReproduce(
                f"its input {record['path']} is no longer here with blake3 "
                f"{record['blake3'][:8]}..., found {found.digest[:8]}..."
            )
        records.append({"path": record["path"], "blake3": found.digest, "size": found.size})
    raw = workspace.raw
    if entry.body["stage"] == STAGES[0] and raw.is_dir():
        shutil.copytree(raw, root / "data" / "raw", dirs_exist_ok=True)  # the stage checks it
    log = Log.open(root / ".provenance", keys)
    # Not of kind "run": MLflow's database would be looked for, which knows the runs of a log.
    log.append({"kind": "artifact", "id": "recorded-inputs", "artifacts": records})


def _compare_environment(workspace: Workspace, entry: Entry, out: Outcome) -> None:
    """Other packages or another processor may round otherwise; that is said, not forgiven."""
    now, then = environment(workspace), entry.body.get("env", {})
    out.notes += [
        f"{name} was {then[name]}, is {now[name]}"
        for name in sorted(now.keys() & then.keys())
        if now[name] != then[name]
    ]


def _start(stage: str, root: Path, keys: Path) -> None:
    given = {**stage_environment(""), "CAIRN_ROOT": str(root), "CAIRN_KEYS": str(keys)}
    given["CAIRN_ANCHOR"] = "off"  # what is only compared is not worth a place on a chain
    for name in (PIPELINE, "MLFLOW_TRACKING_URI", "CAIRN_WEBHOOK_URL", "PYTHONPATH"):
        given.pop(name, None)
    # Without this folder first, an installed Cairn would run in place of the recorded code.
    given["PYTHONPATH"] = os.fspath(root)
    done = subprocess.run(
        [sys.executable, "-m", f"flows.{stage}"],
        cwd=root,
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise CannotReproduce(f"it did not run to its end: {said[-1] if said else 'no message'}")
