"""Verify a log and everything that it vouches for; name the first thing that is wrong."""

from collections.abc import Sequence
from pathlib import Path

from provenance.custody import check_custody
from provenance.errors import TamperedError
from provenance.head import Head
from provenance.keys import KeyStore, default_keys
from provenance.layout import Layout
from provenance.reading import open_head, pin, read_on
from provenance.report import Finding, Report
from provenance.seen import Seen


def verify(folder: Path, root: Path, keys: Path | None = None, seen: Sequence[Seen] = ()) -> Report:
    """Check signature, pin, chain, lineage and every artifact's bytes, in this order.

    Writes nothing into `folder` or `root`; a read-only copy can be verified.

    Args:
        folder: of the log.
        root: the workspace that the log's paths start from.
        keys: the key store with the trusted keys and the pins; by default `default_keys()`.
        seen: heads that witnesses and anchors remember.

    Raises:
        LogMissingError: no log was ever there.
        LogError, KeyStoreError: something cannot be read, so that nothing can be said.
    """
    layout = Layout(folder.absolute())
    store = KeyStore(default_keys() if keys is None else keys.absolute())
    head: Head | None = None
    try:
        head = open_head(layout, store)
        reading = read_on(layout, store, head, seen)
        notes = [*reading.notes, *pin(reading)]
        custody = check_custody(reading.history, root.absolute())
    except TamperedError as error:
        checkpoint = head.checkpoint if head else None
        signer = head.signer if head else None
        return Report(checkpoint, signer, (Finding.of(error),))
    return Report(
        head.checkpoint,
        head.signer,
        tuple(reading.keys.findings + reading.lineage.findings + custody.findings),
        tuple(notes + custody.notes),
        custody.artifacts,
        custody.size,
    )
