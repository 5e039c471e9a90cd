"""Files in one packet, entropy-coded: what a download weighs, not what a running model does.

Numbers of a trained model look random in their low bytes and repeat in their high ones (sign and
exponent), and clustered ones are few. So a file is cut into stretches, and each is laid out in the
form that packs it best (models/compression/byte_forms.py) before zstd codes it. Same files, same
packet.

A packet: magic, BLAKE3 of all that follows, length of the header, header (JSON), coded parts.

Source: entropy coding of weights as in Deep Compression, Han et al. 2015,
https://arxiv.org/abs/1510.00149, with zstd (RFC 8878) for Huffman.
"""

import json
from collections.abc import Mapping
from typing import Any

from blake3 import blake3

from models.compression.byte_forms import FORMS, laid_out, put_back

MAGIC = b"CAIRNPK1"
LEVEL = 19
"""Of zstd: slow to pack, as fast as any to unpack."""
TRIAL = 1
"""Level at which forms are compared."""
STRETCH = 1 << 18
"""Bytes that take one form: a file holds tensors of several kinds. Neighbours alike are joined."""
DIGEST = 32
LENGTH = 8
LARGEST = 1 << 34
"""Bytes that a packet may claim to hold: more is a forgery or a mistake."""


class StorageError(ValueError):
    """A packet that is no packet, is cut short, or was changed."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """Files by name as one packet, smaller and without loss."""
    import zstandard

    coder = zstandard.ZstdCompressor(level=LEVEL)
    entries: list[dict[str, Any]] = []
    coded: list[bytes] = []
    for name, data in sorted(files.items()):
        stretches = []
        for stretch, form in _stretches(data):
            parts = [coder.compress(part) for part in laid_out(stretch, form)]
            coded.extend(parts)
            stretches.append([len(stretch), form, [len(part) for part in parts]])
        entries.append({"name": name, "stretches": stretches})
    header = json.dumps({"files": entries}, separators=(",", ":"), sort_keys=True).encode()
    header = coder.compress(header)
    body = b"".join([len(header).to_bytes(LENGTH, "little"), header, *coded])
    return MAGIC + blake3(body).digest() + body


def unpack(packet: bytes) -> dict[str, bytes]:
    """The files of a packet, byte by byte as they were.

    Raises:
        StorageError: the packet is not what `pack` wrote.
    """
    import zstandard

    start = len(MAGIC) + DIGEST
    if len(packet) < start + LENGTH or not packet.startswith(MAGIC):
        raise StorageError(f"{len(packet)} bytes are no packet: it has to start with {MAGIC!r}")
    body = packet[start:]
    if blake3(body).digest() != packet[len(MAGIC) : start]:
        raise StorageError("the packet was changed or cut short: its digest differs; make it again")
    end = LENGTH + int.from_bytes(body[:LENGTH], "little")
    decoder = zstandard.ZstdDecompressor()
    files = {}
    try:
        header = json.loads(decoder.decompress(body[LENGTH:end]))
        for entry in header["files"]:
            found = []
            for length, form, sizes in entry["stretches"]:
                if not 0 <= length <= LARGEST:
                    raise StorageError(f"{entry['name']}: {length} bytes are too many")
                parts = []
                for size in sizes:
                    parts.append(decoder.decompress(body[end : end + size]))
                    end += size
                found.append(put_back(parts, form, length))
            files[entry["name"]] = b"".join(found)
    except (KeyError, TypeError, ValueError, zstandard.ZstdError) as error:
        raise StorageError(f"the packet cannot be read: {error}") from error
    return files


def _stretches(data: bytes) -> list[tuple[bytes, str]]:
    """A file in pieces of one form each."""
    found: list[tuple[bytes, str]] = []
    for start in range(0, len(data), STRETCH):
        stretch = data[start : start + STRETCH]
        form = _best_form(stretch)
        if found and found[-1][1] == form and not form.startswith("few"):
            found[-1] = (found[-1][0] + stretch, form)
        else:
            found.append((stretch, form))
    return found


def _best_form(stretch: bytes) -> str:
    import zstandard

    coder = zstandard.ZstdCompressor(level=TRIAL)
    sizes = {}
    for form in FORMS:
        parts = laid_out(stretch, form)
        if parts:
            sizes[form] = sum(len(coder.compress(part)) for part in parts)
    return min(sizes, key=lambda form: (sizes[form], FORMS.index(form)))
