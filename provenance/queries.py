"""Who used this; what came from that: questions that are asked from the far end of the graph.

The index (provenance/index.py) finds the entries; here the questions of people become its exact
ones. The answers go all the way: a model that was trained on features of a data set came from it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from provenance.body import Record, artifacts_of, inputs_of, vouches
from provenance.entry import Entry
from provenance.index import Index
from provenance.log import Log
from provenance.subject import SHORTEST_DIGEST, SHORTEST_RUN, UnknownSubjectError, release_name


@dataclass(frozen=True)
class Use:
    """An entry that fits the question, and what was released from it.

    Args:
        entry: its number.
        kind: as in the log.
        stage: as in the log; empty if there is none.
        id: as in the log.
        models: NAME/VERSION of all that came from it, and itself if it is a release.
        matches: what fitted: path and BLAKE3, or nothing and a commit.
    """

    entry: int
    kind: str
    stage: str
    id: str
    models: tuple[str, ...]
    matches: tuple[tuple[str, str], ...]


def models_using(log: Log, asked: str) -> list[Use]:
    """The entries that used a file, folder or digest, and the models that came from them.

    Args:
        log: its chain is checked while it is read.
        asked: a path as the log writes it (a folder stands for all in it), or a BLAKE3 or its first
            8 or more digits.

    Raises:
        UnknownSubjectError: no entry names such a thing at all.
    """
    fits = _fits(asked)
    found: list[tuple[Entry, tuple[tuple[str, str], ...]]] = []
    known = False
    for entry in log.entries():
        read = [(r["path"], r["blake3"]) for r in _read_by(entry) if fits(r)]
        known = known or bool(read) or any(fits(r) for r in artifacts_of(entry.body))
        if read:
            found.append((entry, tuple(dict.fromkeys(read))))
    if not known:
        raise UnknownSubjectError(
            f"{asked[:80]!r} is no path and no digest in the log: give a path as the log writes it "
            "('data/manifest.parquet'), or 8 or more digits of a BLAKE3"
        )
    index = _index(log)
    return [_use(index, entry, matched) for entry, matched in found]


def models_from_commit(log: Log, asked: str) -> list[Use]:
    """The entries that ran code of a git commit, and the models that came from them.

    Args:
        log: its chain is checked while it is read.
        asked: the commit, or its first 6 or more digits.

    Raises:
        UnknownSubjectError: too short, or no entry names it.
    """
    if len(asked) < SHORTEST_RUN:
        raise UnknownSubjectError(f"commit {asked!r}: give {SHORTEST_RUN} digits or more")
    index = _index(log)
    found = [(entry, asked) for entry in index.made_by_commit(asked)]
    found = found or [
        (entry, commit)
        for entry in log.entries()
        if (commit := _commit(entry)) is not None and commit.startswith(asked)
    ]
    if not found:
        raise UnknownSubjectError(f"no entry of the log ran code of commit {asked[:40]!r}")
    return [_use(index, entry, (("", commit),)) for entry, commit in found]


def _index(log: Log) -> Index:
    # Not the one on disk: whoever can write there could hide a model from an auditor, and the log
    # is read from end to end for such a question anyway.
    index = Index.in_memory()
    index.refresh(log.history())
    return index


def _use(index: Index, entry: Entry, matches: tuple[tuple[str, str], ...]) -> Use:
    # A release is made by a run without being made from its outputs: it names the run instead.
    later = {entry.seq: entry} | {
        other.seq: other for other in index.entries_of_run(entry.body["id"])
    }
    for record in artifacts_of(entry.body) if vouches(entry.body) else []:
        later |= {user.seq: user for user in index.users_of(record["blake3"])}
    names = [name for seq in sorted(later) if (name := release_name(later[seq].body))]
    stage = entry.body.get("stage")
    return Use(
        entry=entry.seq,
        kind=entry.body["kind"],
        stage=stage if isinstance(stage, str) else "",
        id=entry.body["id"],
        models=tuple(dict.fromkeys("/".join(name) for name in names)),
        matches=matches,
    )


def _fits(asked: str) -> Callable[[Record], bool]:
    folder = asked.rstrip("/") + "/"
    digest = len(asked) >= SHORTEST_DIGEST and set(asked) <= set("0123456789abcdef")

    def fits(record: Record) -> bool:
        path: str = record["path"]
        named = path == asked or path.startswith(folder)
        return named or (digest and record["blake3"].startswith(asked))

    return fits


def _read_by(entry: Entry) -> Iterator[Record]:
    """Inputs, and what an entry lists that came from outside: downloads that a run made."""
    yield from inputs_of(entry.body)
    if vouches(entry.body):
        yield from (record for record in artifacts_of(entry.body) if record.get("kept") is False)


def _commit(entry: Entry) -> str | None:
    run = entry.body.get("run")
    commit = run.get("git") if isinstance(run, dict) else None
    return commit if isinstance(commit, str) else None
