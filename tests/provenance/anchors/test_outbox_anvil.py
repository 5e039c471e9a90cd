"""The outbox on a real node (anvil as Polygon): reorganisation, two logs with one account."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from provenance import Reason
from provenance.anchors.answer import Answer, exit_code
from provenance.anchors.audit import audit
from provenance.anchors.chain import Mode
from provenance.anchors.chains import open_chain
from provenance.anchors.config import AnchorConfig, ChainConfig
from provenance.anchors.outbox import Outbox
from provenance.anchors.receipt import Progress, receipts
from provenance.anchors.status import read_tried
from provenance.keys import KeyStore
from provenance.layout import Layout
from tests.provenance.anchors.anvil import Anvil, anvil
from tests.provenance.anchors.nodes import SECRET
from tests.provenance.conftest import Bench

pytestmark = pytest.mark.slow


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[Anvil]:
    monkeypatch.setenv("CAIRN_EVM_KEY", SECRET.hex())
    with anvil("137") as running:
        yield running


def outbox(bench: Bench, config: ChainConfig) -> Outbox:
    store = KeyStore(bench.keys)
    return Outbox(
        Layout(bench.folder),
        store,
        AnchorConfig((config,)),
        lambda chain: open_chain(chain, store, create=True),
    )


def check(bench: Bench, config: ChainConfig) -> tuple[int, list[tuple[Answer, Reason | None]]]:
    store = KeyStore(bench.keys)
    checks = audit(
        Layout(bench.folder),
        store,
        AnchorConfig((config,)),
        lambda chain: open_chain(chain, store, create=False),
    )
    return exit_code(checks), [(one.answer, one.reason) for one in checks]


@pytest.mark.parametrize("mode", [Mode.CALLDATA, Mode.CONTRACT])
def test_attacks_51_and_55_from_pending_over_a_reorganisation_to_final(
    bench: Bench, node: Anvil, mode: Mode
) -> None:
    config = node.chain(mode).config
    bench.fill(5)
    snapshot = node.ask("evm_snapshot")
    assert not outbox(bench, config).work()
    (first,) = receipts(Layout(bench.folder))
    assert first.progress is Progress.CONFIRMED
    assert check(bench, config) == (2, [(Answer.NOT_FINAL, Reason.ANCHOR_NOT_FINAL)])

    node.ask("evm_revert", snapshot)
    code, answers = check(bench, config)
    assert code == 1
    assert (Answer.WRONG, Reason.ANCHOR_MISSING) in answers

    assert not outbox(bench, config).work()
    (again,) = receipts(Layout(bench.folder))
    assert again.progress is Progress.CONFIRMED
    assert again.reorged == 1
    assert again.claim == first.claim
    assert again.attempts == 2
    # anvil calls the block 64 below its head finalized.
    node.ask("anvil_mine", hex(70))
    assert outbox(bench, config).work()
    assert check(bench, config) == (0, [(Answer.OK, None)])


def test_attack_57_two_logs_one_account_both_are_anchored(
    bench: Bench, node: Anvil, tmp_path: Path
) -> None:
    """Their locks differ, so they do race for the account's next number."""
    config = node.chain(Mode.CALLDATA).config
    benches = [bench]
    for name in ("second", "third", "fourth"):
        benches.append(Bench(tmp_path / name, bench.keys))
        benches[-1].root.mkdir()
    for one in benches:
        one.fill(3)
    workers = [Thread(target=outbox(one, config).work) for one in benches]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for one in benches:  # one that lost thrice waits for its next try
        if read_tried(Layout(one.folder), config.name).error:
            outbox(one, config).work(now=True)
    node.ask("anvil_mine", hex(70))
    for one in benches:
        assert outbox(one, config).work(now=True)
        assert check(one, config) == (0, [(Answer.OK, None)])
    transactions = {receipts(Layout(one.folder))[0].sent for one in benches}
    assert len(transactions) == len(benches)


def test_attack_50_the_node_is_killed_and_comes_back(bench: Bench, node: Anvil) -> None:
    config = node.chain(Mode.CALLDATA).config
    bench.fill(5)
    node.kill()
    assert not outbox(bench, config).work()
    assert read_tried(Layout(bench.folder), config.name).error
    code, answers = check(bench, config)
    assert code == 2
    assert answers != []
    with anvil("137") as back:
        config = back.chain(Mode.CALLDATA).config
        outbox(bench, config).work(now=True)
        assert receipts(Layout(bench.folder))[0].progress is Progress.CONFIRMED


def test_attack_52_the_url_serves_another_chain(bench: Bench, node: Anvil) -> None:
    config = node.chain(Mode.CALLDATA).config
    bench.fill(5)
    outbox(bench, config).work()
    with anvil("56") as other:
        moved = ChainConfig(config.name, "evm", other.url, "137", Mode.CALLDATA)
        code, answers = check(bench, moved)
        assert code == 1
        assert answers == [(Answer.WRONG, Reason.ANCHOR_FOREIGN)]
        bench.log_run("sixth")
        assert not outbox(bench, moved).work()
        assert "serves chain 56, 137 is configured" in (
            read_tried(Layout(bench.folder), config.name).error
        )
