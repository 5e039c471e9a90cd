"""The outbox's states: sent, final, reorganised, refused, unreachable, clashing."""

import multiprocessing
import threading
from dataclasses import replace
from datetime import datetime
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from provenance import Log
from provenance.anchors.chain import ChainRefusedError, ChainUnavailableError, Standing
from provenance.anchors.receipt import (
    AnchorReceipt,
    Progress,
    anchored_heads,
    anchors_folder,
    receipt_file,
    write_receipt,
)
from provenance.anchors.status import chain_status, read_tried
from provenance.checkpoint import Checkpoint
from provenance.durable import locked
from tests.provenance.anchors.scripted import CONFIG, Stand, clash
from tests.provenance.conftest import Bench


def head(stand: Stand) -> Checkpoint:
    return Log.open(stand.bench.folder).head().checkpoint


def test_the_head_is_sent_and_followed_until_it_is_final(stand: Stand) -> None:
    assert not stand.work()
    first = stand.only()
    assert first.progress is Progress.CONFIRMED
    assert (first.size, first.root) == (5, head(stand).root.hex())
    assert (first.gas, first.fee, first.block) == (70_000, 10**20, 100)
    stand.chain.standings[first.sent.tx] = Standing.FINAL
    assert stand.work()
    assert stand.only().progress is Progress.FINAL
    assert len(stand.chain.claims) == 1


def test_nothing_is_asked_once_all_is_final(stand: Stand) -> None:
    stand.chain.becomes = Standing.FINAL
    assert stand.work()
    assert stand.work()
    assert stand.chain.opened == 1


def test_an_empty_log_is_not_anchored(bench: Bench) -> None:
    bench.open()
    stand = Stand(bench)
    stand.work()
    assert stand.receipts() == []
    assert stand.chain.opened == 0


def test_a_newer_head_gets_an_anchor_of_its_own(stand: Stand) -> None:
    stand.work()
    stand.bench.log_run("sixth")
    stand.work()
    assert [receipt.size for receipt in stand.receipts()] == [5, 6]
    assert [seen.checkpoint.size for seen in anchored_heads(stand.layout)] == [5, 6]


@pytest.mark.parametrize(
    ("few", "soon", "sent"), [(2, 0.0, 1), (1, 3600.0, 1), (1, 0.0, 2), (2, 3600.0, 1)]
)
def test_too_few_entries_or_too_soon_waits_and_a_person_can_push(
    stand: Stand, few: int, soon: float, sent: int
) -> None:
    stand.config = replace(CONFIG, min_new_entries=few, min_interval_seconds=soon)
    stand.work()
    stand.bench.log_run("sixth")
    stand.later(60)
    stand.work()
    assert len(stand.receipts()) == sent
    stand.work(now=True)
    assert len(stand.receipts()) == 2


def test_attack_50_unreachable_leaves_the_anchor_pending_and_says_so(stand: Stand) -> None:
    stand.chain.fails = [ChainUnavailableError("fake: no connection")]
    assert not stand.work()
    receipt = stand.only()
    assert (receipt.progress, receipt.sent, receipt.error) == (
        Progress.QUEUED,
        None,
        "fake: no connection",
    )
    status = chain_status(stand.layout, stand.config, head(stand))
    assert (status.anchored, status.head) == (0, 5)
    assert status.to_dict()["unanchored_from"] == 0
    assert status.to_dict()["error"] == "fake: no connection"
    assert anchored_heads(stand.layout) == []  # nothing was said to anybody
    stand.later(11)
    stand.chain.becomes = Standing.FINAL
    assert stand.work()
    assert stand.only().attempts == 2
    assert chain_status(stand.layout, stand.config, head(stand)).tried.error == ""


def test_attack_50_any_error_is_kept_and_none_leaves(stand: Stand) -> None:
    stand.chain.fails = [RuntimeError("a bug")]
    assert not stand.work()
    assert read_tried(stand.layout, "fake").error == "RuntimeError: a bug"


def test_the_wait_after_failures_doubles_up_to_an_hour(stand: Stand) -> None:
    waits = []
    for _ in range(12):
        stand.chain.fails = [ChainUnavailableError("down")]
        stand.work(now=True)
        tried = read_tried(stand.layout, "fake")
        waits.append((datetime.fromisoformat(tried.not_before) - stand.time).total_seconds())
    assert waits[:4] == [10, 20, 40, 80]
    assert waits[-1] == 3600
    before = stand.chain.opened
    stand.later(3599)
    stand.work()
    assert stand.chain.opened == before, "tried before the wait was over"
    stand.later(2)
    stand.work()
    assert stand.chain.opened == before + 1


def test_an_unsent_anchor_gives_way_to_a_newer_head(stand: Stand) -> None:
    stand.chain.fails = [ChainUnavailableError("down")]
    stand.work()
    stand.bench.log_run("sixth")
    stand.work(now=True)
    assert stand.only().size == 6
    assert [claim.size for claim in stand.chain.claims.values()] == [6]


def test_attack_51_reorganised_is_queued_and_sent_again_with_the_same_content(
    stand: Stand,
) -> None:
    stand.work()
    first = stand.only()
    stand.chain.standings[first.sent.tx] = Standing.NOT_ON_CHAIN
    stand.chain.fails = []
    original = stand.chain.publish
    stand.chain.publish = lambda *_: (_ for _ in ()).throw(ChainUnavailableError("down"))  # type: ignore[method-assign]
    stand.work()
    between = stand.only()
    assert between.progress is Progress.QUEUED
    assert between.reorged == 1
    assert (between.block, between.block_hash) == (None, None)
    assert between.sent == first.sent  # it may come back
    stand.chain.publish = original  # type: ignore[method-assign]
    stand.work(now=True)
    again = stand.only()
    assert again.progress is Progress.CONFIRMED
    assert again.earlier == (first.sent,)
    assert again.claim == first.claim
    assert again.reorged == 1


def test_attack_51_a_transaction_that_comes_back_by_itself_is_taken(stand: Stand) -> None:
    stand.work()
    first = stand.only()
    stand.chain.standings[first.sent.tx] = Standing.NOT_ON_CHAIN
    stand.chain.becomes = Standing.PENDING
    stand.work()
    second = stand.only()
    assert second.progress is Progress.SENT
    stand.chain.standings[first.sent.tx] = Standing.FINAL
    assert stand.work()
    assert stand.only().sent == first.sent
    assert stand.only().earlier == (second.sent,)


def test_attack_51_moved_to_another_block_counts_as_reorganised(stand: Stand) -> None:
    stand.work()
    stand.chain.block = 101
    stand.work()
    receipt = stand.only()
    assert (receipt.progress, receipt.block, receipt.reorged) == (Progress.CONFIRMED, 101, 1)


def test_reorganised_under_a_larger_anchor_is_not_sent_again(stand: Stand) -> None:
    stand.work()
    stand.bench.log_run("sixth")
    stand.work()
    first, second = stand.receipts()
    stand.chain.standings[first.sent.tx] = Standing.NOT_ON_CHAIN
    stand.chain.standings[second.sent.tx] = Standing.FINAL
    assert stand.work()
    assert stand.receipts()[0].progress is Progress.SUPERSEDED
    assert len(stand.chain.claims) == 2


def test_unseen_for_long_is_sent_again_in_place_of_the_first(stand: Stand) -> None:
    stand.chain.becomes = Standing.PENDING
    stand.work()
    first = stand.only()
    stand.later(99)
    stand.work()
    assert len(stand.chain.claims) == 1
    stand.later(2)
    stand.work()
    assert stand.chain.replaced == [None, first.sent]
    assert stand.only().earlier == (first.sent,)


def test_attack_57_a_nonce_clash_is_retried_at_once(stand: Stand) -> None:
    stand.chain.fails = [clash(), clash()]
    stand.work()
    assert stand.only().progress is Progress.CONFIRMED
    assert len(stand.chain.claims) == 1


def test_attack_57_clashes_without_end_wait_as_other_failures(stand: Stand) -> None:
    stand.chain.fails = [clash() for _ in range(3)]
    assert not stand.work()
    assert "took this number" in read_tried(stand.layout, "fake").error


def test_attack_57_two_workers_at_once_send_one_anchor(stand: Stand) -> None:
    workers = [threading.Thread(target=stand.outbox().work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(stand.chain.claims) == 1


def _hold(path: Path, ready: Event, release: Event) -> None:
    with locked(path):
        ready.set()
        release.wait()


def test_a_chain_held_by_another_process_is_left_to_it(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provenance.anchors.outbox.LOCK_PATIENCE_S", 0.05)
    anchors_folder(stand.layout).mkdir()
    context = multiprocessing.get_context("fork")
    ready, release = context.Event(), context.Event()
    path = anchors_folder(stand.layout) / "fake.lock"
    other = context.Process(target=_hold, args=(path, ready, release))
    other.start()
    try:
        assert ready.wait(30)
        assert not stand.work()
        assert stand.said == ["fake: another worker is at it"]
    finally:
        release.set()
        other.join()
    assert stand.receipts() == []


def test_refused_is_told_and_waits(stand: Stand) -> None:
    stand.chain.fails = [ChainRefusedError("fake: no funds")]
    assert not stand.work()
    assert read_tried(stand.layout, "fake").error == "fake: no funds"
    stand.work()
    assert len(stand.chain.replaced) == 1, "tried again at once"


def test_reverted_costs_one_fee_and_not_one_a_poll(stand: Stand) -> None:
    stand.chain.becomes = Standing.REVERTED
    for _ in range(5):
        stand.work()
    assert len(stand.chain.claims) == 1
    assert stand.only().progress is Progress.QUEUED
    assert "reverted" in read_tried(stand.layout, "fake").error


def test_killed_between_sending_and_noting_it(stand: Stand) -> None:
    """The contract has the claim, the receipt does not know the transaction."""
    now = head(stand)
    stand.chain.held, stand.chain.held_root = 5, now.root
    stand.chain.fails = [ChainRefusedError("size must grow")]
    assert stand.work()
    receipt = stand.only()
    assert (receipt.progress, receipt.sent) == (Progress.SUPERSEDED, None)
    assert "holds 5 entries already" in receipt.error


def test_attack_13_a_contract_with_another_root_at_this_size_is_a_conflict(stand: Stand) -> None:
    stand.chain.held, stand.chain.held_root = 5, b"\x07" * 32
    stand.chain.fails = [ChainRefusedError("size must grow")]
    assert not stand.work()
    error = read_tried(stand.layout, "fake").error
    assert "two histories were signed" in error
    assert (b"\x07" * 32).hex() in error


def test_attack_12_a_contract_that_holds_more_than_the_log_is_told(stand: Stand) -> None:
    stand.chain.held, stand.chain.held_root = 9, b"\x07" * 32
    stand.chain.fails = [ChainRefusedError("size must grow")]
    assert not stand.work()
    assert "only 5 are here: it was rolled back" in read_tried(stand.layout, "fake").error


def test_attack_14_a_history_that_contradicts_an_anchor_is_not_anchored(stand: Stand) -> None:
    """A receipt of a former history under the same origin: nothing new is sent."""
    stand.work()
    old = stand.only()
    stand.bench.log_run("sixth")
    write_receipt(stand.layout, replace(old, root="07" * 32))
    stand.work(now=True)
    assert [claim.size for claim in stand.chain.claims.values()] == [5]
    assert "not those seen before" in read_tried(stand.layout, "fake").error


def test_attack_10_a_log_behind_its_anchors_is_not_anchored(stand: Stand) -> None:
    stand.work()
    receipt = stand.only()
    (anchors_folder(stand.layout) / receipt_file("fake", 5)).unlink()
    write_receipt(stand.layout, replace(receipt, size=8))
    assert not stand.work(now=True)
    assert "8 were anchored on fake: it was rolled back" in read_tried(stand.layout, "fake").error


def test_a_receipt_that_is_not_what_was_sent_is_flagged_and_not_sent_again(stand: Stand) -> None:
    stand.chain.becomes = Standing.PENDING
    stand.work()
    stand.chain.standings[stand.only().sent.tx] = Standing.OTHER_CONTENT
    stand.later(500)
    stand.work()
    receipt: AnchorReceipt = stand.only()
    assert receipt.error == "other_content: said the script"
    assert len(stand.chain.claims) == 1


def test_a_damaged_receipt_stops_only_that_pass(stand: Stand) -> None:
    stand.work()
    (anchors_folder(stand.layout) / "fake-5.json").write_bytes(b"{}")
    assert not stand.work()
    assert "is no anchor receipt" in read_tried(stand.layout, "fake").error
