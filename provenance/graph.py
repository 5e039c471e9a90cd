"""The provenance graph behind a released model: what was made from what, by whom, from the log.

Nodes carry the names of W3C PROV (https://www.w3.org/TR/prov-dm/): an *activity* is an entry of
the log, an *entity* is a file or folder with its digest, an *agent* is who wrote or signed. The
JSON form is `Graph.to_dict`; the same log and question always give the same bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from provenance.body import artifacts_of
from provenance.checkpoint import Checkpoint
from provenance.entry import Entry, first_prev
from provenance.log import Log
from provenance.reach import Reach, explore
from provenance.subject import Subject, find_subject, release_name, weights_of

SCHEMA = "cairn.lineage/1"
"""Changes when a reader of the JSON form would have to change."""

SOURCE, ARTIFACT, MISSING = "source", "artifact", "missing"


@dataclass(frozen=True)
class Entity:
    """Bytes with a name.

    Args:
        id: `artifact-ENTRY-POSITION`, `source-ENTRY-POSITION` or `missing-ENTRY-POSITION`: safe in
            a URL, and the same each time.
        type: `artifact` was made by an entry, `source` came from outside, `missing` is named as an
            input though no earlier entry vouches for it.
        path: as the log writes it.
        blake3: 64 hex digits.
        size: bytes; None if the log does not say.
        entry: who vouches for it; None for what nobody vouches for.
        revoked: number of the entry that withdrew these bytes, if one did.
        why: of a missing one, what is wrong.
    """

    id: str
    type: str
    path: str
    blake3: str
    size: int | None
    entry: int | None
    revoked: int | None
    why: str | None = None


@dataclass(frozen=True)
class Graph:
    """What `build_graph` found; all sequences are ordered by entry number and position.

    Args:
        subject: what the graph is about.
        head: the verified head of the log.
        signer: fingerprints of the keys that signed it.
        entries: the activities.
        prevs: by entry number, the leaf hash of the entry before it.
        entities: see `Entity`.
        used: (entry number, entity id).
        made: (entity id, entry number).
        informed: (later, earlier) entry numbers: a release and the run that made it, or an entry
            that speaks of another (an approval, a revocation).
        releases: model, version and entry number of all releases of the same model.
    """

    subject: Subject
    head: Checkpoint
    signer: str
    entries: tuple[Entry, ...]
    prevs: dict[int, str]
    entities: tuple[Entity, ...]
    used: tuple[tuple[int, str], ...]
    made: tuple[tuple[str, int], ...]
    informed: tuple[tuple[int, int], ...]
    releases: tuple[tuple[str, str, int], ...]

    @property
    def gaps(self) -> tuple[Entity, ...]:
        """Inputs that no earlier entry vouches for: the chain of custody is broken there."""
        return tuple(entity for entity in self.entities if entity.type == MISSING)

    @property
    def withdrawn(self) -> tuple[Entity, ...]:
        """What was revoked."""
        return tuple(entity for entity in self.entities if entity.revoked is not None)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, schema `cairn.lineage/1`.

        schema, subject {asked, kind, entry, name, blake3}, log {origin, size, root, signers}
        activity  [{id, entry, leaf, prev, body}]      body as in the log
        entity    [{id, type, path, blake3, size, entry, revoked, why}]
        agent     [{id, type: actor|signer, name}]
        used                [{activity, entity}]       wasGeneratedBy    [{entity, activity}]
        wasInformedBy       [{informed, informant}]    wasInvalidatedBy  [{entity, activity}]
        wasAssociatedWith   [{activity, agent}]
        releases  [{model, version, entry}]            all of the same model
        """
        actors = sorted({actor for entry in self.entries if (actor := actor_of(entry))})
        agent = {name: f"actor-{number}" for number, name in enumerate(actors)}
        signers = self.signer.split(", ")
        return {
            "schema": SCHEMA,
            "subject": {
                "asked": self.subject.asked,
                "kind": self.subject.kind,
                "entry": self.subject.entry,
                "name": self.subject.name,
                "blake3": self.subject.digest,
            },
            "log": {
                "origin": self.head.origin,
                "size": self.head.size,
                "root": self.head.root.hex(),
                "signers": signers,
            },
            "activity": [
                {
                    "id": f"entry-{entry.seq}",
                    "entry": entry.seq,
                    "leaf": entry.hash,
                    "prev": self.prevs[entry.seq],
                    "body": entry.body,
                }
                for entry in self.entries
            ],
            "entity": [dict(vars(entity)) for entity in self.entities],
            "agent": [{"id": agent[name], "type": "actor", "name": name} for name in actors]
            + [{"id": f"signer-{name}", "type": "signer", "name": name} for name in signers],
            "used": [{"activity": f"entry-{seq}", "entity": name} for seq, name in self.used],
            "wasGeneratedBy": [
                {"entity": name, "activity": f"entry-{seq}"} for name, seq in self.made
            ],
            "wasInformedBy": [
                {"informed": f"entry-{later}", "informant": f"entry-{earlier}"}
                for later, earlier in self.informed
            ],
            "wasInvalidatedBy": [
                {"entity": entity.id, "activity": f"entry-{entity.revoked}"}
                for entity in self.withdrawn
            ],
            "wasAssociatedWith": [
                {"activity": f"entry-{entry.seq}", "agent": agent[actor]}
                for entry in self.entries
                if (actor := actor_of(entry))
            ],
            "releases": [
                {"model": model, "version": version, "entry": seq}
                for model, version, seq in self.releases
            ],
        }


def actor_of(entry: Entry) -> str | None:
    """Who the entry says wrote it; a name, not a proof."""
    actor = entry.body.get("actor")
    return actor if isinstance(actor, str) and actor else None


def build_graph(log: Log, asked: str) -> Graph:
    """Everything that a model came from, and what became of it.

    Back from the subject through `inputs` to sources; forward to releases that came from it; beside
    them approvals, policies, keys and revocations that speak of any of these.

    Args:
        log: opened and readable; its chain is checked while it is read.
        asked: NAME, NAME/VERSION, a BLAKE3 or a run id, see `find_subject`.

    Raises:
        UnknownSubjectError: nothing goes by that name.
        TamperedError: the log is not as it was written.
    """
    # The head is read first: a log that grows meanwhile has at least these entries.
    head = log.head()
    entries = [entry for entry in log.entries() if entry.seq < head.checkpoint.size]
    subject = find_subject(entries, asked)
    reach = explore(entries, subject)
    chosen = [entries[seq] for seq in sorted(reach.entries)]
    first = first_prev(head.checkpoint.origin).hex()
    return Graph(
        subject=subject,
        head=head.checkpoint,
        signer=head.signer,
        entries=tuple(chosen),
        prevs={e.seq: entries[e.seq - 1].hash if e.seq else first for e in chosen},
        entities=tuple({entity.id: entity for entity in _entities(chosen, reach)}.values()),
        used=tuple(reach.used(chosen)),
        made=tuple(reach.made(chosen)),
        informed=tuple(sorted(reach.informed)),
        releases=tuple(_releases(entries, subject)),
    )


def _entities(chosen: Sequence[Entry], reach: Reach) -> Iterator[Entity]:
    for entry in chosen:
        for record, name, kind in reach.listed(entry):
            yield Entity(
                id=name,
                type=kind,
                path=record["path"],
                blake3=record["blake3"],
                size=record.get("size"),
                entry=entry.seq,
                revoked=reach.revoked.get(record["blake3"]),
            )
        for record, name, kind, why in reach.outside(entry):
            yield Entity(
                id=name,
                type=kind,
                path=record["path"],
                blake3=record["blake3"],
                size=None,
                entry=None,
                revoked=reach.revoked.get(record["blake3"]),
                why=why,
            )


def _releases(entries: Sequence[Entry], subject: Subject) -> Iterator[tuple[str, str, int]]:
    mine = release_name(entries[subject.entry].body)
    for entry in entries:
        name = release_name(entry.body)
        if name is None:
            continue
        if mine is None:
            related = subject.digest is not None and any(
                record["blake3"] == subject.digest for record in artifacts_of(entry.body)
            )
        else:
            related = name[0] == mine[0] or weights_of(entry.body) == subject.digest
        if related:
            yield *name, entry.seq
