"""Verify a log and everything that it vouches for; name the first thing that is wrong."""

from pathlib import Path

from provenance.custody import check_custody
from provenance.errors import LogError, TamperedError
from provenance.head import Head, read_head
from provenance.history import History
from provenance.keys import KeyStore, default_keys
from provenance.layout import Layout
from provenance.lineage import Lineage
from provenance.pins import Pins
from provenance.report import Finding, Report
from provenance.seen import Seen
from provenance.state import claimed_size, refuse_rolled_back


def verify(folder: Path, root: Path, keys: Path | None = None) -> Report:
    """Check signature, pin, chain, lineage and every artifact's bytes, in this order.

    Writes nothing into `folder` or `root`; a read-only copy can be verified.

    Args:
        folder: of the log.
        root: the workspace that the log's paths start from.
        keys: the key store with the trusted keys and the pins; by default `default_keys()`.

    Raises:
        LogMissingError: no log was ever there.
        LogError, KeyStoreError: something cannot be read, so that nothing can be said.
    """
    layout = Layout(folder.absolute())
    store = KeyStore(default_keys() if keys is None else keys.absolute())
    head: Head | None = None
    try:
        claimed = claimed_size(layout)
        head = read_head(layout, store)
        refuse_rolled_back(head.checkpoint, claimed)
        history = History(layout, head.checkpoint.origin)
        lineage = Lineage(history)
        seen = [Seen(head.pinned, "pin")] if head.pinned else []
        history.extend(head.checkpoint, seen, [lineage.visit])
        notes = _notes(layout, head, history, lineage) + _pin(store, layout, head)
        custody = check_custody(history, root.absolute())
    except TamperedError as error:
        checkpoint = head.checkpoint if head else None
        signer = head.signer if head else None
        return Report(checkpoint, signer, (Finding.of(error),))
    return Report(
        head.checkpoint,
        head.signer,
        tuple(lineage.findings + custody.findings),
        tuple(notes + custody.notes),
        custody.artifacts,
        custody.size,
    )


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


def _pin(store: KeyStore, layout: Layout, head: Head) -> list[str]:
    """Remember a head whose whole chain was checked."""
    pins = Pins(store.folder)
    try:
        pins.settle(layout.folder, head.checkpoint.origin)
        pins.advance(head.checkpoint)
    except (OSError, LogError) as error:
        return [f"this head was not pinned: {error}"]
    return [] if head.pinned else ["seen here for the first time: pinned now"]
