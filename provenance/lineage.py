"""Lineage: whatever an entry was made from must have been logged before it, and nothing was made
from itself."""

import functools
from collections.abc import Callable
from datetime import datetime

from provenance.body import Record, artifacts_of, inputs_of, is_kept, vouches
from provenance.entry import Entry
from provenance.errors import Reason
from provenance.history import History
from provenance.report import Finding


class Lineage:
    """Checks each entry as it is read; pass `visit` to `History.extend`.

    Attributes:
        findings: inputs that no earlier entry vouches for, and things made from themselves.
        backwards: numbers of entries whose time is earlier than that of the entry before. Order is
            the chain's; clocks may be wrong, so this is worth a note and no more.
    """

    def __init__(self, history: History) -> None:
        self.findings: list[Finding] = []
        self.backwards: list[int] = []
        self._history = history
        self._read: set[int] = set()
        self._time: datetime | None = None
        self._digests = functools.lru_cache(maxsize=1024)(_digests_of(history))

    def visit(self, entry: Entry) -> None:
        """Check one entry against those before it."""
        for record in inputs_of(entry.body):
            if gap := self._gap(entry.seq, record):
                message = f"entry {entry.seq} was made from {record['path']}, {gap}"
                self.findings.append(
                    Finding(Reason.LINEAGE_GAP, message, entry.seq, record["path"])
                )
        if inputs_of(entry.body):
            self._read.update(map(_node, inputs_of(entry.body)))
            if vouches(entry.body):
                self._check_cycle(entry)
        self._check_clock(entry)

    def _check_cycle(self, entry: Entry) -> None:
        """Whether something that this entry makes is among what it was made from.

        A path with the same bytes counts as the same thing: a stage that makes again what it made
        before is no cycle, one that reads what only came out of its own output is.
        """
        # Only what some entry has read can close a circle, and most outputs are new: no walk then.
        # The set holds hashes; two things with the same one cost a walk, no false finding.
        made = [record for record in artifacts_of(entry.body) if _node(record) in self._read]
        if not made:
            return
        wanted = {(record["path"], record["blake3"]) for record in made}
        for source in (entry, *map(self._history.entry, ancestors(self._history, entry))):
            for record in inputs_of(source.body):
                if (record["path"], record["blake3"]) in wanted:
                    message = (
                        f"entry {entry.seq} made {record['path']} with blake3 "
                        f"{record['blake3'][:8]}... from something that entry {source.seq} made "
                        "from it"
                    )
                    self.findings.append(
                        Finding(Reason.LINEAGE_CYCLE, message, entry.seq, record["path"])
                    )
                    return

    def _gap(self, seq: int, record: Record) -> str | None:
        path, digest = record["path"], record["blake3"]
        if "entry" not in record:
            if not is_kept(record):
                return None  # comes from outside: the chain of custody begins here
            if self._history.newest(path, digest) is None:
                return f"which no earlier entry holds with blake3 {digest[:8]}..."
            return None
        source = record["entry"]
        if source >= seq:
            return f"logged in entry {source}, which is not earlier"
        if self._digests(source).get(path) != digest:
            return f"but entry {source} does not hold it with blake3 {digest[:8]}..."
        return None

    def _check_clock(self, entry: Entry) -> None:
        try:
            time = datetime.fromisoformat(entry.body["ts"])
            if self._time is not None and time < self._time:
                self.backwards.append(entry.seq)
        except (KeyError, ValueError, TypeError):
            return  # no time, no ISO 8601, or with and without zone: not comparable
        self._time = time


def ancestors(history: History, entry: Entry) -> list[int]:
    """Numbers of all entries that an entry was made from, directly or not, newest first.

    Inputs that name no entry lead to the newest earlier one with those bytes under that path.
    """
    found: set[int] = set()
    pending = [entry]
    while pending:
        current = pending.pop()
        for record in inputs_of(current.body):
            source = _source(history, current.seq, record)
            if source is not None and source not in found:
                found.add(source)
                pending.append(history.entry(source))
    return sorted(found, reverse=True)


def _source(history: History, seq: int, record: Record) -> int | None:
    if "entry" in record:
        return int(record["entry"]) if record["entry"] < seq else None
    known = history.newest(record["path"], record["blake3"], before=seq)
    return None if known is None else known[0].seq


def _node(record: Record) -> int:
    return hash((record["path"], record["blake3"]))


def _digests_of(history: History) -> Callable[[int], dict[str, str]]:
    def digests(seq: int) -> dict[str, str]:
        body = history.entry(seq).body
        if not vouches(body):
            return {}
        return {record["path"]: record["blake3"] for record in artifacts_of(body)}

    return digests
