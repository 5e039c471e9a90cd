"""An Ethereum in this process: no network, no account, no money (eth-tester on py-evm).

The same adapter runs here and against a node. What differs: the chain lives in a ledger of signed
transactions and is executed again when opened, to the same block hashes; every transaction gets
its own block at once; the account is funded, and the contract deployed, as soon as they are needed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from provenance.anchors.chain import ChainRefusedError, Claim, Mode, Sent
from provenance.anchors.config import ChainConfig
from provenance.anchors.evm import EMBEDDED_CHAIN_ID, EvmChain
from provenance.anchors.evm_cache import StateCache
from provenance.anchors.evm_tester import make_tester, next_time, replay
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
        self._cache = StateCache(ledger.path.with_suffix(".state"), ledger.genesis)
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
            if "contract" in record and (not self.sender or record.get("owner") == self.sender):
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
        """Execute the ledger, as far as that was not done before."""
        from web3 import EthereumTesterProvider, Web3
        from web3.types import RPCEndpoint, RPCResponse

        tester = self._executed()
        embedded = self

        class Provider(EthereumTesterProvider):
            def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
                if method != "eth_sendRawTransaction":
                    return super().make_request(method, params)
                now = next_time(tester)
                tester.backend.stand_at(now)
                answer = super().make_request(method, params)
                if answer.get("error") is None:
                    embedded._keep(tester, bytes.fromhex(str(params[0])[2:]), now)
                return answer

        return Web3(Provider(tester))

    def _executed(self) -> Any:
        records = self._ledger.records
        tester = make_tester(self._ledger.genesis)
        done, store = self._cache.load(records)
        if done and not tester.backend.restore(store, records[done - 1]["block_hash"]):
            self._cache.discard()
            done = 0
        for number, record in enumerate(records[done:], start=done + 1):
            replay(tester, number, record)
        if done < len(records):
            self._cache.save(records, tester.backend.store())
        return tester

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
        except BaseException:
            self.node.forget()
            raise
        self._cache.save(self._ledger.records, tester.backend.store())
