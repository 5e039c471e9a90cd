"""Solana: anchors in memos, over plain JSON-RPC.

The cluster is known by the hash of its genesis block and asked for it at each use. A transaction
counts as final at the commitment `finalized` (two thirds of the stake have rooted its block).
"""

import base64
from typing import Any

from provenance.anchors.chain import (
    ChainRefusedError,
    ChainUnavailableError,
    Claim,
    Cost,
    Found,
    Mode,
    Sent,
    Standing,
    WrongChainError,
)
from provenance.anchors.config import ChainConfig
from provenance.anchors.jsonrpc import HttpTransport, Transport, guarded
from provenance.anchors.solana_content import address, judge, sign
from provenance.anchors.solana_errors import is_replay, refuse

# Lamports for one signature; a memo needs nothing else.
FEE = 5_000

# Compute units of a memo with one signer, measured on LiteSVM.
TYPICAL_UNITS = 570

_LARGEST_NUMBER = 2**63


def open_solana(config: ChainConfig, secret: bytes | None) -> "SolanaChain":
    """A cluster behind a node; asks it nothing yet.

    Args:
        config: of kind "solana", with an RPC; its `chain_id` is the genesis hash, base58.
        secret: Ed25519 seed, 32 bytes; None: the chain can be read only.

    Raises:
        ChainRefusedError: the configuration does not fit.
    """
    if not config.chain_id:
        raise ChainRefusedError(
            f"chain {config.name}: chain_id must be the cluster's genesis hash (`getGenesisHash`)"
        )
    transport = HttpTransport(config.name, config.url(), config.timeout_seconds)
    return SolanaChain(config, secret, config.chain_id, transport)


class SolanaChain:
    """See `provenance.anchors.chain.Chain`.

    Args:
        config: of the chain.
        secret: Ed25519 seed; None: read only.
        expected: genesis hash that the node must say.
        transport: to the node.
    """

    def __init__(
        self, config: ChainConfig, secret: bytes | None, expected: str, transport: Transport
    ) -> None:
        self.name = config.name
        self._secret = secret
        self._expected = expected
        self._transport = transport
        self.sender = ""
        if secret is not None:
            with guarded(self.name):
                self.sender = address(secret)

    def chain_id(self) -> str:
        with guarded(self.name):
            return self._text(self._ask("getGenesisHash"))

    def publish(self, claim: Claim, replacing: Sent | None = None) -> Sent:  # noqa: ARG002
        # Nothing to replace: there are no numbers in a row, and what waits for too long is dropped.
        with guarded(self.name):
            if self._secret is None:
                raise ChainRefusedError(
                    f"{self.name}: no key to anchor with, only reading is possible"
                )
            self._require_chain()
            recent = self._ask("getLatestBlockhash", {"commitment": "confirmed"})["value"]
            last = self._natural(recent["lastValidBlockHeight"])
            signed = sign(self._secret, claim, self._text(recent["blockhash"]))
            options = {"encoding": "base64", "preflightCommitment": "confirmed"}
            answer = self._transport.ask(
                "sendTransaction", [base64.b64encode(signed.raw).decode(), options]
            )
            error = answer.get("error")
            if error is not None and not is_replay(error):
                refuse(self.name, "sendTransaction", error)
            if error is None and answer["result"] != signed.name:
                raise ChainUnavailableError(f"{self.name}: the node took another transaction")
            return Sent(self._expected, Mode.MEMO, signed.name, self.sender, valid_until=last)

    def state(self, sent: Sent, claim: Claim) -> Found:
        if sent.chain_id != self._expected:
            detail = f"anchored on cluster {sent.chain_id}, {self.name} is {self._expected}"
            return Found(Standing.WRONG_CHAIN, detail=detail)
        if sent.mode is not Mode.MEMO or sent.contract is not None:
            return Found(Standing.OTHER_CONTENT, detail=f"mode {sent.mode.value} is not memo")
        with guarded(self.name):
            self._require_chain()
            # First the height: what is unseen afterwards cannot have landed before it.
            height = self._natural(self._ask("getBlockHeight", {"commitment": "finalized"}))
            for commitment, standing in (
                ("finalized", Standing.FINAL),
                ("confirmed", Standing.CONFIRMED),
            ):
                found = self._find(sent.tx, commitment)
                if found is not None:
                    return self._judge(found, sent, claim, standing)
            if sent.valid_until is not None and height <= sent.valid_until:
                return Found(Standing.PENDING, detail="not seen, and it can still land")
            return Found(
                Standing.NOT_ON_CHAIN, detail=f"{self.name} knows no transaction {sent.tx}"
            )

    def head_size(self, log_id: bytes) -> int | None:  # noqa: ARG002
        return None

    def root_at(self, log_id: bytes, size: int) -> bytes | None:  # noqa: ARG002
        return None

    def estimate(self) -> Cost:
        return Cost(TYPICAL_UNITS, FEE, "SOL", 9)

    def close(self) -> None:
        """Nothing is held: each request has its own connection."""

    def _require_chain(self) -> None:
        found = self._ask("getGenesisHash")
        if found != self._expected:
            raise WrongChainError(
                f"{self.name}: the node serves cluster {str(found)[:60]}, {self._expected} is "
                "configured"
            )

    def _find(self, name: str, commitment: str) -> dict[str, Any] | None:
        options = {
            "encoding": "base64",
            "commitment": commitment,
            "maxSupportedTransactionVersion": 0,
        }
        found = self._ask("getTransaction", name, options)
        if found is not None and not isinstance(found, dict):
            raise ChainUnavailableError(f"{self.name}: getTransaction answered no transaction")
        return found

    def _judge(self, found: dict[str, Any], sent: Sent, claim: Claim, standing: Standing) -> Found:
        encoded, encoding = found["transaction"]
        if encoding != "base64":
            raise ChainUnavailableError(f"{self.name}: asked for base64, got {str(encoding)[:20]}")
        wrong = judge(base64.b64decode(encoded, validate=True), sent, claim)
        if wrong is not None:
            return wrong
        slot, meta = self._natural(found["slot"]), found["meta"]
        failed = meta["err"]
        top = self._natural(self._ask("getSlot", {"commitment": "confirmed"}))
        return Found(
            Standing.REVERTED if failed is not None else standing,
            block=slot,
            block_hash=self._block_hash(slot),
            block_time=self._optional(found.get("blockTime")),
            confirmations=max(top - slot, 0),
            gas=self._optional(meta.get("computeUnitsConsumed")),
            fee=self._natural(meta["fee"]),
            detail="" if failed is None else f"it failed: {str(failed)[:120]}",
        )

    def _block_hash(self, slot: int) -> str | None:
        """Of the block in a slot; None where the node keeps no blocks."""
        options = {
            "transactionDetails": "none",
            "rewards": False,
            "commitment": "confirmed",
            "maxSupportedTransactionVersion": 0,
        }
        answer = self._transport.ask("getBlock", [slot, options])
        block = answer.get("result")
        return self._text(block["blockhash"]) if isinstance(block, dict) else None

    def _ask(self, method: str, *params: Any) -> Any:
        answer = self._transport.ask(method, params)
        error = answer.get("error")
        if error is not None:
            refuse(self.name, method, error)
        return answer["result"]

    def _optional(self, value: object) -> int | None:
        return None if value is None else self._natural(value)

    def _natural(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            value = -1
        if not 0 <= value < _LARGEST_NUMBER:
            raise ChainUnavailableError(f"{self.name}: an answer holds no number where one belongs")
        return value

    def _text(self, value: object) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= 100:
            raise ChainUnavailableError(f"{self.name}: an answer holds no text where one belongs")
        return value
