"""The headlines are read from what other benchmarks kept, and the one by the clock is missed."""

import json
from typing import Any

import pytest

from benchmarks.quantum import headlines
from benchmarks.quantum_tables import QUANTUM_TABLES, headlines_table
from benchmarks.table import RESULTS


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / "quantum.json").read_text(encoding="utf-8"))
    return found


def test_headlines_are_those_of_the_other_files(results: dict[str, Any]) -> None:
    assert headlines() == results["headlines"]


def test_tables_are_made_of_the_file(results: dict[str, Any]) -> None:
    for table in QUANTUM_TABLES.values():
        head, *rows = table(results)
        assert rows
        assert {len(row) for row in rows} == {len(head)}


def test_by_the_clock_a_simulator_gains_nothing(results: dict[str, Any]) -> None:
    rows = {form: (found, verdict) for _, form, found, verdict in headlines_table(results)}
    found, verdict = next(value for form, value in rows.items() if form.startswith("wall clock"))
    assert found.endswith("x more")
    assert verdict == "missed"
    # Grover 1996: the average of a classical search is (N + 1) / 2 questions; 25 is the whole
    # number next to pi / 4 sqrt(1024).
    assert rows["questions to an oracle: Grover, 1,024 items"][0] == f"{1025 / 2 / 25:.1f}x fewer"
