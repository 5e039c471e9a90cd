"""The receipt of a release: that its entry is in the log, checkable without the log.

    c2sp.org/tlog-proof@v1
    index 4
    <base64 of each hash of the inclusion proof>

    <the signed head>

https://c2sp.org/tlog-proof. About 1 KiB, whatever the size of the log.
"""

import base64
import re
from collections.abc import Sequence

from provenance.checkpoint import Checkpoint, parse_checkpoint
from provenance.entry import Entry
from provenance.errors import LogError, Reason, TamperedError
from provenance.identity import Identity, open_signed
from provenance.layout import Layout
from provenance.log import Log
from provenance.note import LARGEST_NOTE, decode_base64, split_note
from provenance.proofs import inclusion_proof, verify_inclusion

HEADER = "c2sp.org/tlog-proof@v1"
MOST_HASHES = 63
LARGEST = LARGEST_NOTE + 64 * (MOST_HASHES + 2)
"""Bytes."""

_INDEX = re.compile(r"index (0|[1-9][0-9]{0,15})")


def make_receipt(log: Log, entry: Entry) -> bytes:
    """A proof that an entry is below the present head, and that head.

    Raises:
        TamperedError: the log is not as it was written.
        LogError: the head cannot be read.
    """
    try:
        note = Layout(log.folder).checkpoint.read_bytes()
    except OSError as error:
        raise LogError(f"{log.folder}: the head cannot be read ({error.strerror})") from error
    size = parse_checkpoint(split_note(note)[0]).size
    leaves = [bytes.fromhex(found.hash) for found in log.entries()]  # at least `size`: logs grow
    lines = [HEADER, f"index {entry.seq}"]
    lines += [base64.b64encode(item).decode() for item in inclusion_proof(leaves, entry.seq, size)]
    return "\n".join(lines).encode() + b"\n\n" + note


def check_receipt(data: bytes, entry: Entry, identities: Sequence[Identity]) -> Checkpoint:
    """Check a receipt, needing nothing but the entry and the public keys.

    Args:
        data: the receipt.
        entry: that it must be of.
        identities: whose signatures on the head count.

    Returns:
        the head that the entry is below.

    Raises:
        TamperedError: BAD_PROOF if it is no receipt or not of this entry; BAD_CHECKPOINT,
            BAD_SIGNATURE or UNTRUSTED_KEY if its head is not to be believed.
    """
    head, gap, note = data[:LARGEST].partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    if not gap or len(data) > LARGEST or lines[0] != HEADER or len(lines) < 2:
        raise _bad(f"it is no receipt: {HEADER!r}, an index and a signed head are needed")
    index = _INDEX.fullmatch(lines[1])
    if index is None or len(lines) > 2 + MOST_HASHES:
        raise _bad("its index or its number of hashes is none")
    if int(index[1]) != entry.seq:
        raise _bad(f"it is of entry {index[1]}, not of entry {entry.seq}")
    try:
        proof = [decode_base64(line) for line in lines[2:]]
    except TamperedError as error:
        raise _bad(str(error)) from None
    origin = split_note(note)[0].split("\n")[0]
    opened, _ = open_signed(note, origin, identities)
    checkpoint = parse_checkpoint(opened.text)
    verify_inclusion(bytes.fromhex(entry.hash), entry.seq, checkpoint.size, proof, checkpoint.root)
    return checkpoint


def _bad(message: str) -> TamperedError:
    return TamperedError(message, Reason.BAD_PROOF)
