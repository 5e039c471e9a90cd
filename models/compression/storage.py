"""Files in one packet, entropy-coded: what a download weighs, not what a running model does.

Numbers of a trained model look random in their low bytes and repeat in their high ones (sign and
exponent). So each file is cut into byte planes, all first bytes, all second bytes and so on, in the
width that packs it best, and each plane is coded by itself with zstd. Same files, same packet.

A packet: magic, BLAKE3 of all that follows, length of the header, header (JSON), coded planes.

Source: byte planes as in Blosc's shuffle filter, https://www.blosc.org; entropy coding as in Deep
Compression, Han et al. 2015, https://arxiv.org/abs/1510.00149, with zstd (RFC 8878) for Huffman.
"""

import json
from collections.abc import Mapping

import numpy as np
from blake3 import blake3

MAGIC = b"CAIRNPK1"
LEVEL = 19
"""Of zstd: slow to pack, as fast as any to unpack."""
WIDTHS = (1, 2, 4)
"""Bytes of a number: int8 and int4 or text, half floats, floats."""
TRIAL = 3
"""Level at which widths are compared."""
DIGEST = 32
LENGTH = 8
LARGEST = 1 << 34
"""Bytes that a packet may claim to hold: more is a forgery or a mistake."""


class StorageError(ValueError):
    """A packet that is no packet, is cut short, or was changed."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """Files by name as one packet, smaller and without loss."""
    import zstandard

    coder = zstandard.ZstdCompressor(level=LEVEL, write_content_size=True)
    entries, parts = [], []
    for name, data in sorted(files.items()):
        width = _best_width(data)
        coded = [coder.compress(plane) for plane in _planes(data, width)]
        entries.append(
            {
                "name": name,
                "bytes": len(data),
                "width": width,
                "coded": [len(part) for part in coded],
            }
        )
        parts.extend(coded)
    header = json.dumps({"files": entries}, separators=(",", ":"), sort_keys=True).encode()
    body = b"".join([len(header).to_bytes(LENGTH, "little"), header, *parts])
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
    files = {}
    try:
        for entry in json.loads(body[LENGTH:end])["files"]:
            if not 0 <= entry["bytes"] <= LARGEST:
                raise StorageError(f"{entry['name']}: {entry['bytes']} bytes are too many")
            planes = []
            for length in entry["coded"]:
                coded, end = body[end : end + length], end + length
                planes.append(
                    zstandard.ZstdDecompressor().decompress(coded, max_output_size=entry["bytes"])
                )
            files[entry["name"]] = _joined(planes, entry["bytes"])
    except (KeyError, TypeError, ValueError, zstandard.ZstdError) as error:
        raise StorageError(f"the packet cannot be read: {error}") from error
    return files


def _planes(data: bytes, width: int) -> list[bytes]:
    """All first bytes of the numbers, all second bytes...; what is left over goes to the first."""
    if width == 1:
        return [data]
    whole = len(data) - len(data) % width
    numbers = np.frombuffer(data, np.uint8, whole).reshape(-1, width)
    planes = [numbers[:, place].tobytes() for place in range(width)]
    planes[0] += data[whole:]
    return planes


def _joined(planes: list[bytes], length: int) -> bytes:
    width = len(planes)
    if width == 1:
        whole = planes[0]
    else:
        each = length // width
        numbers = np.stack([np.frombuffer(plane, np.uint8, each) for plane in planes], 1)
        whole = numbers.tobytes() + planes[0][each:]
    if len(whole) != length:
        raise StorageError(f"{len(whole)} bytes came out where {length} went in")
    return whole


def _best_width(data: bytes) -> int:
    import zstandard

    coder = zstandard.ZstdCompressor(level=TRIAL)
    sizes = {
        width: sum(len(coder.compress(plane)) for plane in _planes(data, width)) for width in WIDTHS
    }
    return min(sizes, key=lambda width: (sizes[width], width))
