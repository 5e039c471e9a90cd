"""Texts that strangers chose, made fit to be looked at.

HTML escaping (Jinja2's) makes them inert; here they are also made honest: a character that one
cannot see, or that turns the text around it, is shown by its number.
"""

import unicodedata
from typing import Any

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories: controls, format (among them all that change direction), surrogates, private
use, unassigned, line and paragraph separators."""


def visible(text: object) -> str:
    """The text with every invisible character written as [U+202E].

    Args:
        text: anything; what is no string is written as one.
    """
    plain = str(text)
    if plain.isprintable():  # the usual case, a hundred times faster
        return plain
    return "".join(
        f"[U+{ord(char):04X}]" if unicodedata.category(char) in _INVISIBLE else char
        for char in plain
    )


def width(text: str) -> int:
    """Columns that a text takes: wide characters (as in Chinese) take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def shorten(text: object, columns: int) -> str:
    """At most so many columns, with an ellipsis in the middle: both ends of a name tell most."""
    plain = visible(text)
    if width(plain) <= columns:
        return plain
    head, tail = "", ""
    for char in plain:
        if width(head + char) > columns // 2:
            break
        head += char
    for char in reversed(plain):
        if width(head + char + tail) > columns - 1:
            break
        tail = char + tail
    return f"{head}…{tail}"


def bytes_for_people(size: int | None) -> str:
    """1234567 -> 1.2 MB."""
    if size is None:
        return "size unknown"
    if size < 1000:
        return f"{size} B"
    number, unit = float(size), "B"
    for unit in ("kB", "MB", "GB", "TB", "PB"):  # noqa: B007  # the last one stays
        number /= 1000
        if number < 999.5:
            break
    return f"{number:.1f} {unit}" if number < 9.95 else f"{number:.0f} {unit}"


def flat(value: object, prefix: str = "") -> list[tuple[str, str]]:
    """Nested JSON as (dotted name, value) rows, in the order of names."""
    if isinstance(value, dict) and value:
        rows = []
        for key in sorted(value, key=str):
            rows += flat(value[key], f"{prefix}.{key}" if prefix else str(key))
        return rows
    if isinstance(value, list) and value and not all(_is_plain(item) for item in value):
        rows = []
        for number, item in enumerate(value):
            rows += flat(item, f"{prefix}[{number}]")
        return rows
    return [(prefix or "value", _plain(value))]


def _is_plain(value: object) -> bool:
    return not isinstance(value, dict | list)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value) or "none"
    if isinstance(value, dict):
        return "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return str(value)
