"""Integrity: every byte that the target consists of, or was made from, is as it was logged."""

from pathlib import Path

from provenance.body import artifacts_of, is_kept
from provenance.checks.case import Case, head_text
from provenance.checks.target import Target
from provenance.checks.verdict import Category, Verdict, failed, not_checked, passed
from provenance.custody import Custody, check_custody, check_exactly, check_nothing_more
from provenance.entry import Entry
from provenance.errors import Reason
from provenance.history import History
from provenance.lineage import ancestors
from provenance.reading import Reading
from provenance.releases import Release
from provenance.statements import NAMES, version_folder
from provenance.statements.place import REGISTRY_NOTE

NOT_OURS = frozenset({REGISTRY_NOTE})
"""What MLflow adds to a version's folder when it is loaded."""


def integrity(case: Case, root: Path, target: Target, *, deep: bool = True) -> Verdict:
    """Hash the target's files again; never a stat cache.

    Args:
        root: the workspace.
        deep: also what it was made from, as far as that is still in the workspace.
    """
    if case.reading is None:
        return case.refused(Category.INTEGRITY)
    found = read_target(case.reading, root, target, deep=deep)
    if found.findings:
        return failed(Category.INTEGRITY, *found.findings, evidence=tuple(found.notes))
    gone = [entry for entry in target.releases if not _is_here(entry)]
    if gone:
        name = Release.of(gone[0].body)
        return not_checked(
            Category.INTEGRITY,
            Reason.CANNOT_CHECK,
            f"the files of {name.model} version {name.version} are not kept in this workspace: "
            "verify where they are",
        )
    if target.run is not None and (replaced := _replaced(case.reading, root, target.run)):
        return not_checked(Category.INTEGRITY, Reason.CANNOT_CHECK, replaced)
    if found.artifacts == 0:
        return not_checked(
            Category.INTEGRITY, Reason.NOTHING_TO_CHECK, f"{target.name}: no file was logged"
        )
    return passed(
        Category.INTEGRITY,
        f"{found.artifacts} artifacts, {found.size / 1e6:.1f} MB, and "
        f"{case.reading.history.size} log entries",
        f"log: {head_text(case.reading.head.checkpoint)}",
        *found.notes,
    )


def read_target(reading: Reading, root: Path, target: Target, *, deep: bool) -> Custody:
    """Read the files of a target; see `integrity`."""
    history, out = reading.history, Custody()
    own: set[str] = set()
    for entry in target.releases:
        kept = [record for record in artifacts_of(entry.body) if is_kept(record)]
        own.update(record["path"] for record in kept)
        check_exactly(history, root, entry, kept, out)
        folder = version_folder(root, Release.of(entry.body))
        if folder is not None and folder.is_dir():
            inside = folder.relative_to(root).as_posix()
            allowed = [*kept, *({"path": f"{inside}/{name}"} for name in NAMES)]
            check_nothing_more(root, inside, allowed, NOT_OURS, out)
        if (digest := Release.of(entry.body).digest("model.safetensors")) in history.revoked:
            out.notes.append(f"withdrawn by entry {history.revoked[digest]}")
    if deep or target.run is not None:
        more = _paths(history, target)
        rest = check_custody(history, root, more - own)
        out.findings += rest.findings
        out.notes += rest.notes
        out.artifacts += rest.artifacts
        out.size += rest.size
    return out


def _paths(history: History, target: Target) -> set[str]:
    """Paths of what the target made and was made from; all paths for the whole log."""
    if target.whole:
        return set(history.paths)
    entries = [*target.entries]
    for entry in target.entries:
        entries += [history.entry(seq) for seq in ancestors(history, entry)]
    return {record["path"] for entry in entries for record in artifacts_of(entry.body)}


def _replaced(reading: Reading, root: Path, run: Entry) -> str | None:
    """Which output of a run is no longer there, because a newer entry made its path anew."""
    for record in artifacts_of(run.body):
        newer = reading.history.newest(record["path"])
        if not is_kept(record) or newer is None or newer[1]["blake3"] == record["blake3"]:
            continue
        out = Custody()
        check_exactly(reading.history, root, run, [record], out)
        if out.findings:
            return (
                f"{record['path']} was written again by entry {newer[0].seq}: the bytes of entry "
                f"{run.seq} are no longer here"
            )
    return None


def _is_here(entry: Entry) -> bool:
    return any(is_kept(record) for record in artifacts_of(entry.body))
