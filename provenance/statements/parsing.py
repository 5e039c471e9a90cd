"""JSON from strangers: read strictly, so that two readers never see two different things."""

import base64
import binascii
import json
from typing import Any, NoReturn

import orjson

from provenance.errors import Reason, TamperedError

LARGEST = 64 << 20
"""Bytes of a statement or signature; a model of 100,000 files needs about a quarter of it."""


def parse_object(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object, and nothing after it.

    Args:
        data: what was found.
        what: its name, for messages.

    Raises:
        TamperedError: BAD_STATEMENT: not UTF-8, not JSON, a duplicate key, NaN, no object, too big.
    """
    if len(data) > LARGEST:
        raise bad(f"{what}: {len(data)} bytes, at most {LARGEST} are read")
    try:
        # Bounds the depth: Python's own parser relies on the recursion limit, which py-evm raises
        # beyond what the stack holds when it is imported.
        orjson.loads(data)
        value = _DECODER.decode(data.decode())
    except (ValueError, RecursionError) as error:
        raise bad(f"{what} is not JSON: {str(error)[:200]}") from error
    return as_object(value, what)


def as_object(value: object, what: str) -> dict[str, Any]:
    """A value that must be an object.

    Raises:
        TamperedError: BAD_STATEMENT.
    """
    if not isinstance(value, dict):
        raise bad(f"{what} must be an object, found {_kind(value)}")
    return value


def as_list(value: object, what: str) -> list[Any]:
    """A value that must be a list.

    Raises:
        TamperedError: BAD_STATEMENT.
    """
    if not isinstance(value, list):
        raise bad(f"{what} must be a list, found {_kind(value)}")
    return value


def as_text(value: object, what: str) -> str:
    """A value that must be a string that UTF-8 can write.

    Raises:
        TamperedError: BAD_STATEMENT.
    """
    if not isinstance(value, str):
        raise bad(f"{what} must be a string, found {_kind(value)}")
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise bad(f"{what} holds half a character (a lone surrogate)")
    return value


def as_digest(value: object, length: int, what: str) -> str:
    """A value that must be `length` bytes as lowercase hex digits.

    Raises:
        TamperedError: BAD_STATEMENT.
    """
    text = as_text(value, what)
    if len(text) != 2 * length or set(text) - set("0123456789abcdef"):
        raise bad(f"{what} must be {2 * length} lowercase hex digits, found {text[:80]!r}")
    return text


def as_bytes(value: object, what: str) -> bytes:
    """A value that must be standard base64.

    Raises:
        TamperedError: BAD_STATEMENT.
    """
    try:
        return base64.b64decode(as_text(value, what), validate=True)
    except (binascii.Error, ValueError):
        raise bad(f"{what} is not base64") from None


def bad(message: str) -> TamperedError:
    """The error of something that is no statement at all."""
    return TamperedError(message, Reason.BAD_STATEMENT)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object holds one key twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_no_constant)
