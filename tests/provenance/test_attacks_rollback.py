"""Logs that were cut, rolled back, taken away, exchanged or forked."""

import json
import shutil

import pytest

from provenance import Log, Reason, TamperedError

from .attack import refused, refuses_to_append, rewrite
from .conftest import Bench


@pytest.mark.parametrize("with_state", [True, False])
def test_attack_08_a_cut_tail(bench: Bench, log: Log, with_state: bool) -> None:
    rewrite(bench, lambda lines: [*lines[:5], lines[5][:-4]])
    if not with_state:
        (bench.folder / "state.json").unlink()
    refused(bench, Reason.LOG_TRUNCATED, "6 entries were signed: restore", 5)
    refuses_to_append(bench)
    rewrite(bench, lambda lines: lines[:5])
    refused(bench, Reason.LOG_TRUNCATED, "6 entries were signed: restore", 5)
    bench.entries.unlink()
    refused(bench, Reason.LOG_TRUNCATED, "6 entries were signed: restore")
    refuses_to_append(bench)


def test_attack_09_only_the_checkpoint_rolled_back(bench: Bench, log: Log) -> None:
    old = bench.checkpoint.read_bytes()
    log.append({"kind": "run", "id": "r6"})
    bench.checkpoint.write_bytes(old)
    refused(bench, Reason.ROLLED_BACK, "holds 6 entries, but 7 were seen before")
    refuses_to_append(bench)
    shutil.rmtree(bench.keys / "pins")  # another machine: the log's own cache still knows
    refused(bench, Reason.ROLLED_BACK, "covers 6 entries, but 7 were committed")
    refuses_to_append(bench)


def test_attack_10_everything_rolled_back(bench: Bench, log: Log) -> None:
    old = bench.snapshot()
    reader = bench.open()
    log.append({"kind": "run", "id": "r6"})
    assert reader.find("r6")
    bench.restore(old)
    refused(bench, Reason.ROLLED_BACK, "holds 6 entries, but 7 were seen before")
    refuses_to_append(bench)
    shutil.rmtree(bench.keys / "pins")
    with pytest.raises(TamperedError, match="7 were read before: it was rolled back"):
        reader.find("r6")
    # Without any memory outside the log it cannot be told; this is what anchors are for.
    report = bench.verify()
    assert report.ok
    assert "seen here for the first time: pinned now" in report.notes


@pytest.mark.parametrize("more", [[], ["state.json"], ["state.json", "entries.jsonl"]])
def test_attack_11_a_missing_checkpoint_is_never_a_new_log(
    bench: Bench, log: Log, more: list[str]
) -> None:
    for name in ["checkpoint", *more]:
        (bench.folder / name).unlink()
    refused(bench, Reason.CHECKPOINT_MISSING, "is missing, though a log was begun there")
    with pytest.raises(TamperedError, match="is missing, though a log was begun there"):
        bench.open()


def test_attack_11_a_log_that_is_gone(bench: Bench, log: Log) -> None:
    shutil.rmtree(bench.folder)
    report = bench.verify()
    assert report.first is not None
    assert report.first.reason is Reason.LOG_MISSING
    assert report.checks == dict.fromkeys(report.checks, "not checked") | {"signature": "failed"}


def test_attack_13_two_histories_signed_by_the_same_key(bench: Bench, log: Log) -> None:
    old, pins = bench.snapshot(), (bench.keys / "pins").rename(bench.keys / "kept")
    log = bench.open()
    log.append({"kind": "run", "id": "one"})
    ours = bench.snapshot()
    bench.restore(old)
    shutil.rmtree(bench.keys / "pins")
    bench.open().append({"kind": "run", "id": "two"})
    bench.restore(ours)
    refused(bench, Reason.HISTORY_REWRITTEN, "the first 7 entries are not those seen before")
    refuses_to_append(bench)
    assert pins.exists()


def test_attack_13_a_longer_log_must_go_on_from_the_pin(bench: Bench, log: Log) -> None:
    old = bench.snapshot()
    log.append({"kind": "run", "id": "one"})
    pin = next((bench.keys / "pins").glob("*.json"))
    seen = pin.read_bytes()
    bench.restore(old)
    pin.unlink()
    bench.open().append_many([{"kind": "run", "id": "two"}, {"kind": "run", "id": "three"}])
    pin.write_bytes(seen)
    refused(bench, Reason.HISTORY_REWRITTEN, "the first 7 entries are not those seen before")
    refuses_to_append(bench)


def test_a_pin_that_lags_behind_is_compared_and_moved(bench: Bench, log: Log) -> None:
    pin = next((bench.keys / "pins").glob("*.json"))
    seen = pin.read_bytes()
    reader = bench.open()
    reader.find("r0")
    log.append_many([{"kind": "run", "id": f"s{i}"} for i in range(3)])
    reader.find("r0")
    pin.write_bytes(seen)
    assert bench.open().append({"kind": "run", "id": "s3"}).seq == 9
    assert json.loads(pin.read_bytes())["size"] == 10
    pin.write_bytes(seen)
    reader.find("r0")
    assert bench.verify().ok
    assert json.loads(pin.read_bytes())["size"] == 10
