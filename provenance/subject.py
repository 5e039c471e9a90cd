"""What a person means by a name: a released model, a version of it, a digest or a run."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from provenance.body import Body, Record, artifacts_of, inputs_of, vouches
from provenance.entry import Entry
from provenance.errors import ProvenanceError
from provenance.releases import RELEASE, WEIGHTS

SHORTEST_DIGEST = 8
SHORTEST_RUN = 6
"""Digits that must be given at least: fewer would soon mean several things."""

_HEX = re.compile(r"[0-9a-f]{1,64}")
_NAMED = 12


class UnknownSubjectError(ProvenanceError):
    """Nothing in the log goes by this name, or several things do."""

    exit_code = 2


@dataclass(frozen=True)
class Subject:
    """One entry of the log, and how to speak of it.

    Args:
        asked: what the person wrote.
        kind: `release`, `run` or `artifact`.
        entry: number of the entry.
        name: for people, such as `cairn-stamps/1`.
        digest: BLAKE3 of the released weights, or of the artifact; None for a run.
    """

    asked: str
    kind: str
    entry: int
    name: str
    digest: str | None


def release_name(body: Body) -> tuple[str, str] | None:
    """Model and version of a release entry; None for all other entries."""
    value = body.get("release")
    if body["kind"] != RELEASE or not isinstance(value, dict):
        return None
    model, version = value.get("model"), value.get("version")
    return (model, version) if isinstance(model, str) and isinstance(version, str) else None


def is_weights(path: str) -> bool:
    """Whether an artifact is what a model has learned."""
    return path == WEIGHTS or path.endswith(f"/{WEIGHTS}")


def weights_of(body: Body) -> str | None:
    """BLAKE3 of the weights that an entry vouches for."""
    found = [record["blake3"] for record in artifacts_of(body) if is_weights(record["path"])]
    return found[0] if found else None


def find_subject(entries: Sequence[Entry], asked: str) -> Subject:
    """Look a name up: NAME, NAME/VERSION, a BLAKE3 or a run id (or their first digits).

    NAME alone is its champion, or its newest version if none was made champion. A digest is the
    newest release that holds it, else the newest entry that vouches for it.

    Args:
        entries: of the log, oldest first.
        asked: what the person wrote.

    Raises:
        UnknownSubjectError: nothing or several things go by that name; names those that there are.
    """
    for find in (_release, _run, _artifact):
        if (found := find(entries, asked)) is not None:
            return found
    raise UnknownSubjectError(f"{asked[:80]!r} is not in the log: {_known(entries)}")


def _release(entries: Sequence[Entry], asked: str) -> Subject | None:
    named = [(release_name(entry.body), entry) for entry in entries]
    made = [(name, entry) for name, entry in named if name is not None]
    model, _, version = asked.rpartition("/")
    found = [entry for name, entry in made if name == (model, version)]
    if not found:
        found = [entry for name, entry in made if name[0] == asked]
        revoked = {
            record["blake3"]
            for entry in entries
            if entry.body["kind"] == "revoked"
            for record in artifacts_of(entry.body)
        }
        standing = [
            entry
            for entry in found
            if entry.body["release"].get("champion") is True
            and weights_of(entry.body) not in revoked
        ]
        found = standing or found
    return _subject_release(asked, found[-1]) if found else None


def _subject_release(asked: str, entry: Entry) -> Subject:
    name = release_name(entry.body)
    spoken = "/".join(name) if name else entry.body["id"]
    return Subject(asked, RELEASE, entry.seq, spoken, weights_of(entry.body))


def _run(entries: Sequence[Entry], asked: str) -> Subject | None:
    exact = [entry for entry in entries if entry.body["id"] == asked]
    if not exact and len(asked) >= SHORTEST_RUN:
        exact = [entry for entry in entries if entry.body["id"].startswith(asked)]
    if len(exact) > 1:
        names = ", ".join(entry.body["id"][:40] for entry in exact[:_NAMED])
        raise UnknownSubjectError(f"{asked[:80]!r} begins several ids: {names}; give more of it")
    if not exact:
        return None
    entry = exact[0]
    if release_name(entry.body):
        return _subject_release(asked, entry)
    stage = entry.body.get("stage")
    spoken = f"{stage} " if isinstance(stage, str) else ""
    return Subject(asked, "run", entry.seq, f"{spoken}{entry.body['id'][:12]}", None)


def _artifact(entries: Sequence[Entry], asked: str) -> Subject | None:
    if len(asked) < SHORTEST_DIGEST or not _HEX.fullmatch(asked):
        return None
    found: tuple[list[tuple[Entry, Record]], ...] = ([], [], [])
    releases, makers, users = found
    for entry in entries:
        for record in artifacts_of(entry.body):
            if record["blake3"].startswith(asked) and vouches(entry.body):
                (releases if release_name(entry.body) else makers).append((entry, record))
        for record in inputs_of(entry.body):
            if record["blake3"].startswith(asked):
                users.append((entry, record))  # reads as the loop above
    everything = releases + makers + users
    digests = sorted({record["blake3"] for _, record in everything})
    if len(digests) > 1:
        raise UnknownSubjectError(
            f"{asked!r} begins several digests: {', '.join(d[:16] for d in digests[:_NAMED])}"
        )
    if not everything:
        return None
    entry, record = (releases or makers or users)[-1]
    if release_name(entry.body) and record["blake3"] == weights_of(entry.body):
        return _subject_release(asked, entry)
    return Subject(asked, "artifact", entry.seq, record["path"], record["blake3"])


def _known(entries: Sequence[Entry]) -> str:
    names = sorted({"/".join(name) for entry in entries if (name := release_name(entry.body))})
    if not names:
        return "it holds no released model yet; give a run id or a digest, or release one first"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"released models are {', '.join(names[:_NAMED])}{more}"
