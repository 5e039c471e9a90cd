"""What the template needs to know of each entry, in the order in which it is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provenance import canonical
from provenance.body import REVOKED, artifacts_of
from provenance.entry import Entry, encode_line
from provenance.graph import MISSING, SOURCE, Entity, Graph, actor_of
from provenance.page.figures import metrics_of
from provenance.page.text import flat
from provenance.subject import release_name

LONGEST_SHOWN = 1 << 18
"""Characters of an entry's line: the log takes a megabyte, a page should not take it twice."""


@dataclass(frozen=True)
class EntryView:
    """One entry, for the template.

    Args:
        seq: its number.
        title: model and version, or stage, or kind.
        kind: as in the log.
        id: as in the log.
        when: time as written; empty if there is none.
        actor: who it says wrote it.
        leaf: its leaf hash, hex.
        prev: that of the entry before.
        line: the canonical JSON as in the file.
        cut: characters of the line that are not shown.
        used: entities that it read.
        made: entities that it vouches for.
        metrics: name and value.
        params: dotted name and value.
        facts: the rest of the body.
        subject: whether the page is about it.
        withdrawn: records that it withdraws.
        verdict: of a release, whether it became champion and why.
    """

    seq: int
    title: str
    kind: str
    id: str
    when: str
    actor: str
    leaf: str
    prev: str
    line: str
    cut: int
    used: tuple[Entity, ...]
    made: tuple[Entity, ...]
    metrics: tuple[tuple[str, str], ...]
    params: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    subject: bool
    withdrawn: tuple[Mapping[str, Any], ...]
    verdict: str


_SHOWN = {
    "artifacts", "inputs", "metrics", "params", "v", "kind", "id", "ts", "actor", "stage",
}  # fmt: skip


def entry_views(graph: Graph) -> list[EntryView]:
    """All entries of a graph, oldest first."""
    entity = {item.id: item for item in graph.entities}
    used: dict[int, list[Entity]] = {}
    made: dict[int, list[Entity]] = {}
    for seq, name in graph.used:
        used.setdefault(seq, []).append(entity[name])
    for name, seq in graph.made:
        made.setdefault(seq, []).append(entity[name])
    return [
        _view(graph, entry, used.get(entry.seq, []), made.get(entry.seq, []))
        for entry in graph.entries
    ]


def _view(graph: Graph, entry: Entry, used: Sequence[Entity], made: Sequence[Entity]) -> EntryView:
    body = entry.body
    name = release_name(body)
    stage = body.get("stage")
    prev = graph.prevs[entry.seq]
    line = encode_line(canonical.encode(body), bytes.fromhex(prev), entry.seq).decode()
    params = body.get("params")
    when = body.get("ts")
    return EntryView(
        seq=entry.seq,
        title=" ".join(name) if name else stage if isinstance(stage, str) else body["kind"],
        kind=body["kind"],
        id=body["id"],
        when=when if isinstance(when, str) else "",
        actor=actor_of(entry) or "",
        leaf=entry.hash,
        prev=prev,
        line=line[:LONGEST_SHOWN],
        cut=max(len(line) - LONGEST_SHOWN, 0),
        used=tuple(used),
        made=tuple(made),
        metrics=tuple(metrics_of(entry)),
        params=tuple(flat(params)) if params else (),
        facts=tuple(flat({key: body[key] for key in body if key not in _SHOWN}))
        if set(body) - _SHOWN
        else (),
        subject=entry.seq == graph.subject.entry,
        withdrawn=tuple(artifacts_of(body)) if body["kind"] == REVOKED else (),
        verdict=_verdict(body) if name else "",
    )


def _verdict(body: Mapping[str, Any]) -> str:
    said = body["release"]
    state = "Champion" if said.get("champion") is True else "Not champion"
    reason = said.get("reason")
    return f"{state}: {reason}." if isinstance(reason, str) and reason else f"{state}."


def summary(graph: Graph) -> str:
    """One sentence on where the subject came from."""
    back = [e for e in graph.entries if e.seq < graph.subject.entry and e.body["kind"] == "run"]
    sources = [e for e in graph.entities if e.type == SOURCE]
    gaps = [e for e in graph.entities if e.type == MISSING]
    parts = [_count(len(back), "logged run") + " before it"]
    if sources:
        parts.append(_count(len(sources), "file") + " from outside")
    if gaps:
        parts.append(_count(len(gaps), "gap") + " in the chain")
    return ", ".join(parts)


def _count(number: int, name: str) -> str:
    return f"{number or 'no'} {name}{'' if number == 1 else 's'}"
