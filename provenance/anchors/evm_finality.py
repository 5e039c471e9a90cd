"""In which block a transaction is, whether that block still counts, and whether it is final."""

from typing import Any

from provenance.anchors.chain import ChainUnavailableError, Found, Standing
from provenance.anchors.evm_fees import natural
from provenance.anchors.evm_node import EvmNode

# Invalid parameters and no such method (JSON-RPC), unknown block (geth).
_UNKNOWN_BLOCK = (-32602, -32601, -39001)


def locate(node: EvmNode, name: str, confirmations: int, trust_final_tag: bool) -> Found:
    """Where a transaction stands that a node says is in a block.

    Args:
        node: of the right chain.
        name: hash of the transaction, 0x and 64 hex digits.
        confirmations: blocks on top that make final, where the node has no `finalized` block.
        trust_final_tag: whether to ask for that block.
    """
    from web3.exceptions import BlockNotFound

    receipt = node.receipt(name)
    if receipt is None:
        return Found(Standing.PENDING, detail="the node has no receipt yet")
    number = natural(receipt["blockNumber"])
    try:
        block = node.eth.get_block(number)
    except BlockNotFound:
        return Found(Standing.NOT_ON_CHAIN, detail="its block was replaced")
    block_hash = _hash(receipt["blockHash"])
    if _hash(receipt["transactionHash"]) != name.lower():
        raise ChainUnavailableError(f"the node gave the receipt of another transaction than {name}")
    if _hash(block["hash"]) != block_hash or not any(
        _hash(tx) == name.lower() for tx in block["transactions"]
    ):
        return Found(Standing.NOT_ON_CHAIN, detail=f"block {number} was replaced")
    gas = natural(receipt["gasUsed"])
    price = receipt.get("effectiveGasPrice")
    on_top = max(natural(node.eth.block_number) - number, 0)
    status = receipt.get("status")
    if status != 1:
        standing, detail = Standing.REVERTED, f"it was reverted (status {status})"
    elif _is_final(node.eth, number, on_top, confirmations, trust_final_tag):
        standing, detail = Standing.FINAL, ""
    else:
        standing, detail = Standing.CONFIRMED, f"{on_top} blocks on top: not final"
    return Found(
        standing,
        block=number,
        block_hash=block_hash,
        block_time=natural(block["timestamp"]),
        confirmations=on_top,
        gas=gas,
        fee=None if price is None else gas * natural(price),
        detail=detail,
    )


def _is_final(eth: Any, number: int, on_top: int, confirmations: int, trust: bool) -> bool:
    if not trust:
        return on_top >= confirmations
    from web3.exceptions import BlockNotFound, Web3RPCError

    try:
        final = eth.get_block("finalized")
    except BlockNotFound:
        final = None
    except Web3RPCError as error:
        if not _has_no_finality(error.rpc_response):
            raise  # asked too often, say: that must not lower what final means
        final = None
    if final is None:
        # At least one, whatever is configured: the newest block is never final there.
        return on_top >= max(confirmations, 1)
    return natural(final["number"]) >= number


def _has_no_finality(answer: Any) -> bool:
    """Whether an error means that the node knows no `finalized` block, now or ever."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        return False
    if error.get("code") in _UNKNOWN_BLOCK:
        return True
    return any(known in str(error.get("message")).lower() for known in ("final", "unknown block"))


def _hash(value: object) -> str:
    """A 32-byte hash in lower-case hex, as the node gave it.

    Raises:
        ChainUnavailableError: it is none.
    """
    if not isinstance(value, bytes) or len(value) != 32:
        raise ChainUnavailableError(f"the node answered {str(value)[:60]!r} where a hash belongs")
    return "0x" + value.hex()
