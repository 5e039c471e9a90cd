"""Custody: the bytes on disk are those that the log vouches for.

Every byte is read again; no cache of sizes or times is believed.
"""

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from provenance.artifact import Artifact
from provenance.body import Record, is_kept
from provenance.entry import Entry
from provenance.errors import ChangedWhileHashingError, ProvenanceError, Reason, UnhashableError
from provenance.history import History
from provenance.listing import Listing, decode_listing
from provenance.report import Finding

CACHE = "__pycache__"
"""Where Python keeps what it compiled."""


@dataclass
class Custody:
    """What came out: things wrong, things to know, and how much was read."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    artifacts: int = 0
    size: int = 0


def check_custody(history: History, root: Path, paths: Collection[str] | None = None) -> Custody:
    """Read every artifact below `root` that the log vouches for.

    A file with the bytes of an older entry of its path is noted: someone went back to that version.
    A revoked artifact may be absent or differ; revoked bytes that came back are a finding.

    Args:
        paths: only these, as written in the log.
    """
    out = Custody()
    chosen = history.paths if paths is None else [path for path in paths if path in history.paths]
    for path in sorted(chosen, key=lambda path: history.paths[path][-1]):
        if (found := history.newest(path)) and is_kept(found[1]):
            _check(history, root / path, *found, out)
    return out


def check_exactly(
    history: History, root: Path, entry: Entry, records: Iterable[Record], out: Custody
) -> None:
    """Read these records of an entry; older versions and withdrawn files are no excuse here."""
    for record in records:
        found = _read(root / record["path"], record["blake3"])
        if isinstance(found, tuple):
            problem: tuple[Reason, str] | None = found
        else:
            out.artifacts += 1
            out.size += found.size
            same = found.digest == record["blake3"]
            problem = None if same else _difference(history, record["blake3"], found)
        if problem is not None:
            out.findings.append(_finding(problem, entry, record))


def check_nothing_more(
    root: Path, folder: str, records: Sequence[Record], ignored: Collection[str], out: Custody
) -> None:
    """Whether a folder holds files that no record lists; a link or a pipe is one too.

    Python's own `__pycache__/*.pyc` are counted in a note, not judged: they appear when the code
    beside them is imported, and their bytes prove nothing.

    Args:
        folder: from the workspace's root.
        ignored: names of files that may be there.
    """
    listed = {record["path"] for record in records}
    compiled = 0

    def refuse(error: OSError) -> None:
        path = Path(error.filename).relative_to(root).as_posix()
        message = f"{path}: cannot be listed ({error.strerror})"
        out.findings.append(Finding(Reason.ARTIFACT_REFUSED, message, path=path))

    for place, folders, files in os.walk(root / folder, onerror=refuse):
        folders.sort()
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in sorted([*files, *links]):
            if Path(place).name == CACHE and name.endswith(".pyc") and name in files:
                compiled += 1
                continue
            path = (Path(place) / name).relative_to(root).as_posix()
            if path not in listed and not (name in files and name in ignored):
                out.findings.append(
                    Finding(
                        Reason.ARTIFACT_EXTRA,
                        f"{path}: was added to {folder} after it was logged",
                        path=path,
                    )
                )
    if compiled:
        out.notes.append(
            f"{folder}: {compiled} files of compiled Python code are not checked; to run its code, "
            "load the model from a fresh download"
        )


def _check(history: History, place: Path, entry: Entry, record: Record, out: Custody) -> None:
    path, expected = record["path"], record["blake3"]
    withdrawn = expected in history.revoked
    found = _read(place, expected)
    if isinstance(found, tuple):
        problem = found
    else:
        out.artifacts += 1
        out.size += found.size
        if found.digest == expected:
            if withdrawn:
                out.notes.append(
                    f"{path}: revoked by entry {history.revoked[expected]}, still here"
                )
            return
        older = history.newest(path, found.digest, before=entry.seq)
        if older is not None and found.digest not in history.revoked:
            out.notes.append(f"{path}: older version, entry {older[0].seq}")
            return
        problem = _difference(history, expected, found)
        if older is not None:
            revoked = history.revoked[found.digest]
            problem = Reason.ARTIFACT_CHANGED, f"is a version that entry {revoked} revoked"
    if withdrawn:
        out.notes.append(f"{path}: revoked by entry {history.revoked[expected]}, no longer here")
    else:
        out.findings.append(_finding(problem, entry, record))


def _read(place: Path, expected: str) -> Artifact | tuple[Reason, str]:
    """The artifact at a place, or why there is none."""
    try:
        place.lstat()
        return Artifact.of(place)
    except (FileNotFoundError, NotADirectoryError):
        return Reason.ARTIFACT_MISSING, f"expected blake3 {expected[:8]}..., found nothing"
    except UnhashableError as error:
        return Reason.ARTIFACT_REFUSED, str(error)
    except ChangedWhileHashingError as error:
        return Reason.ARTIFACT_CHANGED, str(error)
    except OSError as error:  # no permission on the way to it, a loop of links
        return Reason.ARTIFACT_REFUSED, f"cannot be read ({error.strerror})"


def _finding(problem: tuple[Reason, str], entry: Entry, record: Record) -> Finding:
    reason, message = problem
    path = record["path"]
    return Finding(reason, f"{path} (entry {entry.seq}): {message}", entry.seq, path)


def _difference(history: History, expected: str, found: Artifact) -> tuple[Reason, str]:
    digests = f"expected blake3 {expected[:8]}..., found {found.digest[:8]}..."
    listing = _listing(history, expected)
    if not listing or not found.files:
        return Reason.ARTIFACT_CHANGED, digests
    was = {file.path: file.blake3 for file in listing}
    now = {file.path: file.blake3 for file in found.files}
    differing = sorted(name for name in was | now if was.get(name) != now.get(name))
    name = differing[0]
    more = f", and {len(differing) - 1} more" if len(differing) > 1 else ""
    if name not in was:
        return Reason.ARTIFACT_EXTRA, f"{name} was added{more}; {digests}"
    if name not in now:
        return Reason.ARTIFACT_MISSING, f"{name} is missing{more}; {digests}"
    return Reason.ARTIFACT_CHANGED, f"{name} was changed{more}; {digests}"


def _listing(history: History, digest: str) -> Listing:
    """The listing of a folder as it was logged; empty where none was kept, or it was changed."""
    try:
        return decode_listing(history.layout.listing(digest).read_bytes(), digest)
    except (OSError, ProvenanceError):
        return ()  # the digest alone still tells that the folder changed
