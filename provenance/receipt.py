"""Receipts: that one entry is in the log, checkable offline with the signer's public keys alone.

The format is C2SP's tlog-proof (https://c2sp.org/tlog-proof): number of the entry, the hashes of
its inclusion proof, and the signed checkpoint. Our hashes are BLAKE3, as the checkpoint's origin
says. A receipt goes with the entry's line, which it does not repeat.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from provenance.checkpoint import Checkpoint, parse_checkpoint
from provenance.entry import Entry
from provenance.errors import LogError, Reason, TamperedError
from provenance.identity import Identity, open_signed
from provenance.layout import Layout
from provenance.log import Log
from provenance.note import LARGEST_NOTE, decode_base64, split_note
from provenance.proofs import inclusion_proof, verify_inclusion
from provenance.tree import leaf_hash

HEADER = "c2sp.org/tlog-proof@v1"

MOST_HASHES = 63
LARGEST_RECEIPT = LARGEST_NOTE + 64 * (MOST_HASHES + 2)
"""Bytes."""

HASH_BYTES = 32

_INDEX = re.compile(r"index (0|[1-9][0-9]{0,15})")


@dataclass(frozen=True)
class Receipt:
    """A receipt's parts, nothing verified yet.

    Args:
        index: number of the entry.
        proof: hashes of the inclusion proof, the entry's sibling first.
        note: the signed checkpoint.
    """

    index: int
    proof: tuple[bytes, ...]
    note: bytes


def make_receipt(log: Log, seq: int) -> bytes:
    """The receipt of a committed entry, under the log's present head.

    Raises:
        ValueError: there is no such entry.
        TamperedError: the log is not as it was written.
        LogError: the head cannot be read.
    """
    try:
        note = Layout(log.folder).checkpoint.read_bytes()
    except OSError as error:
        raise LogError(f"{log.folder}: the head cannot be read ({error.strerror})") from error
    head = parse_checkpoint(split_note(note)[0])
    history = log.history()  # read after the note, so it reaches at least as far
    if head.size > history.size or history.root_at(head.size) != head.root:
        raise TamperedError(
            f"{log.folder}: the head changed in a way that appending does not explain",
            Reason.HISTORY_REWRITTEN,
        )
    proof = inclusion_proof(history.leaves, seq, head.size)
    lines = [HEADER, f"index {seq}", *(base64.b64encode(node).decode() for node in proof)]
    return "\n".join(lines).encode() + b"\n\n" + note


def read_receipt(data: bytes) -> Receipt:
    """Take a receipt apart. A line of extra data, which the format allows, is not ours: refused.

    Raises:
        TamperedError: BAD_PROOF, not in the format.
    """
    if len(data) > LARGEST_RECEIPT:
        raise _malformed(f"{len(data)} bytes, at most {LARGEST_RECEIPT} are read")
    head, gap, note = data.partition(b"\n\n")
    try:
        header, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise _malformed("not ASCII before the checkpoint") from None
    if not gap or header != HEADER or not lines:
        raise _malformed(f"it does not begin with {HEADER} and an index")
    found = _INDEX.fullmatch(lines[0])
    if found is None:
        raise _malformed(f"no index: {lines[0][:40]!r}")
    if len(lines) - 1 > MOST_HASHES:
        raise _malformed(f"{len(lines) - 1} hashes, at most {MOST_HASHES} are read")
    try:
        proof = tuple(decode_base64(line) for line in lines[1:])
    except TamperedError:
        raise _malformed("a hash that is not canonical base64") from None
    if any(len(node) != HASH_BYTES for node in proof):
        raise _malformed(f"a hash that has not {HASH_BYTES} bytes")
    return Receipt(int(found[1]), proof, note)


def check_receipt(data: bytes, entry: Entry | bytes, identities: Sequence[Identity]) -> Checkpoint:
    """Check that an entry is in the log whose head the receipt carries. Reads no file.

    Args:
        data: the receipt.
        entry: the entry from a checked log, or its line without the newline.
        identities: whom the reader trusts; one of them must have signed the head with all its keys.

    Returns:
        the head.

    Raises:
        TamperedError: BAD_PROOF, BAD_CHECKPOINT, BAD_SIGNATURE or UNTRUSTED_KEY.
    """
    receipt = read_receipt(data)
    leaf = leaf_hash(entry) if isinstance(entry, bytes) else bytes.fromhex(entry.hash)
    if isinstance(entry, Entry) and entry.seq != receipt.index:
        raise TamperedError(
            f"the receipt is of entry {receipt.index}, not of entry {entry.seq}", Reason.BAD_PROOF
        )
    origin = split_note(receipt.note)[0].split("\n")[0]
    opened, _ = open_signed(receipt.note, origin, identities)
    head = parse_checkpoint(opened.text)
    verify_inclusion(leaf, receipt.index, head.size, receipt.proof, head.root)
    return head


def _malformed(why: str) -> TamperedError:
    return TamperedError(f"malformed receipt: {why}", Reason.BAD_PROOF)
