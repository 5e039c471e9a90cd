"""A log read from end to end, the way that every check begins: head, heads seen before, chain."""

from collections.abc import Sequence
from dataclasses import dataclass

from provenance.errors import LogError
from provenance.head import Head, read_head
from provenance.history import History, Visitor
from provenance.key_history import KeyHistory
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.lineage import Lineage
from provenance.pins import Pins
from provenance.seen import Seen
from provenance.state import claimed_size, refuse_rolled_back


@dataclass(frozen=True)
class Reading:
    """What a log says, every line checked up to the signed root.

    Args:
        layout, store: where it is, and whose keys are trusted.
        head: the verified checkpoint.
        history: the entries.
        lineage: what each entry was made from, as far as the log itself can tell.
        keys: whose signatures count, and up to where.
        notes: what a person should know, though nothing is wrong.
    """

    layout: Layout
    store: KeyStore
    head: Head
    history: History
    lineage: Lineage
    keys: KeyHistory
    notes: tuple[str, ...]


def open_head(layout: Layout, store: KeyStore) -> Head:
    """The signed head, if it is not behind what this folder itself has committed.

    Raises:
        LogMissingError: no log was ever there.
        TamperedError: a signature, the pin or the folder's own cache does not agree.
        LogError, KeyStoreError: something cannot be read.
    """
    claimed = claimed_size(layout)
    head = read_head(layout, store)
    refuse_rolled_back(head.checkpoint, claimed)
    return head


def read_on(
    layout: Layout,
    store: KeyStore,
    head: Head,
    seen: Sequence[Seen] = (),
    visit: Sequence[Visitor] = (),
) -> Reading:
    """Read every entry below a verified head.

    Args:
        seen: heads that witnesses and anchors remember; the pin is always asked.
        visit: called with each entry.

    Raises:
        TamperedError: an entry is not as it was written, or a head seen before is not a beginning
            of this log, or the head was signed by a key that no longer counted.
    """
    history = History(layout, head.checkpoint.origin)
    lineage = Lineage(history)
    keys = KeyHistory(head.checkpoint.origin, store)
    before = [Seen(head.pinned, "pin")] if head.pinned else []
    history.extend(head.checkpoint, [*before, *seen], [lineage.visit, keys.visit, *visit])
    keys.check(head.checkpoint, head.signer)
    keys.learn()
    notes = (*_notes(layout, head, history, lineage), *keys.notes)
    return Reading(layout, store, head, history, lineage, keys, notes)


def pin(reading: Reading) -> list[str]:
    """Remember a head whose whole chain was checked; gives what a person should know."""
    head, pins = reading.head, Pins(reading.store.folder)
    try:
        pins.settle(reading.layout.folder, head.checkpoint.origin)
        pins.advance(head.checkpoint)
    except (OSError, LogError) as error:
        return [f"this head was not pinned: {error}"]
    return [] if head.pinned else ["seen here for the first time: pinned now"]


def _notes(layout: Layout, head: Head, history: History, lineage: Lineage) -> list[str]:
    notes = []
    if head.place is not None and head.place.replaced:
        notes.append(f"a log with {head.place.replaced} entries was in this folder before this one")
    if lineage.backwards:
        notes.append(
            f"the clock went back at entry {lineage.backwards[0]} ({len(lineage.backwards)} times "
            "in all); the order of entries is that of the chain"
        )
    if layout.entries.exists() and layout.entries.stat().st_size > history.end:
        notes.append(
            "bytes after the last committed entry (an append that runs or was interrupted); they "
            "do not count, and the next append sets them aside"
        )
    if orphans := sorted(path.name for path in layout.folder.glob("orphan-*")):
        notes.append(f"bytes set aside earlier, never committed: {', '.join(orphans)}")
    return notes
