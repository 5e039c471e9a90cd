"""What each stage did last time, one small file a stage, for the pipeline and `cairn explain`.

A stage runs as a process of DVC, which hands on neither its error nor its exit code. So the stage
itself notes what became of it; a note that still says "running" after DVC has ended means killed.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from tasks.errors import BusyError, UnreachableError
from tasks.tracked import PIPELINE
from tasks.workspace import Workspace


@dataclass(frozen=True)
class Failure:
    """Why a stage ended early.

    Args:
        error: class of the exception.
        message: its text.
        exit_code: with which a command line would end.
        passing: whether trying again may help: a network or a database that did not answer.
    """

    error: str
    message: str
    exit_code: int
    passing: bool

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """Describe an exception."""
        return cls(
            error=type(error).__name__,
            message=str(error) or type(error).__name__,
            exit_code=getattr(error, "exit_code", 1),
            passing=isinstance(
                error, BusyError | UnreachableError | ConnectionError | TimeoutError
            ),
        )


@dataclass(frozen=True)
class Record:
    """One run of one stage.

    Args:
        stage: its name.
        pipeline: id of the pipeline run that asked for it; "" when the stage ran by itself.
        state: how far it came.
        started: when, ISO 8601 in UTC.
        seconds: how long it took, 0 while it runs.
        failure: what went wrong, or None.
    """

    stage: str
    pipeline: str
    state: Literal["running", "done", "failed"]
    started: str
    seconds: float = 0.0
    failure: Failure | None = None


@contextmanager
def recorded(workspace: Workspace, stage: str) -> Iterator[None]:
    """Note when the stage starts, how it ends and how long it took."""
    record = Record(
        stage=stage,
        pipeline=os.environ.get(PIPELINE, ""),
        state="running",
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    path = _path(workspace, stage)
    write_json(path, asdict(record))
    before = time.monotonic()
    try:
        yield
    except BaseException as error:
        failed = replace(record, state="failed", failure=Failure.of(error))
        write_json(path, asdict(replace(failed, seconds=_since(before))))
        raise
    write_json(path, asdict(replace(record, state="done", seconds=_since(before))))


def last_record(workspace: Workspace, stage: str) -> Record | None:
    """What the stage noted last, or None where it never ran here."""
    values = read_json(_path(workspace, stage))
    if values is None:
        return None
    failure = values["failure"]
    return Record(**{**values, "failure": Failure(**failure) if failure else None})


def write_json(path: Path, values: Any) -> None:
    """Write a small JSON file, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)


def read_json(path: Path) -> Any:
    """What `write_json` wrote, or None where nothing was written yet."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def _path(workspace: Workspace, stage: str) -> Path:
    return workspace.mlruns / "last" / f"{stage}.json"


def _since(before: float) -> float:
    return round(time.monotonic() - before, 3)
