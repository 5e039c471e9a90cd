"""A Solana in this process: no network, no account, no money (LiteSVM, from solders).

The adapter is the one that talks to nodes. Its requests are answered here, by the methods of the
JSON-RPC interface that it uses. Each transaction gets a slot of its own at once. LiteSVM derives
each blockhash from the one before, so a replay of the ledger takes the same signed transactions.
"""

import base64
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from blake3 import blake3

from provenance.anchors.chain import ChainRefusedError, ChainUnavailableError
from provenance.anchors.config import ChainConfig
from provenance.anchors.jsonrpc import Answer, guarded
from provenance.anchors.ledger import Ledger
from provenance.anchors.solana import SolanaChain

# What a fresh account gets, as from a test network's faucet: one SOL.
_GIFT = 10**9

# Blocks for which a transaction can land after its blockhash, as on the real clusters.
_LIFETIME = 150

_INVALID_PARAMS = -32602
_NO_METHOD = -32601
_FAILED = -32002


def new_genesis() -> dict[str, Any]:
    """The first line of a new ledger; the random part gives each ledger its own genesis hash."""
    return {"chain": "solana", "timestamp": int(time.time()), "random": secrets.token_hex(32)}


def open_embedded_solana(
    config: ChainConfig, secret: bytes | None, ledger: Ledger
) -> "EmbeddedSolana":
    """The chain that a ledger holds; executes it at first use.

    Args:
        config: of kind "solana", without an RPC.
        secret: Ed25519 seed, 32 bytes; None: the chain can be read only.
        ledger: open; closed with the chain.

    Raises:
        ChainRefusedError: the configuration names another cluster.
    """
    expected = genesis_hash(ledger.genesis)
    if config.chain_id not in (None, expected):
        raise ChainRefusedError(
            f"chain {config.name}: the embedded ledger is cluster {expected}, not "
            f"{config.chain_id}; leave chain_id out, or give an rpc_url"
        )
    return EmbeddedSolana(config, secret, ledger)


def genesis_hash(genesis: Mapping[str, Any]) -> str:
    """The name of the cluster that began with this line, base58."""
    from solders.hash import Hash

    text = f"{genesis.get('timestamp')} {genesis.get('random')}"
    return str(Hash(blake3(text.encode()).digest()))


class EmbeddedSolana(SolanaChain):
    """See `SolanaChain`; the blocks are made here."""

    def __init__(self, config: ChainConfig, secret: bytes | None, ledger: Ledger) -> None:
        self._ledger = ledger
        expected = genesis_hash(ledger.genesis)
        super().__init__(config, secret, expected, LocalCluster(ledger, config.confirmations))

    def close(self) -> None:
        self._ledger.close()


class LocalCluster:
    """LiteSVM behind the JSON-RPC methods that the adapter uses; a `Transport`.

    Args:
        ledger: what it executes at first use, and writes to.
        confirmations: slots on top that make a transaction finalized.
    """

    def __init__(self, ledger: Ledger, confirmations: int) -> None:
        self._ledger = ledger
        self._confirmations = confirmations
        self._svm: Any = None
        self._slot = 0
        self._landed: dict[str, dict[str, Any]] = {}

    def ask(self, method: str, params: Sequence[Any]) -> Answer:
        with guarded("the embedded cluster"):
            if self._svm is None:
                self._replay()
            answers: dict[str, Callable[..., Answer]] = {
                "getGenesisHash": self._get_genesis_hash,
                "getBlockHeight": self._get_slot,
                "getSlot": self._get_slot,
                "getLatestBlockhash": self._get_latest_blockhash,
                "sendTransaction": self._send_transaction,
                "getTransaction": self._get_transaction,
                "getBlock": self._get_block,
            }
            if method not in answers:
                return _error(_NO_METHOD, f"no method {method}")
            return answers[method](*params)

    def _replay(self) -> None:
        from solders.litesvm import LiteSVM

        self._svm, self._slot, self._landed = LiteSVM(), 0, {}
        for number, record in enumerate(self._ledger.records, start=1):
            changed = f"the embedded ledger was changed at record {number}"
            try:
                blockhash = str(self._svm.latest_blockhash())
                raw, timestamp = bytes.fromhex(record["raw"]), int(record["timestamp"])
                meta = self._execute(raw, timestamp)
            except BaseException as error:
                self._svm = None
                if isinstance(error, KeyboardInterrupt | SystemExit):
                    raise
                raise ChainUnavailableError(f"{changed}: {type(error).__name__}") from error
            if isinstance(meta, str) or blockhash != record["block_hash"]:
                self._svm = None
                raise ChainUnavailableError(f"{changed}: it is refused now")

    def _execute(self, raw: bytes, timestamp: int) -> dict[str, Any] | str:
        """Put a transaction into the next slot; what it took, or why it was refused."""
        from solders.transaction import VersionedTransaction
        from solders.transaction_metadata import TransactionMetadata

        tx = VersionedTransaction.from_bytes(raw)
        self._fund(tx.message.account_keys[0])
        blockhash = str(self._svm.latest_blockhash())
        done = self._svm.send_transaction(tx)
        if not isinstance(done, TransactionMetadata):
            return str(done.err()).rpartition(".")[2]
        self._slot += 1
        self._svm.warp_to_slot(self._slot)
        self._svm.expire_blockhash()
        landed = {
            "slot": self._slot,
            "blockTime": timestamp,
            "blockhash": blockhash,
            "transaction": [base64.b64encode(raw).decode(), "base64"],
            "meta": {
                "err": None,
                "fee": 5_000,
                "computeUnitsConsumed": done.compute_units_consumed(),
            },
        }
        self._landed[str(tx.signatures[0])] = landed
        return landed

    def _fund(self, payer: Any) -> None:
        from solders.account import Account
        from solders.system_program import ID

        # Straight into the account: LiteSVM signs its airdrops with a key drawn at random.
        if (self._svm.get_balance(payer) or 0) < _GIFT // 100:
            self._svm.set_account(
                payer, Account(lamports=_GIFT, data=b"", owner=ID, executable=False, rent_epoch=0)
            )

    def _get_genesis_hash(self) -> Answer:
        return {"result": genesis_hash(self._ledger.genesis)}

    def _get_slot(self, options: Mapping[str, Any]) -> Answer:
        return {"result": self._visible(options)}

    def _visible(self, options: Mapping[str, Any]) -> int:
        """The newest slot at a commitment."""
        final = options.get("commitment", "finalized") == "finalized"
        return max(self._slot - self._confirmations, 0) if final else self._slot

    def _get_latest_blockhash(self, options: Mapping[str, Any]) -> Answer:  # noqa: ARG002
        value = {
            "blockhash": str(self._svm.latest_blockhash()),
            "lastValidBlockHeight": self._slot + _LIFETIME,
        }
        return {"result": {"context": {"slot": self._slot}, "value": value}}

    def _send_transaction(self, encoded: str, options: Mapping[str, Any]) -> Answer:  # noqa: ARG002
        raw = base64.b64decode(encoded, validate=True)
        blockhash, timestamp = str(self._svm.latest_blockhash()), int(time.time())
        from solders.transaction import VersionedTransaction

        name = str(VersionedTransaction.from_bytes(raw).signatures[0])
        if name in self._landed:
            return _failed("AlreadyProcessed", "This transaction has already been processed")
        done = self._execute(raw, timestamp)
        if isinstance(done, str):
            return _failed(done, f"Transaction simulation failed: {done}")
        record = {"raw": raw.hex(), "timestamp": timestamp, "block_hash": blockhash}
        try:
            self._ledger.append(record)
        except ChainUnavailableError:
            self._svm = None  # what cannot be written did not happen
            raise
        return {"result": name}

    def _get_transaction(self, name: str, options: Mapping[str, Any]) -> Answer:
        landed = self._landed.get(name)
        if landed is None or landed["slot"] > self._visible(options):
            return {"result": None}
        return {"result": landed | {"version": "legacy"}}

    def _get_block(self, slot: int, options: Mapping[str, Any]) -> Answer:  # noqa: ARG002
        for landed in self._landed.values():
            if landed["slot"] == slot:
                block = {"blockhash": landed["blockhash"], "blockTime": landed["blockTime"]}
                return {"result": block}
        return _error(_INVALID_PARAMS, f"no block in slot {slot}")


def _error(code: int, message: str) -> Answer:
    return {"error": {"code": code, "message": message}}


def _failed(cause: str, message: str) -> Answer:
    return {"error": {"code": _FAILED, "message": message, "data": {"err": cause}}}
