"""Who used this; what came from that: questions that are asked from the far end of the graph.

The answers go all the way: a model that was trained from features of a data set came from it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from provenance.body import Record, artifacts_of, inputs_of, vouches
from provenance.entry import Entry
from provenance.log import Log
from provenance.reach import ahead_of, walk
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
        matches: path and BLAKE3 of what fitted, for a question about data.
    """

    entry: int
    kind: str
    stage: str
    id: str
    models: tuple[str, ...]
    matches: tuple[tuple[str, str], ...] = ()


def models_using(log: Log, asked: str) -> list[Use]:
    """The entries that used a file, folder or digest, and the models that came from them.

    Args:
        log: its chain is checked while it is read.
        asked: a path as the log writes it (a folder stands for all in it), or a BLAKE3 or its first
            8 or more digits.

    Raises:
        UnknownSubjectError: no entry names such a thing at all.
    """
    entries = list(log.entries())
    fits = _fits(asked)

    def used(entry: Entry) -> tuple[tuple[str, str], ...]:
        found = [(r["path"], r["blake3"]) for r in _read_by(entry) if fits(r)]
        return tuple(dict.fromkeys(found))

    known = any(fits(r) for e in entries for r in [*artifacts_of(e.body), *inputs_of(e.body)])
    if not known:
        raise UnknownSubjectError(
            f"{asked[:80]!r} is no path and no digest in the log: give a path as the log writes it "
            "('data/manifest.parquet'), or 8 or more digits of a BLAKE3"
        )
    return _uses(entries, used)


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

    def ran(entry: Entry) -> tuple[tuple[str, str], ...]:
        run = entry.body.get("run")
        commit = run.get("git") if isinstance(run, dict) else None
        fits = isinstance(commit, str) and commit.startswith(asked)
        return (("", str(commit)),) if fits else ()

    found = _uses(list(log.entries()), ran)
    if not found:
        raise UnknownSubjectError(f"no entry of the log ran code of commit {asked[:40]!r}")
    return found


def _fits(asked: str) -> Callable[[Record], bool]:
    folder = asked.rstrip("/") + "/"
    digest = len(asked) >= SHORTEST_DIGEST and set(asked) <= set("0123456789abcdef")

    def fits(record: Record) -> bool:
        path: str = record["path"]
        named = path == asked or path.startswith(folder)
        return named or (digest and record["blake3"].startswith(asked))

    return fits


def _read_by(entry: Entry) -> list[Record]:
    """Inputs, and what an entry lists that came from outside: downloads that a run made."""
    came = [record for record in artifacts_of(entry.body) if record.get("kept") is False]
    return [*inputs_of(entry.body), *(came if vouches(entry.body) else [])]


def _uses(
    entries: Sequence[Entry], matches: Callable[[Entry], tuple[tuple[str, str], ...]]
) -> list[Use]:
    ahead = ahead_of(entries)
    found = []
    for entry in entries:
        if matched := matches(entry):
            later = sorted(walk({entry.seq}, ahead))
            names = [name for seq in later if (name := release_name(entries[seq].body))]
            stage = entry.body.get("stage")
            found.append(
                Use(
                    entry=entry.seq,
                    kind=entry.body["kind"],
                    stage=stage if isinstance(stage, str) else "",
                    id=entry.body["id"],
                    models=tuple(dict.fromkeys("/".join(name) for name in names)),
                    matches=matched,
                )
            )
    return found
