"""Checkpoints: the signed head of the log (C2SP tlog-checkpoint, https://c2sp.org/tlog-checkpoint).

The text is three lines: origin (which log), size (how many entries) and root hash in base64. Our
tree hashes with BLAKE3 where the tile format fixes SHA-256, so the origin names the hash function.
"""

import base64
import re
from dataclasses import dataclass

from provenance.errors import Reason, TamperedError
from provenance.note import decode_base64

ROOT_BYTES = 32

_ORIGIN = re.compile(r"cairn-provenance/blake3/([0-9a-f]{32})")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True)
class Checkpoint:
    """A log's identity, its number of entries and the root of the tree over them (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What gets signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def make_origin(random: bytes) -> str:
    """The origin of a new log, from 16 random bytes."""
    return f"cairn-provenance/blake3/{random.hex()}"


def log_id(origin: str) -> str:
    """The random part of an origin, 32 hex digits.

    Raises:
        TamperedError: BAD_CHECKPOINT, not an origin of ours.
    """
    found = _ORIGIN.fullmatch(origin)
    if found is None:
        raise TamperedError(f"not a log of ours: origin {origin[:80]!r}", Reason.BAD_CHECKPOINT)
    return found[1]


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's text; stricter than the format, which allows extension lines.

    Raises:
        TamperedError: BAD_CHECKPOINT.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise TamperedError(
            f"checkpoint has {len(lines) - 1} lines, 3 are expected", Reason.BAD_CHECKPOINT
        )
    origin, size, root = lines[:3]
    log_id(origin)
    if not _SIZE.fullmatch(size):
        raise TamperedError(f"checkpoint size {size[:40]!r} is no size", Reason.BAD_CHECKPOINT)
    raw = decode_base64(root)
    if len(raw) != ROOT_BYTES:
        raise TamperedError(
            f"checkpoint root has {len(raw)} bytes, {ROOT_BYTES} are expected",
            Reason.BAD_CHECKPOINT,
        )
    return Checkpoint(origin, int(size), raw)
