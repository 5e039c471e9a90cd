"""Sign a transaction and hand it to a node; wait for a deployment."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from provenance.anchors.chain import ChainRefusedError, ChainUnavailableError, Sent
from provenance.anchors.contract import load
from provenance.anchors.evm_content import Letter
from provenance.anchors.evm_errors import read
from provenance.anchors.evm_fees import fee_fields, gas_limit, natural, raised
from provenance.anchors.evm_node import EvmNode

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_PAUSE_SECONDS = 0.5


def hand_over(
    node: EvmNode,
    account: LocalAccount,
    content: Letter,
    expected_gwei: float | None,
    waiting: Any = None,
) -> str:
    """Sign and send.

    Args:
        node: of the right chain, which the signature is bound to.
        account: that pays.
        content: where to and what; without an address it is a deployment.
        expected_gwei: gas price that the configuration expects; None: any is paid.
        waiting: a transaction of the account to take the place of, as the node tells it.

    Returns:
        The transaction's hash, as signed here: not what the node says it is.

    Raises:
        NonceClashError, ChainRefusedError, ChainUnavailableError: see `evm_errors`.
    """
    fees = fee_fields(node.web3, expected_gwei)
    if waiting is None:
        nonce = natural(node.eth.get_transaction_count(account.address, "pending"))
    else:
        nonce, fees = natural(waiting["nonce"]), raised(fees, waiting)
    call = {"from": account.address, "value": 0, "data": "0x" + content.data.hex()}
    if content.to:
        call["to"] = content.to
    with read(node.name) as verdict:
        gas = gas_limit(node.eth.estimate_gas(call), deployment=not content.to)
        tx: Any = {"chainId": int(node.expected), "nonce": nonce, "value": 0, "gas": gas}
        tx |= {"to": content.to, "data": content.data, **fees}
        signed = account.sign_transaction(tx)
        verdict.name = str(signed.hash.to_0x_hex())
        node.eth.send_raw_transaction(signed.raw_transaction)
    return verdict.name


def waiting(node: EvmNode, replacing: Sent | None, sender: str) -> Any:
    """An earlier transaction as the node tells it, if it is the sender's and still in no block."""
    if replacing is None or replacing.chain_id != node.expected:
        return None
    tx = node.transaction(replacing.tx)
    if tx is None or str(tx["from"]).lower() != sender.lower():
        return None
    return tx if tx.get("blockNumber") is None else None


def deploy(
    node: EvmNode, account: LocalAccount, expected_gwei: float | None, wait_seconds: float
) -> str:
    """Deploy the anchor contract and wait until it is in a block; its address.

    Raises:
        ChainRefusedError: no funds, or it was reverted.
        ChainUnavailableError: no answer, or in no block in time.
    """
    tx = hand_over(node, account, Letter("", load().bytecode), expected_gwei)
    deadline = time.monotonic() + wait_seconds
    while (receipt := node.receipt(tx)) is None:
        if time.monotonic() > deadline:
            raise ChainUnavailableError(
                f"{node.name}: the contract's transaction {tx} is in no block after "
                f"{wait_seconds:g} s; look it up later: its contract address is the one to use"
            )
        time.sleep(_PAUSE_SECONDS)
    if receipt["status"] != 1 or receipt["contractAddress"] is None:
        raise ChainRefusedError(f"{node.name}: the deployment {tx} was reverted")
    address = str(receipt["contractAddress"])
    node.require_contract(address)
    return address
