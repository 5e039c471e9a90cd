import json
import math
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from provenance import canonical
from provenance.errors import NotCanonicalError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-canonical.LARGEST_INT, canonical.LARGEST_INT)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_written_can_be_read_and_is_what_rfc8785_writes(value: Any) -> None:
    data = canonical.encode(value)
    assert data == rfc8785.dumps(value)
    assert rfc8785.dumps(canonical.decode(data)) == data


@given(VALUES)
def test_any_other_spelling_is_refused(value: Any) -> None:
    data = json.dumps(value, indent=1).encode()
    if data != rfc8785.dumps(value):
        with pytest.raises(NotCanonicalError):
            canonical.decode(data)


def test_numbers_and_order_of_rfc_8785() -> None:
    # RFC 8785, section 3.2.3 (sorting by UTF-16 units: U+1F600 is before U+FB33) and 3.2.2.3.
    data = '{"\\r":1,"1":2,"\x80":3,"ö":4,"€":5,"😀":6,"\ufb33":7}'.encode()
    assert canonical.decode(data) == json.loads(data)
    assert canonical.decode(b"[333333333.3333333,1e+30,4.5,0.002,1e-27]")[3] == 0.002


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"a":1,"a":2}', "a duplicate key"),
        (b'{"b":1,"a":2}', "key order"),
        (b'{"a": 1}', "a space"),
        (b'{"a":1.0}', "a float that is written as an integer"),
        (b'{"a":1E3}', "a number's spelling"),
        (b'{"a":-0}', "minus zero"),
        (b'{"a":"\\u0061"}', "an escape that is not needed"),
        (b'{"a":"\\/"}', "an escape that is not needed"),
        (b'{"a":9007199254740993}', "an integer that is no double"),
        (b'{"a":-9007199254740993}', "an integer that is no double"),
        (b'{"a":' + b"9" * 5000 + b"}", "an integer of 5,000 digits"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "infinity"),
        (b'{"a":"\\ud800"}', "a lone surrogate"),
        (b'{"a":"\xff"}', "not UTF-8"),
        ('{"\ufb33":7,"😀":6}'.encode(), "order by code point instead of UTF-16"),
        (b"[" * 100_000, "depth"),
        (b"", "nothing"),
        (b"{} ", "a trailing space"),
    ],
)
def test_other_spellings_are_refused(data: bytes, why: str) -> None:
    with pytest.raises(NotCanonicalError, match=r"canonical|not JSON"):
        canonical.decode(data)


def test_a_large_float_is_written_without_a_point_and_can_be_read() -> None:
    # ECMAScript, and so RFC 8785, writes 1e20 with all its digits and 1e21 with an exponent.
    assert (
        canonical.encode([1e20, 1e21, 2.0**53]) == b"[100000000000000000000,1e+21,9007199254740992]"
    )
    assert canonical.decode(b"[100000000000000000000,1e+21,9007199254740992]") == [
        1e20,
        1e21,
        2.0**53,
    ]


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, 2**60, -(2**53), "\ud800", {1: 2}, {"a": object()}, b"bytes", deep()],
    ids=["nan", "inf", "2**60", "-2**53", "surrogate", "int key", "object", "bytes", "deep"],
)
def test_attack_49_values_without_a_canonical_form_are_refused(value: Any) -> None:
    with pytest.raises(NotCanonicalError, match="cannot be written as canonical JSON"):
        canonical.encode(value)
