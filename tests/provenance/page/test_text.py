"""Texts that strangers chose."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.page.text import bytes_for_people, flat, shorten, visible, width


def test_characters_that_lie_are_shown_by_number() -> None:
    # U+202E turns what follows round: this would be displayed as "codexe.jpg" (CVE-2009-3376).
    assert visible("cod\u202egpj.exe") == "cod[U+202E]gpj.exe"
    assert visible("a\u200bb\u2066c\ufeff\x00") == "a[U+200B]b[U+2066]c[U+FEFF][U+0000]"
    assert visible("a\nb") == "a[U+000A]b"
    assert visible("Zürich 数 עברית 🙂") == "Zürich 数 עברית 🙂"
    assert visible(3) == "3"


@given(st.text(), st.integers(3, 40))
def test_shortened_texts_fit_and_hide_nothing(text: str, columns: int) -> None:
    short = shorten(text, columns)
    assert width(short) <= columns
    assert not {unicodedata.category(char) for char in short} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    if short != visible(text):
        head, tail = short.split("…", 1) if text.count("…") == 0 else ("", "")
        assert visible(text).startswith(head)
        assert visible(text).endswith(tail)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (20330856, "20 MB"),
        (9_960_000, "10 MB"),
        (999_600, "1.0 MB"),
        (2**63, "9223 PB"),
        (None, "size unknown"),
    ],
)
def test_sizes(size: int | None, text: str) -> None:
    assert bytes_for_people(size) == text


def test_flat() -> None:
    value = {"b": [1, 2], "a": {"c": None, "d": True}, "e": [{"f": 1}, 2], "g": {}, "h": []}
    assert flat(value) == [
        ("a.c", "none"),
        ("a.d", "yes"),
        ("b", "1, 2"),
        ("e[0].f", "1"),
        ("e[1]", "2"),
        ("g", "none"),
        ("h", "none"),
    ]
