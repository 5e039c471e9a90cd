"""Whatever stands in a manifest, it is either the listing with its digest or a named error."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import ProvenanceError
from provenance.listing import ListedFile, decode_listing, encode_listing, listing_digest

HONEST = tuple(ListedFile(f"part/{name}", size, f"{size:064x}") for size, name in enumerate("abc"))
DIGEST = listing_digest(HONEST)
DATA = encode_listing(HONEST)


def reads_or_refuses(data: bytes, digest: str) -> bool:
    try:
        files = decode_listing(data, digest)
    except ProvenanceError:
        return False
    assert listing_digest(files) == digest
    return True


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes(data: bytes) -> None:
    assert not reads_or_refuses(data, DIGEST)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, len(DATA) - 1), st.integers(0, 255), st.integers(0, 3))
def test_one_byte_put_in_changed_or_taken_out(at: int, byte: int, how: int) -> None:
    edits = {
        0: DATA[:at] + bytes([byte]) + DATA[at:],
        1: DATA[:at] + bytes([byte]) + DATA[at + 1 :],
        2: DATA[:at] + DATA[at + 1 :],
        3: DATA[:at],
    }
    edited = edits[how]
    # A line's end is no part of a line: the digest is over what the lines say.
    same = edited.splitlines() == DATA.splitlines()
    assert reads_or_refuses(edited, DIGEST) == same


_PARTS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["blake3", "path", "size", "x"]), _PARTS)))
def test_json_of_other_shapes(lines: list[dict[str, object]]) -> None:
    data = b"".join(json.dumps(line, sort_keys=True).encode() + b"\n" for line in lines)
    assert not reads_or_refuses(data, DIGEST)
