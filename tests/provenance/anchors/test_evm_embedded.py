"""The EVM adapter on the chain in this process: py-evm executes what is anchored."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance.anchors.chain import (
    ChainError,
    ChainRefusedError,
    ChainUnavailableError,
    Claim,
    Mode,
    Standing,
    WrongChainError,
)
from provenance.anchors.config import ChainConfig
from provenance.anchors.evm import EMBEDDED_CHAIN_ID, EvmChain, open_evm
from provenance.anchors.evm_embedded import EmbeddedEvm, new_genesis, open_embedded_evm
from provenance.anchors.evm_fees import TYPICAL_GAS
from provenance.anchors.ledger import Ledger

from .nodes import CLAIM, OTHER_SECRET, SECRET

Open = Callable[..., EmbeddedEvm]


@pytest.fixture
def open_chain(tmp_path: Path) -> Iterator[Open]:
    """Opens the chain of one ledger; the one open before is closed first."""
    opened: list[EmbeddedEvm] = []

    def make(
        mode: Mode = Mode.CONTRACT, secret: bytes | None = SECRET, confirmations: int = 0
    ) -> EmbeddedEvm:
        for chain in opened:
            chain.close()
        ledger = Ledger.open(tmp_path / "evm.jsonl", new_genesis(), wait_seconds=5)
        config = ChainConfig("embedded-evm", "evm", mode=mode, confirmations=confirmations)
        opened.append(open_embedded_evm(config, secret, ledger))
        return opened[-1]

    yield make
    for chain in opened:
        chain.close()


def larger(claim: Claim, by: int = 1) -> Claim:
    return replace(claim, size=claim.size + by)


@pytest.mark.parametrize("mode", [Mode.CONTRACT, Mode.CALLDATA])
def test_an_anchor_is_found_after_the_chain_was_opened_again(open_chain: Open, mode: Mode) -> None:
    chain = open_chain(mode)
    sent = [chain.publish(CLAIM), chain.publish(larger(CLAIM))]
    before = [chain.state(sent[0], CLAIM), chain.state(sent[1], larger(CLAIM))]
    assert [found.standing for found in before] == [Standing.FINAL, Standing.FINAL]
    again = open_chain(mode, secret=None)  # an auditor needs no key
    after = [again.state(sent[0], CLAIM), again.state(sent[1], larger(CLAIM))]
    assert [found.block_hash for found in after] == [found.block_hash for found in before]
    assert [found.block_time for found in after] == [found.block_time for found in before]


def test_the_contract_tells_the_head_without_any_receipt(open_chain: Open) -> None:
    chain = open_chain()
    assert chain.head_size(CLAIM.log_id) == 0
    assert chain.root_at(CLAIM.log_id, CLAIM.size) is None
    chain.publish(CLAIM)
    assert chain.head_size(CLAIM.log_id) == CLAIM.size
    assert chain.root_at(CLAIM.log_id, CLAIM.size) == CLAIM.root
    assert chain.root_at(CLAIM.log_id, CLAIM.size + 1) is None
    assert chain.head_size(bytes(32)) == 0
    chain = open_chain(secret=None)
    assert chain.head_size(CLAIM.log_id) == CLAIM.size


def test_calldata_has_no_head(open_chain: Open) -> None:
    chain = open_chain(Mode.CALLDATA)
    chain.publish(CLAIM)
    assert chain.head_size(CLAIM.log_id) is None
    assert chain.root_at(CLAIM.log_id, CLAIM.size) is None


def test_gas_is_what_the_reference_measured(open_chain: Open) -> None:
    """68,726 with the contract and 23,990 as bare calldata: PROVENANCE.md 2.7."""
    chain = open_chain()
    contract = chain.state(chain.publish(CLAIM), CLAIM)
    chain = open_chain(Mode.CALLDATA)
    bare = chain.state(chain.publish(CLAIM), CLAIM)
    assert contract.gas == pytest.approx(68_726, rel=0.001)
    assert bare.gas == pytest.approx(23_990, rel=0.005)
    assert contract.gas <= TYPICAL_GAS[Mode.CONTRACT] <= contract.gas * 1.01
    assert bare.gas <= TYPICAL_GAS[Mode.CALLDATA] <= bare.gas * 1.01
    assert bare.fee is not None
    assert bare.fee >= bare.gas * 10**9  # the tip alone is a gwei


def test_an_estimate_has_a_price_and_a_currency(open_chain: Open) -> None:
    cost = open_chain().estimate()
    assert (cost.gas, cost.currency, cost.decimals) == (68_800, "ETH", 18)
    assert cost.fee is not None
    assert cost.fee >= cost.gas


@pytest.mark.parametrize("field", ["raw", "timestamp", "block_hash"])
def test_an_edited_ledger_is_refused(open_chain: Open, tmp_path: Path, field: str) -> None:
    chain = open_chain()
    sent = chain.publish(CLAIM)
    edited = {"raw": "00", "timestamp": 1, "block_hash": "0x" + "00" * 32}
    chain._ledger.records[1] = {**chain._ledger.records[1], field: edited[field]}
    chain.node.forget()
    with pytest.raises(ChainUnavailableError, match="changed at record 2"):
        chain.state(sent, CLAIM)


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the records that are executed again."""
    from provenance.anchors import evm_embedded

    executed: list[int] = []
    original = evm_embedded.replay

    def note(tester: Any, number: int, record: Any) -> None:
        executed.append(number)
        original(tester, number, record)

    monkeypatch.setattr(evm_embedded, "replay", note)
    return executed


def test_nothing_is_executed_twice(open_chain: Open, executions: list[int]) -> None:
    sent = open_chain().publish(CLAIM)
    found = open_chain().state(sent, CLAIM)
    assert found.standing is Standing.FINAL
    chain = open_chain()
    chain.publish(larger(CLAIM))
    assert open_chain().head_size(CLAIM.log_id) == CLAIM.size + 1
    assert executions == []


@pytest.mark.parametrize("damage", ["lost", "cut", "noise", "other values", "behind"])
def test_a_damaged_cache_costs_time_only(
    open_chain: Open, executions: list[int], tmp_path: Path, damage: str
) -> None:
    cache = tmp_path / "evm.state"
    chain = open_chain()
    sent = chain.publish(CLAIM)
    early = cache.read_bytes()
    found = chain.state(sent, CLAIM)
    chain.publish(larger(CLAIM))
    chain.close()
    match damage:
        case "lost":
            cache.unlink()
        case "cut":
            cache.write_bytes(cache.read_bytes()[:5000])
        case "noise":
            cache.write_bytes(b"noise" * 1000)
        case "other values":
            with sqlite3.connect(cache) as file:
                file.execute("update state set value = x'00'")
            file.close()
        case "behind":
            cache.write_bytes(early)
    again = open_chain(secret=None)
    after = again.state(sent, CLAIM)
    assert (after.standing, after.block_hash) == (Standing.FINAL, found.block_hash)
    assert again.head_size(CLAIM.log_id) == CLAIM.size + 1
    assert executions == ([4] if damage == "behind" else [1, 2, 3, 4])
    assert open_chain().head_size(CLAIM.log_id) == CLAIM.size + 1
    assert len(executions) <= 4  # the cache was made anew


def test_what_the_ledger_cannot_take_did_not_happen(
    open_chain: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = open_chain()
    chain.publish(CLAIM)

    def full(record: Any) -> None:
        raise ChainUnavailableError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(chain._ledger, "append", full)
        with pytest.raises(ChainUnavailableError, match="disk full"):
            chain.publish(larger(CLAIM))
    assert chain.head_size(CLAIM.log_id) == CLAIM.size
    chain.publish(larger(CLAIM))
    assert open_chain().head_size(CLAIM.log_id) == CLAIM.size + 1


def test_attack_51_reorganisation(open_chain: Open) -> None:
    chain = open_chain(Mode.CALLDATA)
    kept = chain.publish(CLAIM)
    tester = chain.node.web3.provider.ethereum_tester  # type: ignore[attr-defined]
    before = tester.take_snapshot()
    lost = chain.publish(larger(CLAIM))
    assert chain.state(lost, larger(CLAIM)).standing is Standing.FINAL
    tester.revert_to_snapshot(before)
    assert chain.state(lost, larger(CLAIM)).standing is Standing.NOT_ON_CHAIN
    assert chain.state(kept, CLAIM).standing is Standing.FINAL
    again = chain.publish(larger(CLAIM))  # the same content is sent again
    assert chain.state(again, larger(CLAIM)).standing is Standing.FINAL


def test_attack_52_another_chain_than_configured(open_chain: Open) -> None:
    embedded = open_chain()
    sent = embedded.publish(CLAIM)
    config = ChainConfig("ethereum", "evm", "http://127.0.0.1:1", "1", contract=embedded.contract)
    chain = EvmChain(config, SECRET, "1", lambda: embedded.node.web3)
    for use in (
        lambda: chain.publish(CLAIM),
        lambda: chain.state(replace(sent, chain_id="1"), CLAIM),
        lambda: chain.head_size(CLAIM.log_id),
        lambda: chain.root_at(CLAIM.log_id, 1),
        chain.estimate,
        lambda: chain.deploy(0),
    ):
        with pytest.raises(WrongChainError, match=f"serves chain {EMBEDDED_CHAIN_ID}, 1 is"):
            use()
    assert chain.state(sent, CLAIM).standing is Standing.WRONG_CHAIN


def test_attack_52_the_embedded_chain_passes_for_no_network() -> None:
    config = ChainConfig("ethereum", "evm", "http://127.0.0.1:1", EMBEDDED_CHAIN_ID)
    with pytest.raises(ChainRefusedError, match="is none of a network"):
        open_evm(config, SECRET)


def test_attack_52_a_receipt_of_another_chain(open_chain: Open) -> None:
    chain = open_chain()
    sent = chain.publish(CLAIM)
    assert chain.state(replace(sent, chain_id="137"), CLAIM).standing is Standing.WRONG_CHAIN


@pytest.mark.parametrize("mode", [Mode.CONTRACT, Mode.CALLDATA])
def test_attack_53_other_content(open_chain: Open, mode: Mode) -> None:
    chain = open_chain(mode)
    sent = chain.publish(CLAIM)
    for claim in (
        replace(CLAIM, root=bytes(32)),
        larger(CLAIM),
        replace(CLAIM, log_id=bytes(32)),
    ):
        assert chain.state(sent, claim).standing is Standing.OTHER_CONTENT


def test_attack_53_other_sender(open_chain: Open) -> None:
    theirs = open_chain(Mode.CALLDATA, secret=OTHER_SECRET)
    sent = theirs.publish(CLAIM)
    chain = open_chain(Mode.CALLDATA)
    stolen = replace(sent, sender=chain.sender)
    assert chain.state(stolen, CLAIM).standing is Standing.OTHER_SENDER


def test_attack_53_other_contract(open_chain: Open) -> None:
    chain = open_chain()
    sent = chain.publish(CLAIM)
    moved = replace(sent, contract="0x" + "00" * 20)
    assert chain.state(moved, CLAIM).standing is Standing.OTHER_CONTENT
    bare = replace(sent, contract=None, mode=Mode.CALLDATA)
    assert chain.state(bare, CLAIM).standing is Standing.OTHER_CONTENT


def test_attack_53_reverted(open_chain: Open) -> None:
    """Sent past the estimate, so that the refusal is in a block."""
    chain = open_chain()
    chain.publish(CLAIM)
    from provenance.anchors.evm_content import letter

    eth, account = chain.node.eth, chain.account()
    content = letter(CLAIM, Mode.CONTRACT, chain.sender, chain.contract)
    tx = {
        "chainId": int(EMBEDDED_CHAIN_ID),
        "nonce": eth.get_transaction_count(chain.sender),
        "to": content.to,
        "data": content.data,
        "value": 0,
        "gas": 100_000,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 10**9,
    }
    name = eth.send_raw_transaction(account.sign_transaction(tx).raw_transaction).to_0x_hex()
    from provenance.anchors.chain import Sent

    sent = Sent(EMBEDDED_CHAIN_ID, Mode.CONTRACT, name, chain.sender, chain.contract)
    found = chain.state(sent, CLAIM)
    assert found.standing is Standing.REVERTED
    assert found.gas is not None
    assert found.block is not None


def test_attack_55_no_confirmations_is_not_final(open_chain: Open) -> None:
    chain = open_chain(Mode.CALLDATA, confirmations=2)
    sent = chain.publish(CLAIM)
    standings = []
    for later in range(1, 4):
        found = chain.state(sent, CLAIM)
        standings.append((found.standing, found.confirmations))
        chain.publish(larger(CLAIM, later))
    assert standings == [
        (Standing.CONFIRMED, 0),
        (Standing.CONFIRMED, 1),
        (Standing.FINAL, 2),
    ]


def test_attack_56_only_the_owner_anchors(open_chain: Open) -> None:
    ours = open_chain()
    ours.publish(CLAIM)
    contract = ours.contract
    theirs = open_chain(secret=OTHER_SECRET)
    theirs.publish(CLAIM)  # funds their account; writes to their own contract
    assert theirs.contract != contract
    theirs.contract = contract
    with pytest.raises(ChainRefusedError, match="only the owner anchors"):
        theirs.publish(larger(CLAIM))
    assert theirs.head_size(CLAIM.log_id) == CLAIM.size


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        (CLAIM, "size must grow"),
        (replace(CLAIM, root=bytes([1]) * 32), "size must grow"),
        (larger(CLAIM, -1), "size must grow"),
        (replace(CLAIM, size=43, root=bytes(32)), "root is empty"),
    ],
    ids=["the same again", "overwrite", "smaller", "no root"],
)
def test_attack_56_the_contract_refuses(open_chain: Open, claim: Claim, why: str) -> None:
    chain = open_chain()
    chain.publish(CLAIM)
    with pytest.raises(ChainRefusedError, match=why):
        chain.publish(claim)
    assert chain.root_at(CLAIM.log_id, CLAIM.size) == CLAIM.root
    assert chain.head_size(CLAIM.log_id) == CLAIM.size


def test_a_contract_that_is_not_ours_is_not_believed(open_chain: Open) -> None:
    chain = open_chain()
    chain.publish(CLAIM)
    chain.contract = chain.sender  # no code there: a transaction would even succeed
    for use in (lambda: chain.publish(larger(CLAIM)), lambda: chain.head_size(CLAIM.log_id)):
        with pytest.raises(ChainRefusedError, match="no ProvAnchor contract at"):
            use()


def test_without_a_key_nothing_is_sent(open_chain: Open) -> None:
    open_chain().publish(CLAIM)
    chain = open_chain(secret=None)
    with pytest.raises(ChainRefusedError, match="no key"):
        chain.publish(larger(CLAIM))


def test_a_new_key_gets_its_own_contract(open_chain: Open) -> None:
    open_chain().publish(CLAIM)
    chain = open_chain(secret=OTHER_SECRET)
    assert chain.head_size(CLAIM.log_id) == 0
    chain.publish(CLAIM)
    assert chain.head_size(CLAIM.log_id) == CLAIM.size


def test_real_chains_need_a_contract_or_calldata() -> None:
    config = ChainConfig("bsc", "evm", "http://127.0.0.1:1", "56")
    with pytest.raises(ChainRefusedError, match="cairn anchor deploy bsc"):
        open_evm(config, SECRET)
    with pytest.raises(ChainRefusedError, match="is no address"):
        open_evm(replace(config, contract="0x12"), SECRET)


def test_opening_asks_nobody() -> None:
    config = ChainConfig("bsc", "evm", "http://127.0.0.1:1", "56", mode=Mode.CALLDATA)
    chain = open_evm(config, SECRET)
    with pytest.raises(ChainError, match="no connection"):
        chain.chain_id()
