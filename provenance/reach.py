"""Which entries of a log belong to the story of one of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from provenance.body import REVOKED, Record, artifacts_of, inputs_of, is_kept, vouches
from provenance.entry import Entry
from provenance.subject import Subject, release_name, weights_of

SPEAKS_OF = ("approval", "verification", "attestation")
"""Kinds that say something about a model: they belong to it if they name its weights or entry."""
KEY, POLICY = "key", "policy"

Place = tuple[int, int]
"""An artifact: number of the entry, position in its list."""
Key = tuple[str, str]
"""An artifact as inputs name it: path and digest."""


@dataclass
class Reach:
    """What `explore` found.

    Attributes:
        entries: numbers of the entries that belong to the story.
        inputs: by entry number, what each of its inputs resolved to: an artifact's place, a
            sentence on why there is none, or None for what came from outside.
        informed: (later, earlier) numbers of entries of which the later speaks of the earlier.
        revoked: by digest, the number of the newest entry that withdrew it.
        kept: by place, whether its bytes stay on disk; the others came from outside.
        sources: of what came from outside and no entry lists, where it was first used as an input.
    """

    entries: set[int] = field(default_factory=set)
    inputs: dict[int, list[Place | str | None]] = field(default_factory=dict)
    informed: set[tuple[int, int]] = field(default_factory=set)
    revoked: dict[str, int] = field(default_factory=dict)
    kept: dict[Place, bool] = field(default_factory=dict)
    sources: dict[Key, Place] = field(default_factory=dict)

    def listed(self, entry: Entry) -> Iterator[tuple[Record, str, str]]:
        """Each artifact that an entry vouches for, with the entity's id and type."""
        if vouches(entry.body):
            for position, record in enumerate(artifacts_of(entry.body)):
                place = entry.seq, position
                yield record, self._name(place), self._type(place)

    def outside(self, entry: Entry) -> Iterator[tuple[Record, str, str, str | None]]:
        """Each input that is no entry's artifact, with the entity's id, its type and why."""
        pairs = zip(inputs_of(entry.body), self.inputs[entry.seq], strict=True)
        for position, (record, found) in enumerate(pairs):
            if found is None:
                seq, first = self.sources[record["path"], record["blake3"]]
                yield record, f"source-{seq}-in-{first}", "source", None
            elif isinstance(found, str):
                yield record, f"missing-{entry.seq}-in-{position}", "missing", found

    def used(self, chosen: Sequence[Entry]) -> Iterator[tuple[int, str]]:
        """(entry, entity id) for all inputs, and for what came from outside into an entry."""
        for entry in chosen:
            names = [name for _, name, kind in self.listed(entry) if kind == "source"]
            names += [self._name(p) for p in self.inputs[entry.seq] if isinstance(p, tuple)]
            names += [name for _, name, _, _ in self.outside(entry)]
            yield from ((entry.seq, name) for name in dict.fromkeys(names))

    def made(self, chosen: Sequence[Entry]) -> Iterator[tuple[str, int]]:
        """(entity id, entry) for all that entries made."""
        for entry in chosen:
            yield from ((n, entry.seq) for _, n, kind in self.listed(entry) if kind == "artifact")

    def _type(self, place: Place) -> str:
        return "artifact" if self.kept[place] else "source"

    def _name(self, place: Place) -> str:
        return f"{self._type(place)}-{place[0]}-{place[1]}"


def explore(entries: Sequence[Entry], subject: Subject) -> Reach:
    """Walk back to sources, forward to releases, and add what speaks of any of them.

    Args:
        entries: all of the log, oldest first.
        subject: where to begin.
    """
    reach = Reach()
    _resolve(entries, reach)
    runs = _runs_of_releases(entries)
    behind, ahead = _neighbours(reach, runs)
    starts = {subject.entry} | _same_release(entries, subject)
    released = {seq for seq in _walk(starts, ahead) if release_name(entries[seq].body)}
    words = _words(entries, reach, starts | released)
    named = {seq for pair in words for seq in pair}
    reach.entries = _walk(starts | released | named, behind)
    while not (withdrawals := _revocations(entries, reach)) <= reach.entries:
        # What a withdrawal was made from may itself have been withdrawn.
        reach.entries = _walk(reach.entries | withdrawals, behind)
    reach.informed = {pair for pair in words if pair[0] != pair[1]}
    reach.informed |= {(seq, runs[seq]) for seq in reach.entries if seq in runs}
    return reach


def _neighbours(
    reach: Reach, runs: Mapping[int, int]
) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    behind: dict[int, set[int]] = {}
    ahead: dict[int, set[int]] = {}
    for seq, inputs in reach.inputs.items():
        behind[seq] = {place[0] for place in inputs if isinstance(place, tuple)}
        behind[seq] |= {runs[seq]} if seq in runs else set()
        for source in behind[seq]:
            ahead.setdefault(source, set()).add(seq)
    return behind, ahead


def _walk(starts: set[int], following: Mapping[int, set[int]]) -> set[int]:
    """Everything that can be reached, the starts included; circles are no trouble."""
    reached, unvisited = set(starts), list(starts)
    while unvisited:
        new = following.get(unvisited.pop(), set()) - reached
        reached |= new
        unvisited.extend(new)
    return reached


def _resolve(entries: Sequence[Entry], reach: Reach) -> None:
    """Find the artifact behind each input, by the rules of `Lineage`."""
    newest: dict[Key, Place] = {}
    held: list[dict[Key, int]] = []
    for entry in entries:
        inputs = inputs_of(entry.body)
        reach.inputs[entry.seq] = [_source(record, entry.seq, newest, held) for record in inputs]
        for position, (record, found) in enumerate(
            zip(inputs, reach.inputs[entry.seq], strict=True)
        ):
            if found is None:
                key = (record["path"], record["blake3"])
                reach.sources.setdefault(key, (entry.seq, position))
        mine: dict[Key, int] = {}
        for position, record in enumerate(artifacts_of(entry.body)):
            key = (record["path"], record["blake3"])
            if entry.body["kind"] == REVOKED:
                reach.revoked[record["blake3"]] = entry.seq
            elif vouches(entry.body):
                mine[key] = position
                newest[key] = (entry.seq, position)
                reach.kept[entry.seq, position] = is_kept(record)
        held.append(mine)


def _source(
    record: Record, seq: int, newest: Mapping[Key, Place], held: Sequence[Mapping[Key, int]]
) -> Place | str | None:
    key = (record["path"], record["blake3"])
    if "entry" not in record:
        if not is_kept(record):
            return None  # from outside: the chain of custody begins here
        return newest.get(key, "no earlier entry holds it with this digest")
    source: int = record["entry"]
    if source >= seq:
        return f"it names entry {source}, which is not earlier"
    if key not in held[source]:
        return f"entry {source} does not hold it with this digest"
    return source, held[source][key]


def _runs_of_releases(entries: Sequence[Entry]) -> dict[int, int]:
    """By number of a release entry, the entry of the run that released it."""
    ids = {entry.body["id"]: entry.seq for entry in reversed(entries)}
    found = {}
    for entry in entries:
        run = entry.body.get("run")
        if release_name(entry.body) and isinstance(run, dict):
            name = run.get("mlflow")
            if isinstance(name, str) and name in ids and ids[name] < entry.seq:
                found[entry.seq] = ids[name]
    return found


def _same_release(entries: Sequence[Entry], subject: Subject) -> set[int]:
    """A version is released again when it becomes champion again."""
    name = release_name(entries[subject.entry].body)
    return {e.seq for e in entries if name is not None and release_name(e.body) == name}


def _words(entries: Sequence[Entry], reach: Reach, about: set[int]) -> set[tuple[int, int]]:
    """Approvals and the like, the policy that was in force, and every change of keys."""
    weights = {digest: seq for seq in sorted(about) if (digest := weights_of(entries[seq].body))}
    words = set()
    policy: int | None = None
    for entry in entries:
        kind = entry.body["kind"]
        if kind == KEY:
            words.add((entry.seq, entry.seq))  # about the log itself, and so about all in it
        elif kind == POLICY:
            policy = entry.seq
        elif kind in SPEAKS_OF:
            words |= {(entry.seq, seq) for seq in _spoken_of(entry, reach, about, weights)}
        if policy is not None and entry.seq in about and release_name(entry.body):
            words.add((entry.seq, policy))
    return words


def _spoken_of(
    entry: Entry, reach: Reach, about: set[int], weights: Mapping[str, int]
) -> Iterator[int]:
    for place in reach.inputs[entry.seq]:
        if isinstance(place, tuple) and place[0] in about:
            yield place[0]
    for record in [*artifacts_of(entry.body), *inputs_of(entry.body)]:
        if record["blake3"] in weights:
            yield weights[record["blake3"]]
    said = entry.body.get(entry.body["kind"])  # {"kind": "approval", "approval": {"blake3": ...}}
    if isinstance(said, dict) and isinstance(digest := said.get("blake3"), str):
        yield from [weights[digest]] if digest in weights else []


def _revocations(entries: Sequence[Entry], reach: Reach) -> set[int]:
    """The entries that withdraw anything found so far."""
    digests = {
        record["blake3"]
        for seq in reach.entries
        for record in [*artifacts_of(entries[seq].body), *inputs_of(entries[seq].body)]
    }
    return {seq for digest, seq in reach.revoked.items() if digest in digests}
