"""The EVM adapter and nodes that answer as scripts say: refusals, fees, lies."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.anchors.chain import (
    ChainError,
    ChainRefusedError,
    ChainUnavailableError,
    Cost,
    Found,
    Mode,
    NonceClashError,
    Sent,
    Standing,
)
from provenance.anchors.config import ChainConfig
from provenance.anchors.evm import EvmChain
from provenance.anchors.evm_embedded import new_genesis, open_embedded_evm
from provenance.anchors.evm_fees import currency
from provenance.anchors.evm_node import connect
from provenance.anchors.jsonrpc import Answer, Transport
from provenance.anchors.ledger import Ledger

from .nodes import CLAIM, SECRET, Lying, Scripted, evm_node

CONFIG = ChainConfig("ethereum", "evm", "http://127.0.0.1:1", "1", mode=Mode.CALLDATA)


def chain_on(node: Transport, **changes: Any) -> EvmChain:
    config = replace(CONFIG, **changes)
    return EvmChain(config, SECRET, config.chain_id or "", lambda: connect(node))


def failing(message: str, code: int = -32000, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


def decoded(raw: str) -> dict[str, Any]:
    from eth_account.typed_transactions import TypedTransaction
    from hexbytes import HexBytes

    return dict(TypedTransaction.from_bytes(HexBytes(raw)).as_dict())


def test_a_transaction_is_bound_to_the_chain_and_pays_eip_1559_fees() -> None:
    node = evm_node()
    sent = chain_on(node).publish(CLAIM)
    tx = decoded(node.sent())
    assert (tx["chainId"], tx["nonce"], tx["value"]) == (1, 5, 0)
    assert tx["maxPriorityFeePerGas"] == 10**8
    assert tx["maxFeePerGas"] == 2 * 10**9 + 10**8
    assert bytes(tx["data"])[:8] == b"PROVLOG\x01"
    assert sent.sender == chain_on(node).sender
    # Not what the node says its name is: what was signed.
    from eth_utils.crypto import keccak

    assert sent.tx == "0x" + keccak(hexstr=node.sent()).hex()
    assert ("eth_getTransactionCount", [sent.sender, "pending"]) in node.asked


def test_a_chain_without_base_fee_gets_a_gas_price() -> None:
    from eth_account import Account

    block = {"number": "0x10", "hash": "0x" + "11" * 32, "timestamp": "0x1", "transactions": []}
    node = evm_node(eth_getBlockByNumber=block, eth_chainId="0x38")
    sent = chain_on(node, chain_id="56").publish(CLAIM)
    raw = bytes.fromhex(node.sent()[2:])
    assert raw[0] >= 0xC0  # an RLP list: a legacy transaction (EIP-2718)
    assert Account.recover_transaction(raw) == sent.sender
    assert (2 * 10**9).to_bytes(4, "big") in raw


def test_extra_data_of_proof_of_authority_blocks() -> None:
    """BSC and Polygon; web3 alone raises ExtraDataLengthError."""
    block = evm_node().answers["eth_getBlockByNumber"] | {"extraData": "0x" + "00" * 97}
    node = evm_node(eth_getBlockByNumber=block, eth_chainId="0x89")
    chain = chain_on(node, chain_id="137")
    chain.publish(CLAIM)
    chain.publish(CLAIM)  # nothing is injected twice


@pytest.mark.parametrize("message", ["already known", "ALREADY_EXISTS: already known"])
def test_the_same_transaction_again_is_no_error(message: str) -> None:
    node = evm_node(eth_sendRawTransaction=failing(message))
    assert chain_on(node).publish(CLAIM).tx.startswith("0x")


@pytest.mark.parametrize(
    "message",
    [
        "nonce too low",  # geth, anvil
        "nonce too low: next nonce 6, tx nonce 5",
        "replacement transaction underpriced",
        "INTERNAL_ERROR: nonce too low",  # erigon
    ],
)
def test_attack_57_another_worker_was_first(message: str) -> None:
    node = evm_node(eth_sendRawTransaction=failing(message))
    with pytest.raises(NonceClashError, match="another transaction of this account was first"):
        chain_on(node).publish(CLAIM)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("eth_sendRawTransaction", "insufficient funds for gas * price + value"),
        ("eth_sendRawTransaction", "Insufficient funds for gas * price + value"),  # anvil
        ("eth_estimateGas", "insufficient funds for transfer"),
    ],
)
def test_an_empty_account(method: str, message: str) -> None:
    with pytest.raises(ChainRefusedError, match=r"cannot pay.*send it funds"):
        chain_on(evm_node(**{method: failing(message)})).publish(CLAIM)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("eth_sendRawTransaction", failing("transaction underpriced")),
        ("eth_sendRawTransaction", failing("max fee per gas less than block base fee")),
        ("eth_sendRawTransaction", failing("txpool is full")),
        ("eth_sendRawTransaction", failing("", code=-32002)),
        ("eth_sendRawTransaction", {"error": {}}),
        ("eth_sendRawTransaction", {"error": {"code": "x", "message": None}}),
        ("eth_estimateGas", failing("header not found")),
        ("eth_estimateGas", None),
        ("eth_estimateGas", "0x"),
        ("eth_getTransactionCount", None),
        ("eth_getTransactionCount", "many"),
        ("eth_chainId", []),
        ("eth_chainId", None),
        ("eth_getBlockByNumber", None),
        ("eth_getBlockByNumber", "0x1"),
        ("eth_getBlockByNumber", {"baseFeePerGas": "much"}),
        ("eth_maxPriorityFeePerGas", {}),
    ],
)
def test_attack_50_what_may_pass_is_tried_later(method: str, answer: Any) -> None:
    with pytest.raises(ChainUnavailableError):
        chain_on(evm_node(**{method: answer})).publish(CLAIM)


def test_a_contract_that_reverts_is_quoted() -> None:
    data = (
        "0x08c379a0"  # Error(string), Solidity ABI specification
        + (32).to_bytes(32, "big").hex()
        + (14).to_bytes(32, "big").hex()
        + b"size must grow".ljust(32, b"\0").hex()
    )
    reverted = failing("execution reverted: size must grow", code=3, data=data)
    chain = chain_on(
        evm_node(eth_estimateGas=reverted), mode=Mode.CONTRACT, contract="0x" + "12" * 20
    )
    with pytest.raises(ChainRefusedError, match="size must grow"):
        chain.publish(CLAIM)


@pytest.mark.parametrize(("expected", "asked"), [(1.0, 11), (0.05, 1)])
def test_a_node_cannot_ask_any_price(expected: float, asked: int) -> None:
    block = evm_node().answers["eth_getBlockByNumber"] | {"baseFeePerGas": hex(asked * 10**9)}
    node = evm_node(eth_getBlockByNumber=block)
    with pytest.raises(ChainRefusedError, match="more than 10 times"):
        chain_on(node, gas_price_gwei=expected).publish(CLAIM)
    assert not [method for method, _ in node.asked if method == "eth_sendRawTransaction"]
    chain_on(node).publish(CLAIM)  # nothing expected: any price is paid


def test_a_node_cannot_ask_any_gas() -> None:
    node = evm_node(eth_estimateGas=hex(30_000_000))
    with pytest.raises(ChainRefusedError, match="30000000 gas"):
        chain_on(node).publish(CLAIM)


def test_a_transaction_that_waits_is_replaced_with_a_higher_fee() -> None:
    chain = chain_on(evm_node())
    waiting = {
        "hash": "0x" + "33" * 32,
        "from": chain.sender,
        "nonce": "0x3",
        "blockNumber": None,
        "maxFeePerGas": hex(4 * 10**9),
        "maxPriorityFeePerGas": hex(10**9),
    }
    earlier = Sent("1", Mode.CALLDATA, "0x" + "33" * 32, chain.sender)
    node = evm_node(eth_getTransactionByHash=waiting)
    chain_on(node).publish(CLAIM, replacing=earlier)
    tx = decoded(node.sent())
    assert tx["nonce"] == 3
    assert tx["maxFeePerGas"] * 100 >= 4 * 10**9 * 110  # geth: --txpool.pricebump 10
    assert tx["maxPriorityFeePerGas"] * 100 >= 10**9 * 110


@pytest.mark.parametrize("change", [{"blockNumber": "0x1"}, {"from": "0x" + "12" * 20}, None])
def test_nothing_is_replaced_that_is_in_a_block_or_not_ours(change: dict[str, str] | None) -> None:
    chain = chain_on(evm_node())
    waiting = {
        "hash": "0x" + "33" * 32,
        "from": chain.sender,
        "nonce": "0x3",
        "blockNumber": None,
        "maxFeePerGas": hex(4 * 10**9),
        "maxPriorityFeePerGas": hex(10**9),
    }
    node = evm_node(eth_getTransactionByHash=None if change is None else waiting | change)
    chain_on(node).publish(
        CLAIM, replacing=Sent("1", Mode.CALLDATA, "0x" + "33" * 32, chain.sender)
    )
    assert decoded(node.sent())["nonce"] == 5


@pytest.mark.parametrize(
    ("chain_id", "name"), [("1", "ETH"), ("137", "POL"), ("56", "BNB"), ("31337", "ETH")]
)
def test_currencies(chain_id: str, name: str) -> None:
    assert currency(chain_id) == name


class Recorded:
    """An honest node of chain 1 that holds one anchor: answers taken from the embedded chain.

    Its transaction is signed for chain 1, so it is put together here, not taken from there.
    """

    def __init__(self) -> None:
        node = evm_node()
        self.sent = chain_on(node).publish(CLAIM)
        self.tx = {
            "hash": self.sent.tx,
            "blockHash": "0x" + "44" * 32,
            "blockNumber": "0x20",
            "transactionIndex": "0x0",
            "type": "0x2",
            **_fields(node.sent(), self.sent.sender),
        }
        receipt = {
            "transactionHash": self.sent.tx,
            "blockHash": "0x" + "44" * 32,
            "blockNumber": "0x20",
            "status": "0x1",
            "gasUsed": hex(23_990),
            "effectiveGasPrice": hex(10**9),
            "logs": [],
        }
        self.answers = {
            "eth_getTransactionByHash": self.tx,
            "eth_getTransactionReceipt": receipt,
            "eth_blockNumber": "0x24",
            "eth_getBlockByNumber": self._block,
        }

    def _block(self, number: str, _full: bool) -> dict[str, Any]:
        return {
            "number": "0x20" if number in ("0x20", "finalized") else "0x24",
            "hash": "0x" + "44" * 32,
            "timestamp": "0x6553f100",
            "transactions": [self.sent.tx],
        }

    def state(self, lie: Callable[[str, Any], Any] | None = None, **changes: Any) -> Found:
        node: Transport = evm_node(**self.answers | changes)
        if lie is not None:
            node = Lying(node, lie)
        return chain_on(node, confirmations=3).state(self.sent, CLAIM)


def _fields(raw: str, sender: str) -> dict[str, Any]:
    tx = decoded(raw)
    return {
        "from": sender,
        "to": "0x" + bytes(tx["to"]).hex(),
        "input": "0x" + bytes(tx["data"]).hex(),
        "accessList": [],
        "yParity": hex(tx["v"]),
        "v": hex(tx["v"]),
        "r": hex(tx["r"]),
        "s": hex(tx["s"]),
        **{
            name: hex(tx[name])
            for name in (
                "chainId", "nonce", "gas", "value", "maxFeePerGas", "maxPriorityFeePerGas",
            )
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    return Recorded()


def test_an_honest_node(recorded: Recorded) -> None:
    found = recorded.state()
    assert found.standing is Standing.FINAL
    assert (found.block, found.confirmations, found.gas) == (32, 4, 23_990)
    assert found.fee == 23_990 * 10**9
    assert found.block_hash == "0x" + "44" * 32


@pytest.mark.parametrize(
    ("field", "value", "standing"),
    [
        ("input", "0x", Standing.OTHER_CONTENT),
        ("to", "0x" + "12" * 20, Standing.OTHER_CONTENT),
        ("from", "0x" + "12" * 20, Standing.OTHER_SENDER),
        ("type", "0x1", Standing.OTHER_CONTENT),
        ("blockNumber", None, Standing.PENDING),
    ],
)
def test_attack_53_what_a_transaction_says(
    recorded: Recorded, field: str, value: Any, standing: Standing
) -> None:
    tx = recorded.tx | {field: value}
    assert recorded.state(eth_getTransactionByHash=tx).standing is standing


@pytest.mark.parametrize("field", ["nonce", "gas", "maxFeePerGas", "r", "s", "value"])
def test_a_node_that_lies_about_a_transaction_is_noticed(recorded: Recorded, field: str) -> None:
    """Its fields hash to its name, or it is another transaction."""
    tx = recorded.tx | {field: hex(int(recorded.tx[field], 16) + 1)}
    with pytest.raises(ChainUnavailableError, match="another transaction"):
        recorded.state(eth_getTransactionByHash=tx)


def test_attack_53_content_and_sender_right_but_signed_by_another(recorded: Recorded) -> None:
    """The node says it is from us; the signature says otherwise."""
    node = evm_node()
    other = EvmChain(CONFIG, bytes([9]) * 32, "1", lambda: connect(node))
    mine = chain_on(evm_node())
    # They sign a transfer to our account with our content, and a node claims that we sent it.
    from provenance.anchors.evm_content import letter
    from provenance.anchors.evm_send import hand_over

    content = letter(CLAIM, Mode.CALLDATA, mine.sender, None)
    name = hand_over(other.node, other.account(), content, None)
    tx = recorded.tx | _fields(node.sent(), mine.sender) | {"hash": name}
    forged = Scripted(**evm_node().answers | {"eth_getTransactionByHash": tx})
    found = chain_on(forged).state(Sent("1", Mode.CALLDATA, name, mine.sender), CLAIM)
    assert found.standing is Standing.OTHER_SENDER
    assert "not signed by" in found.detail


@pytest.mark.parametrize(
    ("change", "standing"),
    [
        ({"status": "0x0"}, Standing.REVERTED),
        ({"status": None}, Standing.REVERTED),
        ({"blockHash": "0x" + "55" * 32}, Standing.NOT_ON_CHAIN),
    ],
)
def test_attack_51_and_53_what_a_receipt_says(
    recorded: Recorded, change: dict[str, Any], standing: Standing
) -> None:
    receipt = recorded.answers["eth_getTransactionReceipt"] | change  # type: ignore[operator]
    assert recorded.state(eth_getTransactionReceipt=receipt).standing is standing


def test_attack_51_a_block_without_the_transaction(recorded: Recorded) -> None:
    def lie(method: str, result: Any) -> Any:
        return result | {"transactions": []} if method == "eth_getBlockByNumber" else result

    assert recorded.state(lie).standing is Standing.NOT_ON_CHAIN


def test_attack_51_a_block_that_is_gone(recorded: Recorded) -> None:
    assert recorded.state(eth_getBlockByNumber=None).standing is Standing.NOT_ON_CHAIN


def test_attack_51_unknown(recorded: Recorded) -> None:
    assert recorded.state(eth_getTransactionByHash=None).standing is Standing.NOT_ON_CHAIN


def test_a_receipt_that_is_not_there_yet(recorded: Recorded) -> None:
    assert recorded.state(eth_getTransactionReceipt=None).standing is Standing.PENDING


@pytest.mark.parametrize(
    "missing",
    [
        None,
        failing("Unknown block", -39001),  # geth before the first final block
        failing("finalized block not found"),  # bor
        failing("invalid argument 0: hex string without 0x prefix", -32602),  # before the Merge
    ],
)
@pytest.mark.parametrize(
    ("head", "standing"),
    [("0x20", Standing.CONFIRMED), ("0x22", Standing.CONFIRMED), ("0x23", Standing.FINAL)],
)
def test_attack_55_without_final_blocks_confirmations_count(
    recorded: Recorded, missing: Any, head: str, standing: Standing
) -> None:
    def block(number: str, full: bool) -> Any:
        return missing if number == "finalized" else recorded._block(number, full)

    found = recorded.state(eth_getBlockByNumber=block, eth_blockNumber=head)
    assert found.standing is standing


def test_attack_55_an_error_does_not_lower_what_final_means(recorded: Recorded) -> None:
    def block(number: str, full: bool) -> Any:
        limited = failing("limit exceeded", -32005)
        return limited if number == "finalized" else recorded._block(number, full)

    with pytest.raises(ChainUnavailableError, match="limit exceeded"):
        recorded.state(eth_getBlockByNumber=block, eth_blockNumber="0xffff")


def test_attack_55_a_final_block_before_ours(recorded: Recorded) -> None:
    def block(number: str, full: bool) -> Any:
        found = recorded._block(number, full)
        return found | {"number": "0x1f"} if number == "finalized" else found

    found = recorded.state(eth_getBlockByNumber=block, eth_blockNumber="0xffff")
    assert found.standing is Standing.CONFIRMED


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["0x", "0x1", "0x" + "00" * 32, "0x" + "11" * 20, "0x" + "f" * 70]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5)
            | st.sampled_from(
                ["hash", "number", "transactions", "from", "to", "input", "blockNumber", "status"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)


class Fuzzed:
    """An honest node, one of whose answers is replaced."""

    def __init__(self, honest: Scripted, method: str, answer: Answer) -> None:
        self._honest, self._method, self._answer = honest, method, answer

    def ask(self, method: str, params: Any) -> Answer:
        return self._answer if method == self._method else self._honest.ask(method, params)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_attack_50_any_json_is_an_answer_or_unavailable(recorded: Recorded, data: Any) -> None:
    node = evm_node(**recorded.answers, eth_call="0x" + "00" * 32, eth_gasPrice=hex(10**9))
    method = data.draw(st.sampled_from(sorted(node.answers)))
    strange = data.draw(JSON)
    answer = data.draw(st.sampled_from([{"result": strange}, {"error": {"code": strange}}]))
    if data.draw(st.booleans()) and isinstance(node.answers[method], dict):
        field = data.draw(st.sampled_from(sorted(node.answers[method])))
        answer = {"result": node.answers[method] | {field: strange}}
    contract = data.draw(st.sampled_from([None, "0x" + "12" * 20]))
    mode = Mode.CALLDATA if contract is None else Mode.CONTRACT
    chain = chain_on(Fuzzed(node, method, answer), mode=mode, contract=contract)
    sent = replace(recorded.sent, mode=mode, contract=contract)
    for use in (
        lambda: chain.publish(CLAIM),
        lambda: chain.publish(CLAIM, replacing=sent),
        lambda: chain.state(sent, CLAIM),
        lambda: chain.head_size(CLAIM.log_id),
        lambda: chain.root_at(CLAIM.log_id, 1),
        chain.estimate,
    ):
        with suppress(ChainError):
            said = use()
            assert said is None or isinstance(said, int | bytes | Sent | Found | Cost)
            if isinstance(said, Sent | Found):
                json.dumps(asdict(said))  # goes into a receipt


def test_the_embedded_chain_says_what_an_honest_node_says(tmp_path: Path) -> None:
    """The scripted node above is modelled on it: the same keys, or the script is a fiction."""
    ledger = Ledger.open(tmp_path / "evm.jsonl", new_genesis(), wait_seconds=5)
    chain = open_embedded_evm(ChainConfig("e", "evm", mode=Mode.CALLDATA), SECRET, ledger)
    sent = chain.publish(CLAIM)
    tx = chain.node.transaction(sent.tx)
    assert set(Recorded().tx) - {"yParity"} <= set(tx)
    chain.close()
