"""Entries that were edited, removed, moved, added or spelled otherwise."""

import json
import shutil
from pathlib import Path

import pytest

from provenance import Log, Reason, TamperedError

from .attack import rechain, refused, refuses_to_append, rewrite
from .conftest import Bench


@pytest.mark.parametrize("seq", range(6))
def test_attack_01_an_edited_byte_names_the_entry(bench: Bench, log: Log, seq: int) -> None:
    rewrite(
        bench,
        lambda lines: [
            line.replace(b'"r%d"' % seq, b'"x%d"' % seq) if i == seq else line
            for i, line in enumerate(lines)
        ],
    )
    refused(bench, Reason.LOG_ENTRY_CHANGED, f"entry {seq} was changed", seq)
    with pytest.raises(TamperedError, match=f"entry {seq} was changed"):
        list(bench.open().entries())
    if seq == 5:
        refuses_to_append(bench)


def test_a_line_that_is_no_json_names_the_entry(bench: Bench, log: Log) -> None:
    rewrite(bench, lambda lines: [*lines[:2], b"\x00" * len(lines[2][:-1]) + b"\n", *lines[3:]])
    refused(bench, Reason.LOG_ENTRY_CHANGED, "entry 2 was changed: not JSON", 2)


def test_attack_02_a_deleted_entry(bench: Bench, log: Log) -> None:
    rewrite(bench, lambda lines: lines[:2] + lines[3:])
    refused(bench, Reason.LOG_ENTRY_CHANGED, "entry 2 was removed or moved: entry 3 stands", 2)


def test_attack_03_swapped_entries(bench: Bench, log: Log) -> None:
    rewrite(bench, lambda lines: [lines[1], lines[0], *lines[2:]])
    refused(bench, Reason.LOG_ENTRY_CHANGED, "entry 0 was removed or moved: entry 1 stands", 0)


def test_attack_04_an_old_entry_replayed_at_the_end(bench: Bench, log: Log) -> None:
    rewrite(bench, lambda lines: [*lines[:5], lines[2]])
    refused(bench, Reason.LOG_ENTRY_CHANGED, "entry 5 was removed or moved: entry 2 stands", 5)


def test_attack_05_a_recomputed_chain_without_the_key(bench: Bench, log: Log) -> None:
    bodies = [json.loads(line)["body"] for line in bench.lines()]
    assert rechain(log.origin, bodies) == bench.entries.read_bytes()
    bodies[1]["id"] = "x1"
    bench.entries.write_bytes(rechain(log.origin, bodies))
    refused(bench, Reason.LOG_ENTRY_CHANGED, "a chain was recomputed without the key")
    refuses_to_append(bench)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"body":', b'{"body": '),
        (b'"kind":"run"', b'"kind":"run","kind":"run"'),
        (b'{"id":"r2","kind":"run"}', b'{"kind":"run","id":"r2"}'),
        (b'"r2"', b'"\\u00722"'),
        (b'"seq":2', b'"seq":2.0'),
        (b'"seq":2', b'"seq":2,"zzz":1'),
    ],
)
def test_attack_06_the_same_value_in_other_bytes(
    bench: Bench, log: Log, old: bytes, new: bytes
) -> None:
    rewrite(bench, lambda lines: [*lines[:2], lines[2].replace(old, new), *lines[3:]])
    refused(bench, Reason.LOG_ENTRY_CHANGED, "entry 2 was changed", 2)


def test_entries_of_another_log_do_not_fit(bench: Bench, log: Log, tmp_path: Path) -> None:
    other = Log.open(tmp_path / "other" / ".provenance")
    other.append_many([{"kind": "run", "id": f"r{i}"} for i in range(6)])
    shutil.copy(other.folder / "entries.jsonl", bench.entries)
    refused(bench, Reason.LOG_ENTRY_CHANGED, "it does not belong to this log", 0)


def test_an_endless_line(bench: Bench, log: Log) -> None:
    rewrite(bench, lambda lines: [*lines[:3], b"x" * (2 << 20)])
    (bench.folder / "state.json").unlink()
    refused(bench, Reason.LOG_ENTRY_CHANGED, "entry 3 was changed: longer than", 3)
