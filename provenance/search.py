"""Whether an id may already be in the log, at the speed of reading bytes."""

from collections.abc import Sequence

from provenance import canonical
from provenance.history import open_entries
from provenance.layout import Layout

BLOCK = 1 << 22
"""Bytes per read: 1e5 entries take some tens of milliseconds, where parsing takes seconds."""

FEW = 4
"""Beyond this many ids, reading the log properly is cheaper than searching for each."""


def may_hold(layout: Layout, ids: Sequence[str], end: int) -> bool:
    """Whether any of these ids may occur in the first `end` bytes; never a false no.

    Lines are canonical JSON, so `"id":"..."` has one spelling. The same text deeper inside a body
    gives a false yes; the caller then reads the log properly.
    """
    if len(ids) > FEW:
        return True
    needles = [b'"id":' + canonical.encode(name) for name in ids]
    overlap = max(len(needle) for needle in needles) - 1
    with open_entries(layout) as stream:
        kept, left = b"", end
        while left > 0 and (data := stream.read(min(BLOCK, left))):
            left -= len(data)
            data = kept + data
            if any(needle in data for needle in needles):
                return True
            kept = data[-overlap:]
    return False
