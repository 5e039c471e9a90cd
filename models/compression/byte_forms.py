"""Ways to lay out the bytes of numbers so that a general coder finds what repeats in them.

- `plain`: as they are.
- `planes2`, `planes4`: all first bytes, all second bytes...: half floats, floats.
- `nibbles`: low halves of all bytes, then high halves, two a byte: packed int4.
- `few0` to `few3`: a list of at most 256 distinct 4-byte numbers and which of them each is, for
  clustered weights; the digit is how many bytes come before the first whole number.

Source: byte planes as in Blosc's shuffle filter, https://www.blosc.org.
"""

import numpy as np

FORMS = ("plain", "planes2", "planes4", "nibbles", "few0", "few1", "few2", "few3")
FEW = 256
GLANCE = 1024
"""Numbers looked at first: those of a dense tensor are nearly all different."""


def laid_out(data: bytes, form: str) -> list[bytes]:
    """The parts to code; none where the form does not fit."""
    match form:
        case "plain":
            return [data]
        case "planes2" | "planes4":
            width = int(form[-1])
            whole = len(data) - len(data) % width
            numbers = np.frombuffer(data, np.uint8, whole).reshape(-1, width)
            planes = [numbers[:, place].tobytes() for place in range(width)]
            return [*planes, data[whole:]]
        case "nibbles":
            whole = len(data) - len(data) % 2
            pairs = np.frombuffer(data, np.uint8, whole).reshape(-1, 2)
            low, high = pairs & 15, pairs >> 4
            halves = [(half[:, 0] | (half[:, 1] << 4)).tobytes() for half in (low, high)]
            return [*halves, data[whole:]]
    skipped = int(form[-1])
    count = (len(data) - skipped) // 4
    if count < FEW:
        return []
    numbers = np.frombuffer(data, np.uint32, count, skipped)
    if len(np.unique(numbers[:GLANCE])) > FEW:
        return []
    book, index = np.unique(numbers, return_inverse=True)
    if len(book) > FEW:
        return []
    edges = data[:skipped] + data[skipped + 4 * count :]
    return [edges, book.tobytes(), index.astype(np.uint8).tobytes()]


def put_back(parts: list[bytes], form: str, length: int) -> bytes:
    """The bytes that `laid_out` took apart.

    Raises:
        ValueError: the form is unknown, or other bytes come out than went in.
    """
    if form not in FORMS:
        raise ValueError(f"form {form!r}: allowed are {', '.join(FORMS)}")
    if form == "plain":
        data = b"".join(parts)
    elif form.startswith("planes"):
        *planes, rest = parts
        numbers = [np.frombuffer(plane, np.uint8) for plane in planes]
        data = np.stack(numbers, 1).tobytes() + rest
    elif form == "nibbles":
        low, high = (np.frombuffer(half, np.uint8) for half in parts[:2])
        first, second = (low & 15) | (high << 4), (low >> 4) | (high & 240)
        data = np.stack([first, second], 1).tobytes() + parts[2]
    else:
        skipped = int(form[-1])
        edges, book, index = parts
        numbers_4 = np.frombuffer(book, np.uint32)[np.frombuffer(index, np.uint8)]
        data = edges[:skipped] + numbers_4.tobytes() + edges[skipped:]
    if len(data) != length:
        raise ValueError(f"{len(data)} bytes came out where {length} went in")
    return data
