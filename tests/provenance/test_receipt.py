"""Receipts: made from a log, checked without it, and refused after any change."""

import base64
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance import Log, Reason, TamperedError
from provenance.identity import Identity
from provenance.keys import KeyStore
from provenance.receipt import LARGEST_RECEIPT, check_receipt, make_receipt, read_receipt

from .attack import sign_again
from .conftest import Bench


@pytest.fixture
def identities(bench: Bench, log: Log) -> tuple[Identity, ...]:
    return KeyStore(bench.keys).identities()


def test_a_receipt_for_each_entry(bench: Bench, log: Log, identities: tuple[Identity, ...]) -> None:
    for seq, entry in enumerate(log.entries()):
        receipt = make_receipt(log, seq)
        line = bench.lines()[seq][:-1]
        assert check_receipt(receipt, line, identities) == log.head().checkpoint
        assert check_receipt(receipt, entry, identities) == log.head().checkpoint
    with pytest.raises(ValueError, match="leaf 6 of 6"):
        make_receipt(log, 6)


def test_the_text_is_that_of_the_format(bench: Bench, log: Log) -> None:
    """C2SP tlog-proof: header, index, hashes from the leaf's sibling up, empty line, checkpoint."""
    head, note = make_receipt(log, 4).split(b"\n\n", 1)
    lines = head.decode().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 4"]
    leaves = [bytes.fromhex(entry.hash) for entry in log.entries()]
    assert base64.b64decode(lines[2]) == leaves[5]
    assert len(lines) == 4
    assert note == bench.checkpoint.read_bytes()


def test_a_receipt_outlives_the_growth_of_its_log(
    bench: Bench, log: Log, identities: tuple[Identity, ...]
) -> None:
    receipt, line = make_receipt(log, 2), bench.lines()[2][:-1]
    log.append({"kind": "run", "id": "later"})
    assert check_receipt(receipt, line, identities).size == 6


def test_attack_24_a_receipt_of_another_entry(
    bench: Bench, log: Log, identities: tuple[Identity, ...]
) -> None:
    receipt, entries = make_receipt(log, 2), list(log.entries())
    with pytest.raises(TamperedError, match="the receipt is of entry 2, not of entry 3"):
        check_receipt(receipt, entries[3], identities)
    with pytest.raises(TamperedError, match="the proof does not hold: it leads to root"):
        check_receipt(receipt, bench.lines()[3][:-1], identities)
    with pytest.raises(TamperedError, match="the proof does not hold"):
        check_receipt(receipt.replace(b"index 2", b"index 3"), entries[3], identities)
    with pytest.raises(TamperedError, match="leaf 6 is not in a tree of 6"):
        check_receipt(receipt.replace(b"index 2", b"index 6"), bench.lines()[2][:-1], identities)


def test_attack_17_a_receipt_without_one_of_its_signatures(
    bench: Bench, log: Log, identities: tuple[Identity, ...]
) -> None:
    receipt, line = make_receipt(log, 2), bench.lines()[2][:-1]
    with pytest.raises(TamperedError, match="both are needed") as caught:
        check_receipt(receipt[: receipt.rindex("\u2014".encode())], line, identities)
    assert caught.value.reason is Reason.UNTRUSTED_KEY
    with pytest.raises(TamperedError, match="trusted here: none"):
        check_receipt(receipt, line, [])


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"proof@v1", b"proof@v2", "it does not begin with"),
        (b"index 2", b"index 02", "no index"),
        (b"index 2", b"index -2", "no index"),
        (b"index 2", b"index " + b"9" * 17, "no index"),
        (b"index 2", b"extra eA==\nindex 2", "no index"),
        (b"index 2\n", b"index 2\n" + base64.b64encode(bytes(32)) + b"\n", "the proof does not"),
        (b"index 2\n", b"index 2\neA==\n", "a hash that has not 32 bytes"),
        (b"index 2\n", b"index 2\nx\n", "not canonical base64"),
        (b"index 2\n", b"index 2\n" + b"eA==\n" * 70, "at most 63 are read"),
        (b"index 2", "index \u0662".encode(), "not ASCII"),
        (b"index 2\n", b"", "no index"),
        (b"\n\n", b"\n", "not ASCII"),
    ],
)
def test_malformed_receipts(
    bench: Bench, log: Log, identities: tuple[Identity, ...], old: bytes, new: bytes, why: str
) -> None:
    receipt = make_receipt(log, 2)
    bad = receipt.replace(old, new)
    assert bad != receipt
    with pytest.raises(TamperedError, match=re.escape(why)) as caught:
        check_receipt(bad, bench.lines()[2][:-1], identities)
    assert caught.value.reason in (Reason.BAD_PROOF, Reason.BAD_CHECKPOINT)


def test_a_receipt_that_is_too_long() -> None:
    with pytest.raises(TamperedError, match="are read"):
        read_receipt(b"x" * (LARGEST_RECEIPT + 1))


def test_no_receipt_under_a_head_that_is_not_of_these_entries(bench: Bench, log: Log) -> None:
    log.history()
    text = bench.checkpoint.read_text().split("\n")
    other = base64.b64encode(bytes(32)).decode()
    sign_again(bench, f"{text[0]}\n6\n{other}\n")
    with pytest.raises(TamperedError):
        make_receipt(log, 2)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_change_is_refused(
    bench: Bench, log: Log, identities: tuple[Identity, ...], data: st.DataObject
) -> None:
    """A byte changed, dropped, doubled or put in, anywhere: TamperedError and nothing else."""
    good, line = make_receipt(log, 3), bench.lines()[3][:-1]
    at = data.draw(st.integers(0, len(good) - 1))
    byte = data.draw(st.binary(min_size=1, max_size=2))
    bad = data.draw(
        st.sampled_from(
            [
                good[:at] + byte + good[at + len(byte) :],
                good[:at] + byte + good[at:],
                good[:at] + good[at + 1 :],
                good[:at],
                good[at:],
                good + byte,
            ]
        )
    )
    if bad != good:
        with pytest.raises(TamperedError):
            check_receipt(bad, line, identities)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200) | st.binary(max_size=50).map(lambda x: b"c2sp.org/tlog-proof@v1\n" + x)
)
def test_arbitrary_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    with pytest.raises(TamperedError):
        check_receipt(data, b"line", [])
