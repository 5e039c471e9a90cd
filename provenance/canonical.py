"""Canonical JSON (RFC 8785): one value, one sequence of bytes.

Log lines and folder listings are signed as bytes, so a value must not have two spellings. Writing
goes through the `rfc8785` package. Reading parses a line and demands that writing it again gives
the same bytes; that also catches duplicate keys, which `json.loads` hides.
"""

import json
import re
from typing import Any, NoReturn

import rfc8785

from provenance.errors import NotCanonicalError

LARGEST_INT = 2**53 - 1
"""Integers beyond it are not exact in JSON readers that use doubles (RFC 8785, section 3.2.2.3)."""


class _NeedsSlowPathError(Exception):
    """The value holds a number whose canonical form differs from what Python's json writes."""


def encode(value: object) -> bytes:
    """The canonical bytes of a JSON value.

    Raises:
        NotCanonicalError: NaN, infinity, an integer of 2**53 or more, a lone surrogate, a key that
            is no string, or a type that JSON does not have.
    """
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # any object: dumps refuses what it cannot write
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise NotCanonicalError(f"cannot be written as canonical JSON: {error}") from error


def decode(data: bytes) -> Any:
    """Parse bytes that must be canonical JSON.

    Raises:
        NotCanonicalError: not JSON, or JSON in another spelling.
    """
    # Python's own encoder agrees with RFC 8785 when there are no floats, no large integers and no
    # characters beyond U+FFFF (their keys sort differently): 4 times faster, and the usual case.
    if data.isascii() or not _BEYOND_BMP.search(data):
        try:
            value = _FAST.decode(data.decode())
            if _ENCODER.encode(value).encode() == data:
                return value
        except (ValueError, RecursionError, _NeedsSlowPathError):
            pass  # the slow path below finds the reason
    try:
        value = _STRICT.decode(data.decode())
    except (ValueError, RecursionError) as error:
        raise NotCanonicalError(f"not JSON: {error}") from error
    if encode(value) != data:
        raise NotCanonicalError(
            "JSON, but not in canonical form (key order, spelling or duplicates)"
        )
    return value


def _slow(_: str) -> NoReturn:
    raise _NeedsSlowPathError


def _short_int(digits: str) -> int:
    if len(digits) > 15:  # 16 digits may exceed 2**53
        raise _NeedsSlowPathError
    return int(digits)


def _number(digits: str) -> int | float:
    # A float without a fraction is written as an integer; beyond 2**53 it can only have been one.
    number = float(digits)
    return int(digits) if abs(number) <= LARGEST_INT else number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_BEYOND_BMP = re.compile(rb"[\xf0-\xff]")
_FAST = json.JSONDecoder(parse_float=_slow, parse_int=_short_int, parse_constant=_no_constant)
_STRICT = json.JSONDecoder(parse_int=_number, parse_constant=_no_constant)
_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False
)
