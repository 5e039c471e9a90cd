"""What attacks on the log share: how to make one, and what refusing it means."""

import json
from collections.abc import Callable

import pytest
from blake3 import blake3

from provenance import Reason, TamperedError
from provenance.entry import first_prev
from provenance.keys import KeyStore
from provenance.note import sign_note

from .conftest import Bench


def refused(bench: Bench, reason: Reason, message: str, entry: int | None = None) -> None:
    """Verification and appending both refuse, and touch nothing."""
    before = bench.snapshot()
    report = bench.verify()
    assert report.first is not None, "the attack was not noticed"
    assert report.first.reason is reason, report.first
    assert message in report.first.message
    assert report.exit_code == 1
    if entry is not None:
        assert report.first.entry == entry
    assert bench.snapshot() == before


def refuses_to_append(bench: Bench) -> None:
    before = bench.snapshot()
    with pytest.raises(TamperedError):
        bench.open().append({"kind": "run", "id": "next"})
    assert bench.snapshot() == before


def rewrite(bench: Bench, edit: Callable[[list[bytes]], list[bytes]]) -> None:
    bench.entries.write_bytes(b"".join(edit(bench.lines())))


def rechain(origin: str, bodies: list[object]) -> bytes:
    """A log that is right in itself: what somebody without the key can make."""
    lines, prev = b"", first_prev(origin)
    for seq, body in enumerate(bodies):
        value = {"body": body, "prev": prev.hex(), "seq": seq}
        line = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        prev = blake3(b"\x00" + line).digest()
        lines += line + b"\n"
    return lines


def sign_again(bench: Bench, text: str) -> None:
    """What the holder of the key could make, so that the text itself is what is judged."""
    signers = KeyStore(bench.keys).signers(text.split("\n")[0])
    bench.checkpoint.write_bytes(sign_note(text, signers))
