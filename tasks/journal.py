"""A note on disk of what a run is about to make true, so that a crash leaves nothing half-true.

A run touches three things: its output files, the provenance log and MLflow. They cannot change in
one step, so the run first writes down what it will do (the journal), then appends to the log (the
commit point), then moves its files into place and closes the MLflow run. Whoever comes after a
crash reads the journal: entry in the log means carry on, no entry means undo. Databases call this a
redo log.
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tasks.workspace import Workspace

PARTIAL = ".partial-"
REPLACED = ".replaced-"


@dataclass(frozen=True)
class Journal:
    """What one run is doing.

    Args:
        path: the journal file itself.
        run: id of the MLflow run, or "" before it was made.
        stage: name of the stage.
        pid: process that runs it.
        body: the provenance entry to come, or None while the stage still works.
        moves: pairs of staged and final path, as text.
    """

    path: Path
    run: str
    stage: str
    pid: int
    body: dict[str, Any] | None = None
    moves: list[tuple[str, str]] = field(default_factory=list)

    def write(self, **changes: Any) -> "Journal":
        """Change it and put it on disk, all or nothing."""
        changed = replace(self, **changes)
        values = {**asdict(changed), "path": None}
        changed.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = changed.path.with_suffix(".tmp")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(values, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(changed.path)
        return changed

    def carry_out(self) -> None:
        """Move every staged output into place; what was moved already stays."""
        for staged, final in self.moves:
            _move(Path(staged), Path(final))

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


def journals(workspace: Workspace) -> list[Journal]:
    """The journals that runs left behind; an empty list is the normal case and costs nothing."""
    found = []
    for path in sorted((workspace.mlruns / "journal").glob("*.json")):
        values = json.loads(path.read_text(encoding="utf-8"))
        values["moves"] = [(staged, final) for staged, final in values["moves"]]
        found.append(Journal(**{**values, "path": path}))
    return found


def staged_path(final: Path, key: str) -> Path:
    """Where an output is written before the run commits: beside its place, one rename away."""
    return final.with_name(f"{PARTIAL}{key}-{final.name}")


def leftovers(workspace: Workspace) -> list[Path]:
    """Staged outputs that lie about in the places where stages write."""
    places = [workspace.data, *(workspace.mlruns / "stages").glob("*")]
    return [path for place in places for path in place.glob(f"{PARTIAL}*")] + [
        path for place in places for path in place.glob(f"{REPLACED}*")
    ]


def remove(path: Path) -> None:
    """Delete a file or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _move(staged: Path, final: Path) -> None:
    if not staged.exists():
        return
    if final.is_dir():
        # A folder cannot be replaced by a rename: step the old one aside first.
        aside = final.with_name(f"{REPLACED}{final.name}")
        remove(aside)
        final.rename(aside)
        staged.rename(final)
        remove(aside)
    else:
        staged.replace(final)
