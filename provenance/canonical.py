"""Canonical JSON (RFC 8785): one value, one sequence of bytes.

Log lines and folder listings are signed as bytes, so a value must not have two spellings. The
`rfc8785` package is the reference. Reading parses a line and demands that writing it again gives
the same bytes; that also catches duplicate keys, which parsers hide.

`orjson` writes the same bytes as `rfc8785`, ten times faster, where there are no floats, no large
integers and no characters beyond U+FFFF (as keys they sort differently). It is asked first, and
believed only where that holds; a test compares the two.
"""

import json
import re
from typing import Any, NoReturn

import orjson
import rfc8785

from provenance.errors import NotCanonicalError

LARGEST_INT = 2**53 - 1
"""Integers beyond it are not exact in JSON readers that use doubles (RFC 8785, section 3.2.2.3)."""


def encode(value: object) -> bytes:
    """The canonical bytes of a JSON value.

    Raises:
        NotCanonicalError: NaN, infinity, an integer of 2**53 or more, a lone surrogate, a key that
            is no string, or a type that JSON does not have.
    """
    try:
        data = orjson.dumps(value, option=_SORTED)
        # orjson writes NaN as null and takes dates, enums and more: what comes back must be equal.
        if _is_plain(data) and orjson.loads(data) == value:
            return data
    except (ValueError, TypeError, RecursionError):
        pass  # the slow path below finds the reason
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # any object: dumps refuses what it cannot write
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise NotCanonicalError(f"cannot be written as canonical JSON: {error}") from error


def decode(data: bytes) -> Any:
    """Parse bytes that must be canonical JSON.

    Raises:
        NotCanonicalError: not JSON, or JSON in another spelling.
    """
    if _is_plain(data):
        try:
            value = orjson.loads(data)
            if orjson.dumps(value, option=_SORTED) == data:
                return value
        except (ValueError, TypeError, RecursionError):
            pass  # the slow path below finds the reason
    try:
        # Bounds the depth: Python's own parser relies on the recursion limit, which py-evm raises
        # beyond what the stack holds when it is imported.
        orjson.loads(data)
        value = _STRICT.decode(data.decode())
    except (ValueError, RecursionError) as error:
        raise NotCanonicalError(f"not JSON: {error}") from error
    if encode(value) != data:
        raise NotCanonicalError(
            "JSON, but not in canonical form (key order, spelling or duplicates)"
        )
    return value


def _is_plain(data: bytes) -> bool:
    """Whether JSON without spaces holds no number and no character where the two writers differ.

    A number follows `":`, `,` or `[`, or is all there is. The same inside a text only costs time.
    """
    return (
        data[:1] in _NO_NUMBER
        and (data.isascii() or _beyond_bmp(data) is None)
        and _after_key(data) is None
        and _after_comma(data) is None
        and _after_bracket(data) is None
    )


def _number(digits: str) -> int | float:
    # A float without a fraction is written as an integer; beyond 2**53 it can only have been one.
    number = float(digits)
    return int(digits) if abs(number) <= LARGEST_INT else number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_SORTED = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
_NO_NUMBER = frozenset((b"{", b"[", b'"'))
_beyond_bmp = re.compile(rb"[\xf0-\xff]").search
# A fraction, an exponent, or 16 digits, which may exceed 2**53. Three patterns: each then begins
# with literal bytes, which the regular expression engine finds several times faster.
_ODD_NUMBER = rb"-?[0-9]+(?:[.eE]|(?<=[0-9]{16}))"
_after_key = re.compile(rb'":' + _ODD_NUMBER).search
_after_comma = re.compile(rb"," + _ODD_NUMBER).search
_after_bracket = re.compile(rb"\[" + _ODD_NUMBER).search
_STRICT = json.JSONDecoder(parse_int=_number, parse_constant=_no_constant)
