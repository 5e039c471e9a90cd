"""Bytes past the end, the cache, pins, and whom to trust."""

import json
import shutil
from pathlib import Path

import pytest

from provenance import KeyStoreError, Log, ProvenanceWarning, Reason

from .attack import rechain, refused
from .conftest import Bench


def test_fault_42_a_torn_line_is_set_aside(bench: Bench, log: Log) -> None:
    good = bench.entries.read_bytes()
    bench.entries.write_bytes(good + b'{"body":{"id":"to')
    report = bench.verify()
    assert report.ok
    assert any("do not count" in note for note in report.notes)
    with pytest.warns(ProvenanceWarning, match="never committed .* moved to orphan-6-"):
        bench.open().append({"kind": "run", "id": "next"})
    [orphan] = bench.folder.glob("orphan-*")
    assert orphan.read_bytes() == b'{"body":{"id":"to'
    assert bench.entries.read_bytes().startswith(good + b'{"body":{"id":"next"')
    assert any(orphan.name in note for note in bench.verify().notes)


def test_attack_43_a_well_chained_foreign_line_is_never_adopted(bench: Bench, log: Log) -> None:
    bodies = [json.loads(line)["body"] for line in bench.lines()]
    bodies.append({"id": "evil", "kind": "release"})
    bench.entries.write_bytes(rechain(log.origin, bodies))
    assert bench.open().find("evil") is None
    assert bench.verify().ok
    with pytest.warns(ProvenanceWarning, match="an interrupted or foreign append"):
        entry = bench.open().append({"kind": "run", "id": "evil"})
    assert entry.seq == 6
    assert entry.body["kind"] == "run"
    assert bench.verify().ok


@pytest.mark.parametrize(
    "state",
    [
        None,
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"end":1,"last":"00","peaks":[],"size":0,"start":0}',
        b'{"end":9,"last":"zz","peaks":[],"size":1,"start":0}',
        b'{"end":9,"last":"00","peaks":[7],"size":2,"start":0}',
        b'{"end":9,"last":"00","peaks":["00","11"],"size":2,"start":0}',
        b'{"end":9,"last":"00","peaks":["00"],"size":2,"start":0}',
        b'{"end":9,"last":"00","peaks":["00","11","22"],"size":8,"start":0}',
        b'{"end":%d,"last":"00","peaks":[],"size":1,"start":0}' % 10**12,
    ],
)
def test_fault_44_a_lost_or_damaged_cache_is_rebuilt(
    bench: Bench, log: Log, state: bytes | None
) -> None:
    path = bench.folder / "state.json"
    good = path.read_bytes()
    path.unlink()
    if state is not None:
        path.write_bytes(state)
    assert bench.verify().ok
    bench.open().append({"kind": "run", "id": "next"})
    assert json.loads(path.read_bytes())["size"] == 7
    path.write_bytes(good)  # stale: one entry behind
    bench.open().append({"kind": "run", "id": "after"})
    assert [entry.seq for entry in bench.open().entries()] == list(range(8))
    assert bench.verify().ok


def test_a_cache_that_points_at_other_bytes_is_not_used(bench: Bench, log: Log) -> None:
    path = bench.folder / "state.json"
    state = json.loads(path.read_bytes())
    state["start"] -= 1
    path.write_text(json.dumps(state, sort_keys=True))
    log.append({"kind": "run", "id": "next"})
    assert bench.verify().ok


def test_a_damaged_pin_is_an_error_and_not_forgetting(bench: Bench, log: Log) -> None:
    pin = next((bench.keys / "pins").glob("*.json"))
    good = json.loads(pin.read_bytes())
    for bad in ("", "{}", json.dumps(good | {"root": "zz"}), json.dumps(good | {"size": -1})):
        pin.write_text(bad)
        with pytest.raises(
            KeyStoreError, match=r"the pin .* cannot be read: restore it, or delete"
        ):
            bench.verify()


def test_a_colleague_verifies_with_the_public_key_alone(
    bench: Bench, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAIRN_KEYS", str(tmp_path / "colleague"))
    refused(bench, Reason.UNTRUSTED_KEY, "trusted here: none")
    trusted = tmp_path / "colleague" / "trusted"
    trusted.mkdir(parents=True)
    [public] = (bench.folder / "keys").iterdir()
    shutil.copy(public, trusted / "ann.pub")
    report = bench.verify()
    assert report.ok
    assert report.signer == public.stem
    assert not (tmp_path / "colleague" / "ed25519.pem").exists()  # verifying makes no key
    bench.open().append({"kind": "run", "id": "from the colleague"})
    assert bench.verify().ok
    monkeypatch.setenv("CAIRN_KEYS", str(bench.keys))
    refused(bench, Reason.UNTRUSTED_KEY, "signed by key id")


def test_a_moved_log_is_still_itself(bench: Bench, log: Log, tmp_path: Path) -> None:
    moved = bench.root.rename(tmp_path / "moved")
    bench.root = moved
    assert bench.open(create=False).origin == log.origin
    assert bench.verify().ok
