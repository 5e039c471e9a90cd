"""An Ethereum in this process: no network, no account, no money (eth-tester on py-evm).

The same adapter runs here and against a node. What differs: the chain lives in a ledger of signed
transactions and is executed again when opened, to the same block hashes; every transaction gets
its own block at once; the account is funded, and the contract deployed, as soon as they are needed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from provenance.anchors.chain import (
    ChainError,
    ChainRefusedError,
    ChainUnavailableError,
    Claim,
    Mode,
    Sent,
)
from provenance.anchors.config import ChainConfig
from provenance.anchors.evm import EMBEDDED_CHAIN_ID, EvmChain
from provenance.anchors.jsonrpc import guarded
from provenance.anchors.ledger import Ledger

if TYPE_CHECKING:
    from web3 import Web3

_ETHER = 10**18

# The richest of eth-tester's own accounts: its key is the number 1, and known to everybody.
_FAUCET = (1).to_bytes(32, "big")


def new_genesis() -> dict[str, Any]:
    """The first line of a new ledger: with it, the blocks of a replay get the same hashes."""
    return {"chain": "evm", "timestamp": int(time.time())}


def open_embedded_evm(config: ChainConfig, secret: bytes | None, ledger: Ledger) -> EmbeddedEvm:
    """The chain that a ledger holds; executes it at first use.

    Args:
        config: of kind "evm", without an RPC.
        secret: private key, 32 bytes of secp256k1; None: the chain can be read only.
        ledger: open; closed with the chain.

    Raises:
        ChainRefusedError: the configuration does not fit.
    """
    if config.chain_id not in (None, EMBEDDED_CHAIN_ID):
        raise ChainRefusedError(
            f"chain {config.name}: an embedded chain is always {EMBEDDED_CHAIN_ID}, not "
            f"{config.chain_id}; leave chain_id out, or give an rpc_url"
        )
    return EmbeddedEvm(config, secret, ledger)


class EmbeddedEvm(EvmChain):
    """See `EvmChain`; the blocks are made here."""

    # eth-tester calls its newest block finalized: that would say nothing.
    trusts_final_tag = False

    def __init__(self, config: ChainConfig, secret: bytes | None, ledger: Ledger) -> None:
        super().__init__(config, secret, EMBEDDED_CHAIN_ID, self._open)
        self._ledger = ledger
        if self.contract is None and config.mode is Mode.CONTRACT:
            self.contract = self._deployed()

    def publish(self, claim: Claim, replacing: Sent | None = None) -> Sent:
        with guarded(self.name):
            self._prepare()
        return super().publish(claim, replacing)

    def close(self) -> None:
        super().close()
        self._ledger.close()

    def _deployed(self) -> str | None:
        """The newest contract of this account; of any, where there is no key."""
        found = None
        for record in self._ledger.records:
            if "contract" in record and (not self.sender or record["owner"] == self.sender):
                found = str(record["contract"])
        return found

    def _prepare(self) -> None:
        """Fund the account and deploy its contract, where that is still to be done."""
        account, eth = self.account(), self.node.eth
        if eth.get_balance(account.address) < _ETHER:
            from eth_account import Account

            faucet = Account.from_key(_FAUCET)
            price = 2 * int(eth.get_block("latest")["baseFeePerGas"]) + 10**9
            gift: Any = {
                "chainId": int(EMBEDDED_CHAIN_ID),
                "nonce": eth.get_transaction_count(faucet.address),
                "to": account.address,
                "value": 100 * _ETHER,
                "gas": 21_000,
                "maxFeePerGas": price,
                "maxPriorityFeePerGas": 10**9,
            }
            eth.send_raw_transaction(faucet.sign_transaction(gift).raw_transaction)
        if self.config.mode is Mode.CONTRACT and self.contract is None:
            self.deploy(wait_seconds=0.0)
            self.contract = self._deployed()

    def _open(self) -> Web3:
        """Execute the ledger."""
        from web3 import EthereumTesterProvider, Web3
        from web3.types import RPCEndpoint, RPCResponse

        tester = _tester(self._ledger.genesis)
        for number, record in enumerate(self._ledger.records, start=1):
            _replay(tester, number, record)
        embedded = self

        class Provider(EthereumTesterProvider):
            def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
                if method != "eth_sendRawTransaction":
                    return super().make_request(method, params)
                now = _next_time(tester)
                tester.backend.stand_at(now)
                answer = super().make_request(method, params)
                if answer.get("error") is None:
                    embedded._keep(tester, bytes.fromhex(str(params[0])[2:]), now)
                return answer

        return Web3(Provider(tester))

    def _keep(self, tester: Any, raw: bytes, now: int) -> None:
        """Write down what was just executed; what cannot be written did not happen."""
        block = tester.get_block_by_number("latest")
        record: dict[str, Any] = {
            "raw": raw.hex(),
            "timestamp": now,
            "block_hash": block["hash"],
        }
        receipt = tester.get_transaction_receipt(block["transactions"][0])
        if receipt["contract_address"]:
            record |= {"contract": receipt["contract_address"], "owner": receipt["from"]}
        try:
            self._ledger.append(record)
        except ChainError:
            self.node.forget()
            raise


def _tester(genesis: Mapping[str, Any]) -> Any:
    """eth-tester whose blocks depend on nothing but the transactions and their time."""
    from eth_tester import EthereumTester, PyEVMBackend

    class Backend(PyEVMBackend):
        def stand_at(self, timestamp: int) -> None:
            """Give the block that is being filled its time."""
            self.chain.header = self.chain.header.copy(timestamp=timestamp)

        def mine_blocks(self, num_blocks: int = 1, coinbase: bytes = bytes(20)) -> Any:
            # The original draws prevrandao at random: the block would get another hash each time.
            return tuple(
                self.chain.mine_block(coinbase=coinbase, mix_hash=bytes(32), blob_gas_used=0).hash
                for _ in range(num_blocks)
            )

    overrides = {"timestamp": int(genesis["timestamp"])}
    return EthereumTester(Backend(genesis_parameters=Backend.generate_genesis_params(overrides)))


def _next_time(tester: Any) -> int:
    """Now, or a second after the last block where the clock went backwards."""
    return max(int(time.time()), int(tester.get_block_by_number("latest")["timestamp"]) + 1)


def _replay(tester: Any, number: int, record: Mapping[str, Any]) -> None:
    changed = f"the embedded ledger was changed at record {number}"
    try:
        tester.backend.stand_at(int(record["timestamp"]))
        tester.backend.send_raw_transaction(bytes.fromhex(record["raw"]))
        found = tester.backend.mine_blocks()[0].hex()
    except Exception as error:
        raise ChainUnavailableError(f"{changed}: {type(error).__name__}") from error
    if "0x" + found != record["block_hash"]:
        raise ChainUnavailableError(f"{changed}: its block is another one now")
