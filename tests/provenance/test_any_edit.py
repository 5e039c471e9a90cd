"""Any history of appends, then any edits of the files: refused, or nothing was lost or changed."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance import Entry, Log, LogError, TamperedError, ids
from provenance.entry import LONGEST_LINE, decode_line
from provenance.layout import Layout
from provenance.state import cached_tail

from .conftest import Bench

FILES = ("entries.jsonl", "checkpoint", "state.json", "index.sqlite")
QUIET = pytest.mark.filterwarnings("ignore::provenance.ProvenanceWarning")


def copy_of(bench: Bench) -> dict[Path, bytes]:
    places = (bench.folder, bench.keys / "pins")
    return {
        file: file.read_bytes() for place in places for file in place.glob("*") if file.is_file()
    }


def put_back(bench: Bench, kept: dict[Path, bytes]) -> None:
    for file in copy_of(bench):
        if file not in kept:
            file.unlink()
    for file, data in kept.items():
        file.write_bytes(data)


EDITS = st.lists(
    st.tuples(
        st.sampled_from(FILES),
        st.sampled_from(["change", "cut", "insert", "drop", "swap lines", "repeat", "remove"]),
        st.integers(0, 10**6),
        st.binary(min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=3,
)


def edit(path: Path, how: str, where: int, new: bytes) -> None:
    data = path.read_bytes() if path.exists() else b""
    at = where % (len(data) + 1)
    lines = data.splitlines(keepends=True)
    i = where % (len(lines) or 1)
    match how:
        case "change":
            data = data[:at] + new + data[at + len(new) :]
        case "cut":
            data = data[:at]
        case "insert":
            data = data[:at] + new + data[at:]
        case "drop":
            data = data[:at] + data[at + len(new) :]
        case "swap lines":
            data = b"".join(lines[i:] + lines[:i])
        case "repeat":
            data = data + b"".join(lines[i : i + 1])
        case _:
            path.unlink(missing_ok=True)
            return
    path.write_bytes(data)


def all_entries(log: Log) -> list[Entry]:
    return list(log.entries())


@QUIET
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.integers(1, 3), max_size=2), edits=EDITS)
def test_attack_01_to_08_any_edit_is_refused_or_changes_nothing(
    bench: Bench, log: Log, batches: list[int], edits: list[tuple[str, str, int, bytes]]
) -> None:
    kept, stride = copy_of(bench), ids.STRIDE
    ids.STRIDE = 2
    try:
        for turn, count in enumerate(batches):
            bodies = [{"kind": "run", "id": f"more {turn} {i}"} for i in range(count)]
            bench.open().append_many(bodies)
        honest = all_entries(bench.open())
        for name, how, where, new in edits:
            edit(bench.folder / name, how, where, new)
        after = copy_of(bench)
        report = bench.verify()
        assert copy_of(bench) == after, "verifying wrote something"
        if report.ok:
            assert all_entries(bench.open()) == honest
            assert bench.open().append({"kind": "run", "id": "next"}).seq == len(honest)
            assert all_entries(bench.open())[:-1] == honest
            assert bench.verify().ok
        else:
            with pytest.raises((TamperedError, LogError)):
                all_entries(bench.open(create=False))
    finally:
        ids.STRIDE = stride
        put_back(bench, kept)


@QUIET
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=4), max_size=4))
def test_any_order_of_appends_and_retries(bench: Bench, batches: list[list[int]]) -> None:
    """A plain list of ids is the model: each id is logged once, in the order of first calls."""
    expected: list[str] = []
    shutil.rmtree(bench.root / "any", ignore_errors=True)
    log = Log.open(bench.root / "any" / ".provenance")
    for batch in batches:
        names = list(dict.fromkeys(f"r{i}" for i in batch))
        entries = log.append_many([{"kind": "run", "id": name} for name in names])
        expected += [name for name in names if name not in expected]
        assert [entry.seq for entry in entries] == [expected.index(name) for name in names]
    assert [entry.body["id"] for entry in log.entries()] == expected
    found = [log.find(f"r{i}") for i in range(13)]
    assert {entry.seq for entry in found if entry} == set(range(len(expected)))


PREV = bytes(32)
LINE = b'{"body":{"id":"r","kind":"run"},"prev":"%b","seq":3}' % PREV.hex().encode()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "kind", "ts", "artifacts", "inputs", "path", "blake3", "size"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


def test_the_line_that_is_mutated_below_is_good() -> None:
    assert decode_line(LINE, PREV, 3) == {"id": "r", "kind": "run"}


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(LINE)), st.binary(max_size=4), st.integers(0, 4))
def test_a_mutated_line_is_refused_or_a_good_one(at: int, new: bytes, dropped: int) -> None:
    line = LINE[:at] + new + LINE[at + dropped :]
    try:
        body = decode_line(line, PREV, 3)
    except TamperedError:
        return
    again = json.dumps(
        {"body": body, "prev": PREV.hex(), "seq": 3},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    assert again.encode() == line  # such as another letter in the id


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode()))
def test_arbitrary_lines_are_refused(line: bytes) -> None:
    with pytest.raises(TamperedError):
        decode_line(line, PREV, 3)


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_arbitrary_bodies_are_refused_or_good(body: object) -> None:
    value = {"body": body, "prev": PREV.hex(), "seq": 3}
    line = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    try:
        read = decode_line(line, PREV, 3)
    except TamperedError:
        return
    assert isinstance(read["id"], str)
    assert isinstance(read["kind"], str)
    assert len(line) < LONGEST_LINE


STATE = st.fixed_dictionaries(
    {
        "end": st.integers(-5, 2000) | st.just(2**63),
        "last": st.binary(max_size=33).map(bytes.hex) | st.text(max_size=3),
        "peaks": st.lists(st.binary(min_size=31, max_size=33).map(bytes.hex), max_size=4),
        "size": st.integers(-1, 9) | st.just(2**70),
        "start": st.integers(-5, 2000) | st.just(2**63),
    }
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=60) | (STATE | JSON).map(lambda value: json.dumps(value).encode()))
def test_an_arbitrary_state_gives_no_tail(bench: Bench, log: Log, state: bytes) -> None:
    """Only the state of this very head fits its root: whatever else is there is not used."""
    layout = Layout(bench.folder)
    good = layout.state.read_bytes()
    try:
        layout.state.write_bytes(state)
        assert cached_tail(layout, log.head().checkpoint) is None
    finally:
        layout.state.write_bytes(good)
