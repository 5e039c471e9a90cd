"""Check the receipt of a release: a signed head, and a proof that its entry is below that head."""

from collections.abc import Sequence

from provenance.entry import Entry
from provenance.identity import Identity
from provenance.report import Finding


def check_release_receipt(
    data: bytes, entry: Entry, identities: Sequence[Identity]
) -> list[Finding]:
    from provenance.receipt import check_receipt

    check_receipt(data, bytes.fromhex(entry.hash), identities)
    return []
