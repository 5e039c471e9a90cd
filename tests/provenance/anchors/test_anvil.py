"""The EVM adapter against a real node, anvil, in the roles of Ethereum, Polygon and BSC."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest

from provenance.anchors.chain import (
    ChainRefusedError,
    ChainUnavailableError,
    Claim,
    Mode,
    NonceClashError,
    Sent,
    Standing,
    WrongChainError,
)
from provenance.anchors.evm import EvmChain, open_evm
from provenance.anchors.evm_fees import TYPICAL_GAS
from provenance.anchors.evm_node import connect
from provenance.anchors.jsonrpc import Answer, HttpTransport

from .anvil import NAMES, Anvil, anvil
from .nodes import CLAIM, OTHER_SECRET, SECRET

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=sorted(NAMES))
def node(request: pytest.FixtureRequest) -> Iterator[Anvil]:
    """One node for each of the three chains."""
    with anvil(request.param) as running:
        yield running


@pytest.fixture(scope="module")
def queueing() -> Iterator[Anvil]:
    """A node that mines on demand only: transactions wait."""
    with anvil("1", "--no-mining") as running:
        yield running


def larger(claim: Claim, by: int = 1) -> Claim:
    return replace(claim, size=claim.size + by)


class Before:
    """Does something just before a request is passed on, once."""

    def __init__(self, url: str, method: str, action: Any) -> None:
        self._inner = HttpTransport("anvil", url, 30)
        self._method, self._action = method, action

    def ask(self, method: str, params: Sequence[Any]) -> Answer:
        if method == self._method and self._action is not None:
            action, self._action = self._action, None
            action()
        return self._inner.ask(method, params)


def through(node: Anvil, transport: Before) -> EvmChain:
    return EvmChain(node.config(), SECRET, node.chain_id, lambda: connect(transport))


def test_from_deployment_to_final(node: Anvil) -> None:
    chain = node.chain(Mode.CONTRACT)
    assert chain.head_size(CLAIM.log_id) == 0
    sent = chain.publish(CLAIM)
    found = chain.state(sent, CLAIM)
    assert found.standing is Standing.CONFIRMED  # attack 55: nothing on top is not final
    assert found.gas is not None
    assert found.gas <= TYPICAL_GAS[Mode.CONTRACT] <= found.gas * 1.01
    assert (
        found.fee
        == int(node.ask("eth_getTransactionReceipt", sent.tx)["effectiveGasPrice"], 16) * found.gas
    )
    assert chain.head_size(CLAIM.log_id) == CLAIM.size
    assert chain.root_at(CLAIM.log_id, CLAIM.size) == CLAIM.root
    # anvil finalises two epochs of 32 blocks behind its head
    node.ask("anvil_mine", hex(63))
    assert chain.state(sent, CLAIM).standing is Standing.CONFIRMED
    node.ask("anvil_mine", hex(1))
    final = chain.state(sent, CLAIM)
    assert final.standing is Standing.FINAL
    assert final.block_hash == found.block_hash
    assert chain.estimate().fee is not None


def test_calldata(node: Anvil) -> None:
    chain = node.chain()
    sent = chain.publish(CLAIM)
    found = chain.state(sent, CLAIM)
    assert found.standing is Standing.CONFIRMED
    assert found.gas is not None
    assert found.gas <= TYPICAL_GAS[Mode.CALLDATA] <= found.gas * 1.01


def test_attack_51_reorganisation(node: Anvil) -> None:
    chain = node.chain()
    sent = chain.publish(larger(CLAIM, 10))
    node.ask("anvil_mine", "0x2")
    before = chain.state(sent, larger(CLAIM, 10))
    assert before.standing is Standing.CONFIRMED
    node.ask("anvil_reorg", 3, [])
    after = chain.state(sent, larger(CLAIM, 10))
    assert after.standing in (Standing.NOT_ON_CHAIN, Standing.PENDING)
    again = chain.publish(larger(CLAIM, 10))
    node.ask("anvil_mine", "0x1")
    found = chain.state(again, larger(CLAIM, 10))
    assert found.standing is Standing.CONFIRMED
    assert found.block_hash != before.block_hash


def test_attack_51_snapshot_put_back(node: Anvil) -> None:
    chain = node.chain()
    snapshot = node.ask("evm_snapshot")
    sent = chain.publish(larger(CLAIM, 20))
    assert chain.state(sent, larger(CLAIM, 20)).standing is Standing.CONFIRMED
    assert node.ask("evm_revert", snapshot) is True
    assert chain.state(sent, larger(CLAIM, 20)).standing is Standing.NOT_ON_CHAIN


def test_attack_52_wrong_chain(node: Anvil) -> None:
    config = replace(node.config(), chain_id="31337")
    with pytest.raises(WrongChainError, match=f"serves chain {node.chain_id}, 31337 is configured"):
        open_evm(config, SECRET).publish(CLAIM)


def test_attack_52_a_transaction_of_one_chain_is_nothing_on_another() -> None:
    with anvil("1") as ethereum, anvil("56") as bsc:
        sent = ethereum.chain().publish(CLAIM)
        raw = ethereum.ask("eth_getRawTransactionByHash", sent.tx)
        chain = bsc.chain()
        answer = HttpTransport("bsc", bsc.url, 30).ask("eth_sendRawTransaction", [raw])
        assert "chain" in answer["error"]["message"].lower()  # EIP-155
        assert chain.state(replace(sent, chain_id="56"), CLAIM).standing is Standing.NOT_ON_CHAIN
        assert chain.state(sent, CLAIM).standing is Standing.WRONG_CHAIN


def test_attack_53_other_sender_other_content(node: Anvil) -> None:
    chain, theirs = node.chain(), node.chain(secret=OTHER_SECRET)
    sent = theirs.publish(CLAIM)
    assert theirs.state(sent, CLAIM).standing is Standing.CONFIRMED
    stolen = replace(sent, sender=chain.sender)
    assert chain.state(stolen, CLAIM).standing is Standing.OTHER_SENDER
    assert chain.state(sent, larger(CLAIM)).standing is Standing.OTHER_CONTENT


def test_attack_53_reverted_in_a_block(queueing: Anvil) -> None:
    """Two anchors of the same size wait; both were fine when estimated; one can win."""
    queueing.ask("evm_setAutomine", True)
    chain = queueing.chain(Mode.CONTRACT)
    queueing.ask("evm_setAutomine", False)
    first = chain.publish(CLAIM)
    second = chain.publish(replace(CLAIM, root=bytes([1]) * 32))
    assert chain.state(first, CLAIM).standing is Standing.PENDING
    queueing.ask("anvil_mine", "0x1")
    assert chain.state(first, CLAIM).standing is Standing.CONFIRMED
    lost = chain.state(second, replace(CLAIM, root=bytes([1]) * 32))
    assert lost.standing is Standing.REVERTED
    assert chain.root_at(CLAIM.log_id, CLAIM.size) == CLAIM.root


def test_attack_56_the_contract_refuses(node: Anvil) -> None:
    chain = node.chain(Mode.CONTRACT)
    chain.publish(CLAIM)
    for claim in (CLAIM, replace(CLAIM, root=bytes([1]) * 32), larger(CLAIM, -1)):
        with pytest.raises(ChainRefusedError, match="size must grow"):
            chain.publish(claim)
    theirs = node.chain(Mode.CONTRACT, secret=OTHER_SECRET, contract=chain.contract)
    with pytest.raises(ChainRefusedError, match="only the owner anchors"):
        theirs.publish(larger(CLAIM))
    assert theirs.head_size(CLAIM.log_id) == CLAIM.size


def test_an_empty_account(node: Anvil) -> None:
    poor = open_evm(node.config(), bytes([77]) * 32)
    with pytest.raises(ChainRefusedError, match="cannot pay"):
        poor.publish(CLAIM)


def test_attack_57_the_number_was_taken_while_we_signed(node: Anvil) -> None:
    rival = node.chain()
    late = through(
        node, Before(node.url, "eth_sendRawTransaction", lambda: rival.publish(larger(CLAIM)))
    )
    with pytest.raises(NonceClashError):
        late.publish(CLAIM)
    sent = late.publish(CLAIM)  # again at once: the next number
    assert late.state(sent, CLAIM).standing is Standing.CONFIRMED


def test_attack_57_the_number_was_taken_by_one_that_waits(queueing: Anvil) -> None:
    rival = queueing.chain()
    late = through(
        queueing,
        Before(queueing.url, "eth_sendRawTransaction", lambda: rival.publish(larger(CLAIM))),
    )
    with pytest.raises(NonceClashError):
        late.publish(CLAIM)
    sent = late.publish(CLAIM)
    queueing.ask("anvil_mine", "0x1")
    assert late.state(sent, CLAIM).standing is Standing.CONFIRMED


def test_a_waiting_transaction_is_replaced(queueing: Anvil) -> None:
    chain = queueing.chain()
    slow = chain.publish(CLAIM)
    assert chain.state(slow, CLAIM).standing is Standing.PENDING
    fast = chain.publish(CLAIM, replacing=slow)
    assert fast.tx != slow.tx
    queueing.ask("anvil_mine", "0x1")
    assert chain.state(fast, CLAIM).standing is Standing.CONFIRMED
    assert chain.state(slow, CLAIM).standing is Standing.NOT_ON_CHAIN


def test_the_same_bytes_again(queueing: Anvil) -> None:
    """The first answer is lost; the same nonce and content give the same transaction."""
    chain = queueing.chain()
    count = queueing.ask("eth_getTransactionCount", chain.sender, "pending")
    first = chain.publish(CLAIM)

    class Stale(Before):
        def ask(self, method: str, params: Sequence[Any]) -> Answer:
            if method == "eth_getTransactionCount":
                return {"jsonrpc": "2.0", "id": 1, "result": count}
            return super().ask(method, params)

    again = through(queueing, Stale(queueing.url, "", None)).publish(CLAIM)
    assert again.tx == first.tx
    queueing.ask("anvil_mine", "0x1")


WORKER = """
import json, sys
from dataclasses import asdict
from provenance.anchors.chain import Claim, Mode, NonceClashError
from provenance.anchors.config import ChainConfig
from provenance.anchors.evm import open_evm
url, chain_id, start, count = sys.argv[1:]
config = ChainConfig("bsc", "evm", url, chain_id, mode=Mode.CALLDATA, timeout_seconds=60)
chain, clashes, sent = open_evm(config, bytes([7]) * 32), 0, []
for size in range(int(start), int(start) + int(count)):
    while True:
        try:
            sent.append(asdict(chain.publish(Claim(bytes(range(32)), size, bytes([5]) * 32))))
            break
        except NonceClashError:
            clashes += 1
print(json.dumps([clashes, sent]))
"""


def test_attack_57_two_workers_in_two_processes() -> None:
    """Every anchor of both gets on chain, under different numbers of the one account."""
    with anvil("56") as node:
        chain = node.chain()
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER, node.url, node.chain_id, str(start), "15"],
                stdout=subprocess.PIPE,
            )
            for start in (1000, 2000)
        ]
        outputs = [json.loads(worker.communicate(timeout=300)[0]) for worker in workers]
        print("clashes:", [clashes for clashes, _ in outputs])
        numbers = set()
        for start, (_, sent) in zip((1000, 2000), outputs, strict=True):
            for size, record in enumerate(sent, start):
                claim = Claim(bytes(range(32)), size, bytes([5]) * 32)
                one = Sent(**record | {"mode": Mode(record["mode"])})
                assert asdict(one) == record
                assert chain.state(one, claim).standing is Standing.CONFIRMED
                numbers.add(node.ask("eth_getTransactionByHash", one.tx)["nonce"])
        assert len(numbers) == 30


def test_attack_50_the_node_dies_midway() -> None:
    with anvil("137") as node:
        before = node.chain()
        sent = before.publish(CLAIM)
        chain = through(node, Before(node.url, "eth_sendRawTransaction", node.kill))
        with pytest.raises(ChainUnavailableError, match="no connection"):
            chain.publish(larger(CLAIM))
        with pytest.raises(ChainUnavailableError, match="no connection"):
            before.state(sent, CLAIM)


def test_a_chain_from_before_eip_1559() -> None:
    with anvil("56", "--hardfork", "berlin") as node:
        chain = node.chain()
        sent = chain.publish(CLAIM)
        assert node.ask("eth_getTransactionByHash", sent.tx)["type"] == "0x0"
        assert chain.state(sent, CLAIM).standing is Standing.CONFIRMED


def test_the_contract_is_recognised(node: Anvil) -> None:
    chain = node.chain(Mode.CONTRACT)
    other = node.chain(Mode.CONTRACT, contract=chain.sender)
    with pytest.raises(ChainRefusedError, match="no ProvAnchor contract"):
        other.publish(CLAIM)
