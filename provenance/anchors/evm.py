"""Ethereum, Polygon, BSC: one adapter, told apart by the chain id.

Nothing is asked of a node when a chain is opened. At each use the node must say that it serves the
chain that is configured: the same URL may serve another one tomorrow.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
from provenance.anchors.contract import is_ours, load, view_call
from provenance.anchors.evm_content import Letter, judge, letter
from provenance.anchors.evm_errors import read
from provenance.anchors.evm_fees import (
    TYPICAL_GAS,
    currency,
    fee_fields,
    gas_limit,
    natural,
    price_now,
    raised,
)
from provenance.anchors.evm_finality import locate
from provenance.anchors.jsonrpc import HttpTransport, Transport, guarded

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3 import Web3

# eth-tester's fixed id. No network has it, so only the embedded chain may.
EMBEDDED_CHAIN_ID = "131277322940537"

_ADDRESS_DIGITS = 40


def open_evm(config: ChainConfig, secret: bytes | None) -> EvmChain:
    """A chain behind a node; asks it nothing yet.

    Args:
        config: of kind "evm", with an RPC.
        secret: private key, 32 bytes of secp256k1; None: the chain can be read only.

    Raises:
        ChainRefusedError: the configuration does not fit.
    """
    chain_id = _known_chain(config)
    if config.mode is Mode.CONTRACT and config.contract is None:
        raise ChainRefusedError(
            f"chain {config.name}: no contract is configured; `cairn anchor deploy {config.name}` "
            "deploys one, or set mode: calldata"
        )
    transport = HttpTransport(config.name, config.url(), config.timeout_seconds)
    return EvmChain(config, secret, chain_id, lambda: connect(transport))


def deploy_contract(config: ChainConfig, secret: bytes, wait_seconds: float = 180.0) -> str:
    """Deploy the anchor contract, owned by the key's account, and wait until it stands.

    Args:
        config: of the chain; its `contract` is not looked at.
        secret: private key, 32 bytes of secp256k1.
        wait_seconds: how long to wait for the block.

    Returns:
        The contract's address, for `contract` in the configuration.

    Raises:
        ChainRefusedError: no funds, or the chain refused.
        ChainUnavailableError: no answer, or in no block yet; the message names the transaction.
    """
    chain_id = _known_chain(config)
    transport = HttpTransport(config.name, config.url(), config.timeout_seconds)
    return EvmChain(config, secret, chain_id, lambda: connect(transport)).deploy(wait_seconds)


def _known_chain(config: ChainConfig) -> str:
    chain_id = config.chain_id or ""
    if not chain_id.isdecimal() or chain_id == EMBEDDED_CHAIN_ID:
        raise ChainRefusedError(
            f"chain {config.name}: chain_id {chain_id!r} is none of a network; decimal, such as "
            "'1' (Ethereum), '137' (Polygon), '56' (BSC)"
        )
    return chain_id


def connect(transport: Transport) -> Web3:
    """web3 on top of a transport."""
    import json

    from web3 import Web3
    from web3.providers.base import JSONBaseProvider
    from web3.types import RPCEndpoint, RPCResponse

    class Provider(JSONBaseProvider):
        def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
            plain = json.loads(self.encode_rpc_request(method, params))["params"]
            return transport.ask(method, plain)  # type: ignore[return-value]

    return Web3(Provider())


class EvmChain:
    """See `provenance.anchors.chain.Chain`.

    Args:
        config: of the chain.
        secret: private key; None: read only.
        expected: chain id that the node must say, in decimal.
        make_web3: connects; called at first use, for importing web3 takes seconds.
    """

    trusts_final_tag = True
    """Whether the node's `finalized` block means something."""

    def __init__(
        self,
        config: ChainConfig,
        secret: bytes | None,
        expected: str,
        make_web3: Callable[[], Web3],
    ) -> None:
        self.name = config.name
        self.config = config
        self._expected = expected
        self._make_web3 = make_web3
        self._web3: Web3 | None = None
        self._account = None if secret is None else _account(secret)
        self.sender = "" if self._account is None else str(self._account.address)
        self.contract = _checksummed(config) if config.mode is Mode.CONTRACT else None
        self._code_seen = False

    def chain_id(self) -> str:
        with guarded(self.name):
            return str(natural(self.web3().eth.chain_id))

    def publish(self, claim: Claim, replacing: Sent | None = None) -> Sent:
        """Sign and hand over; see `Chain.publish`.

        Args:
            claim: what to anchor.
            replacing: an earlier transaction that waits for too long: its place is taken, with a
                higher fee. Where it waits no more, this is a transaction like any other.
        """
        with guarded(self.name):
            self._require_chain()
            account = self._signing()
            self._require_contract()
            content = letter(claim, self.config.mode, self.sender, self.contract)
            tx = self._hand_over(account, content, self._waiting(replacing))
            return Sent(self._expected, self.config.mode, tx, self.sender, self.contract)

    def state(self, sent: Sent, claim: Claim) -> Found:
        if sent.chain_id != self._expected:
            detail = f"anchored on chain {sent.chain_id}, {self.name} is {self._expected}"
            return Found(Standing.WRONG_CHAIN, detail=detail)
        if sent.mode is not self.config.mode or not _same(sent.contract, self.contract):
            place = sent.contract or f"mode {sent.mode.value}"
            return Found(
                Standing.OTHER_CONTENT,
                detail=f"anchored at {place}, not at {self.contract or self.config.mode.value}",
            )
        with guarded(self.name):
            self._require_chain()
            return self._look_up(sent, letter(claim, sent.mode, sent.sender, sent.contract))

    def head_size(self, log_id: bytes) -> int | None:
        with guarded(self.name):
            word = self._view("head_size", log_id)
            return None if word is None else int.from_bytes(word, "big")

    def root_at(self, log_id: bytes, size: int) -> bytes | None:
        with guarded(self.name):
            word = self._view("root_at", log_id, size)
            return word if word is not None and any(word) else None

    def estimate(self) -> Cost:
        with guarded(self.name):
            self._require_chain()
            gas = TYPICAL_GAS[self.config.mode]
            return Cost(gas, gas * price_now(self.web3()), currency(self._expected), 18)

    def close(self) -> None:
        self._web3 = None

    def deploy(self, wait_seconds: float) -> str:
        """Deploy the contract; see `deploy_contract`."""
        from web3.exceptions import TransactionNotFound

        with guarded(self.name):
            self._require_chain()
            tx = self._hand_over(self._signing(), Letter("", load().bytecode), None)
            deadline = time.monotonic() + wait_seconds
            while True:
                try:
                    receipt = self.web3().eth.get_transaction_receipt(_hash(tx))
                    break
                except TransactionNotFound:
                    if time.monotonic() > deadline:
                        raise ChainUnavailableError(
                            f"{self.name}: the contract's transaction {tx} is in no block after "
                            f"{wait_seconds:g} s; its address will be its `contractAddress`"
                        ) from None
                    time.sleep(min(0.5, wait_seconds))
            if receipt["status"] != 1 or receipt["contractAddress"] is None:
                raise ChainRefusedError(f"{self.name}: the deployment {tx} was reverted")
            return str(receipt["contractAddress"])

    def web3(self) -> Web3:
        """Connected at first use."""
        if self._web3 is None:
            from web3.middleware import ExtraDataToPOAMiddleware

            web3 = self._make_web3()
            if "poa" not in web3.middleware_onion:
                # Blocks of BSC and Polygon carry more than 32 bytes of extraData.
                web3.middleware_onion.inject(ExtraDataToPOAMiddleware, name="poa", layer=0)
            self._web3 = web3
        return self._web3

    def _require_chain(self) -> None:
        found = str(natural(self.web3().eth.chain_id))
        if found != self._expected:
            raise WrongChainError(
                f"{self.name}: the node serves chain {found}, {self._expected} is configured"
            )

    def _require_contract(self) -> None:
        """Once: code at an address does not change (EIP-6780 leaves none to destroy itself)."""
        if self.contract is None or self._code_seen:
            return
        if not is_ours(bytes(self.web3().eth.get_code(_address(self.contract)))):
            raise ChainRefusedError(
                f"{self.name}: no ProvAnchor contract at {self.contract}; deploy one with "
                f"`cairn anchor deploy {self.name}`"
            )
        self._code_seen = True

    def _signing(self) -> LocalAccount:
        if self._account is None:
            raise ChainRefusedError(f"{self.name}: no key to anchor with, only reading is possible")
        return self._account

    def _waiting(self, replacing: Sent | None) -> Any:
        """That transaction as the node tells it, if it is ours and in no block yet."""
        from web3.exceptions import TransactionNotFound

        if replacing is None:
            return None
        try:
            tx = self.web3().eth.get_transaction(_hash(replacing.tx))
        except TransactionNotFound:
            return None
        ours = str(tx["from"]).lower() == self.sender.lower()
        return tx if ours and tx.get("blockNumber") is None else None

    def _hand_over(self, account: LocalAccount, content: Letter, waiting: Any) -> str:
        """Sign and send; the transaction's name."""
        eth = self.web3().eth
        fees = fee_fields(self.web3(), self.config.gas_price_gwei)
        if waiting is None:
            nonce = natural(eth.get_transaction_count(_address(self.sender), "pending"))
        else:
            nonce, fees = natural(waiting["nonce"]), raised(fees, waiting)
        tx: Any = {"chainId": int(self._expected), "nonce": nonce, "value": 0, **fees}
        tx |= {"to": content.to, "data": content.data}
        call = {"from": self.sender, "value": 0, "data": "0x" + content.data.hex()}
        if content.to:
            call["to"] = content.to
        with read(self.name) as verdict:
            estimate: Any = eth.estimate_gas(call)  # type: ignore[arg-type]
            tx["gas"] = gas_limit(estimate) if content.to else 2 * natural(estimate)
            signed = account.sign_transaction(tx)
            verdict.name = str(signed.hash.to_0x_hex())
            eth.send_raw_transaction(signed.raw_transaction)
        return verdict.name

    def _look_up(self, sent: Sent, expected: Letter) -> Found:
        from web3.exceptions import TransactionNotFound

        try:
            tx = self.web3().eth.get_transaction(_hash(sent.tx))
        except TransactionNotFound:
            return Found(
                Standing.NOT_ON_CHAIN, detail=f"{self.name} knows no transaction {sent.tx}"
            )
        wrong = judge(tx, sent, expected)
        if wrong is not None:
            return wrong
        if tx.get("blockNumber") is None:
            return Found(Standing.PENDING)
        return locate(self.web3(), sent.tx, self.config.confirmations, self.trusts_final_tag)

    def _view(self, name: str, *arguments: bytes | int) -> bytes | None:
        if self.config.mode is not Mode.CONTRACT:
            return None
        self._require_chain()
        if self.contract is None:
            return bytes(32)
        self._require_contract()
        call: Any = {"to": self.contract, "data": "0x" + view_call(name, *arguments).hex()}
        word = bytes(self.web3().eth.call(call))
        if len(word) != 32:
            raise ChainUnavailableError(f"{self.name}: {name} answered {len(word)} bytes, not 32")
        return word


def _account(secret: bytes) -> LocalAccount:
    from eth_account import Account

    account: LocalAccount = Account.from_key(secret)
    return account


def _checksummed(config: ChainConfig) -> str | None:
    if config.contract is None:
        return None
    digits = config.contract.removeprefix("0x")
    if len(digits) != _ADDRESS_DIGITS or not all(c in "0123456789abcdefABCDEF" for c in digits):
        raise ChainRefusedError(
            f"chain {config.name}: contract {config.contract!r} is no address (0x, 40 hex digits)"
        )
    from eth_utils.address import to_checksum_address

    return str(to_checksum_address("0x" + digits))


def _same(one: str | None, other: str | None) -> bool:
    return (one or "").lower() == (other or "").lower()


def _address(text: str) -> Any:
    return text


def _hash(text: str) -> Any:
    return text
