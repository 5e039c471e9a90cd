"""Lineage: whatever an entry was made from must have been logged before it."""

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
        findings: inputs that no earlier entry vouches for.
        backwards: numbers of entries whose time is earlier than that of the entry before. Order is
            the chain's; clocks may be wrong, so this is worth a note and no more.
    """

    def __init__(self, history: History) -> None:
        self.findings: list[Finding] = []
        self.backwards: list[int] = []
        self._history = history
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
        self._check_clock(entry)

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


def _digests_of(history: History) -> Callable[[int], dict[str, str]]:
    def digests(seq: int) -> dict[str, str]:
        body = history.entry(seq).body
        if not vouches(body):
            return {}
        return {record["path"]: record["blake3"] for record in artifacts_of(body)}

    return digests
