"""What a claim looks like in an EVM transaction, and whether a transaction holds it.

A node's word about a transaction is not taken: its fields are put together again, must hash to the
transaction's name, and the signature must be the sender's. So a node can keep silent or lie about
the block, but not about who anchored what (EIP-155, EIP-1559, EIP-2718).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provenance.anchors.chain import ChainUnavailableError, Claim, Found, Mode, Sent, Standing
from provenance.anchors.contract import anchor_call
from provenance.anchors.evm_fees import natural

MAGIC = b"PROVLOG\x01"

_DYNAMIC_FEE = 2


@dataclass(frozen=True)
class Letter:
    """Where a claim is sent and what is in it.

    Args:
        to: address, with checksum.
        data: of the transaction.
    """

    to: str
    data: bytes


def letter(claim: Claim, mode: Mode, sender: str, contract: str | None) -> Letter:
    """How a claim is written: to the contract, or as bare data to the sender itself."""
    if mode is Mode.CONTRACT and contract is not None:
        return Letter(contract, anchor_call(claim))
    return Letter(sender, MAGIC + claim.log_id + claim.size.to_bytes(8, "big") + claim.root)


def judge(tx: Mapping[str, Any], sent: Sent, expected: Letter) -> Found | None:
    """What is wrong with a transaction; None if it is the one that was sent, from its sender.

    Raises:
        ChainUnavailableError: the node told of another transaction than it was asked for.
    """
    if str(tx["from"]).lower() != sent.sender.lower():
        return Found(Standing.OTHER_SENDER, detail=f"from {tx['from']}, not {sent.sender}")
    if str(tx["to"]).lower() != expected.to.lower():
        return Found(Standing.OTHER_CONTENT, detail=f"to {tx['to']}, not {expected.to}")
    if bytes(tx["input"]) != expected.data:
        return Found(Standing.OTHER_CONTENT, detail="its data is not this head of this log")
    raw = _raw(tx, int(sent.chain_id))
    if raw is None:
        return Found(
            Standing.OTHER_CONTENT, detail=f"its type {tx.get('type')} is none that we send"
        )
    if _signer(raw, sent.tx).lower() != sent.sender.lower():
        return Found(Standing.OTHER_SENDER, detail=f"not signed by {sent.sender}")
    return None


def _raw(tx: Mapping[str, Any], chain_id: int) -> bytes | None:
    """The signed bytes of a transaction, from its fields; None for a type that we never send."""
    import rlp

    to, data = bytes.fromhex(str(tx["to"])[2:]), bytes(tx["input"])
    signature = [_number(tx["r"]), _number(tx["s"])]
    kind = natural(tx.get("type", 0))
    if kind == _DYNAMIC_FEE and not tx.get("accessList"):
        fees = [natural(tx["maxPriorityFeePerGas"]), natural(tx["maxFeePerGas"])]
        head = [chain_id, natural(tx["nonce"]), *fees, natural(tx["gas"])]
        parity = next(tx[name] for name in ("yParity", "y_parity", "v") if name in tx)
        fields = [*head, to, natural(tx["value"]), data, [], _number(parity), *signature]
        return bytes([kind]) + bytes(rlp.encode(fields))
    if kind == 0:
        head = [natural(tx["nonce"]), natural(tx["gasPrice"]), natural(tx["gas"])]
        v = _number(tx["v"])
        if v not in (35 + 2 * chain_id, 36 + 2 * chain_id):
            return None  # signed for another chain, or for all of them
        return bytes(rlp.encode([*head, to, natural(tx["value"]), data, v, *signature]))
    return None


def _signer(raw: bytes, name: str) -> str:
    from eth_account import Account
    from eth_utils.crypto import keccak
    from hexbytes import HexBytes

    if "0x" + keccak(raw).hex() != name.lower():
        raise ChainUnavailableError(f"the node told of another transaction than {name}")
    return str(Account.recover_transaction(HexBytes(raw)))


def _number(value: object) -> int:
    """r, s and v come as numbers, bytes or hex, as the node and the library like."""
    if isinstance(value, bytes):
        return int.from_bytes(value, "big")
    if isinstance(value, str):
        return int(value, 16)
    return natural(value)
