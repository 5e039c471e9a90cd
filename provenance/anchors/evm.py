"""Ethereum, Polygon, BSC: one adapter, told apart by the chain id.

Nothing is asked of a node when a chain is opened. At each use the node must say that it serves the
chain that is configured: the same URL may serve another one tomorrow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from provenance.anchors.chain import ChainRefusedError, Claim, Cost, Found, Mode, Sent, Standing
from provenance.anchors.config import ChainConfig
from provenance.anchors.evm_content import Letter, judge, letter
from provenance.anchors.evm_fees import TYPICAL_GAS, currency, price_now
from provenance.anchors.evm_finality import locate
from provenance.anchors.evm_node import EvmNode, connect
from provenance.anchors.evm_send import deploy, hand_over, waiting
from provenance.anchors.jsonrpc import HttpTransport, guarded

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


class EvmChain:
    """See `provenance.anchors.chain.Chain`.

    Args:
        config: of the chain.
        secret: private key; None: read only.
        expected: chain id that the node must say, in decimal.
        make_web3: connects to the node; called at first use.
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
        self.node = EvmNode(config.name, expected, make_web3)
        self._account = None if secret is None else _account(secret)
        self.sender = "" if self._account is None else str(self._account.address)
        self.contract = _checksummed(config) if config.mode is Mode.CONTRACT else None

    def chain_id(self) -> str:
        with guarded(self.name):
            return self.node.chain_id()

    def publish(self, claim: Claim, replacing: Sent | None = None) -> Sent:
        """Sign and hand over; see `Chain.publish`.

        Args:
            claim: what to anchor.
            replacing: an earlier transaction that waits for too long: its place is taken, with a
                higher fee. Where it waits no more, this is a transaction like any other.
        """
        with guarded(self.name):
            self.node.require_chain()
            account, mode = self.account(), self.config.mode
            if self.contract is not None:
                self.node.require_contract(self.contract)
            content = letter(claim, mode, self.sender, self.contract)
            earlier = waiting(self.node, replacing, self.sender)
            tx = hand_over(self.node, account, content, self.config.gas_price_gwei, earlier)
            return Sent(self.node.expected, mode, tx, self.sender, self.contract)

    def state(self, sent: Sent, claim: Claim) -> Found:
        if sent.chain_id != self.node.expected:
            detail = f"anchored on chain {sent.chain_id}, {self.name} is {self.node.expected}"
            return Found(Standing.WRONG_CHAIN, detail=detail)
        if sent.mode is not self.config.mode or not _same(sent.contract, self.contract):
            place = sent.contract or f"mode {sent.mode.value}"
            return Found(
                Standing.OTHER_CONTENT,
                detail=f"anchored at {place}, not at {self.contract or self.config.mode.value}",
            )
        with guarded(self.name):
            self.node.require_chain()
            return self._look_up(sent, letter(claim, sent.mode, sent.sender, sent.contract))

    def head_size(self, log_id: bytes) -> int | None:
        word = self._view("head_size", log_id)
        return None if word is None else int.from_bytes(word, "big")

    def root_at(self, log_id: bytes, size: int) -> bytes | None:
        word = self._view("root_at", log_id, size)
        return word if word is not None and any(word) else None

    def estimate(self) -> Cost:
        with guarded(self.name):
            self.node.require_chain()
            gas = TYPICAL_GAS[self.config.mode]
            fee = gas * price_now(self.node.web3)
            return Cost(gas, fee, currency(self.node.expected), 18)

    def close(self) -> None:
        self.node.forget()

    def deploy(self, wait_seconds: float) -> str:
        """Deploy the contract; see `deploy_contract`."""
        with guarded(self.name):
            self.node.require_chain()
            return deploy(self.node, self.account(), self.config.gas_price_gwei, wait_seconds)

    def account(self) -> LocalAccount:
        """The account that signs.

        Raises:
            ChainRefusedError: the chain was opened without a key.
        """
        if self._account is None:
            raise ChainRefusedError(f"{self.name}: no key to anchor with, only reading is possible")
        return self._account

    def _look_up(self, sent: Sent, expected: Letter) -> Found:
        tx = self.node.transaction(sent.tx)
        if tx is None:
            return Found(
                Standing.NOT_ON_CHAIN, detail=f"{self.name} knows no transaction {sent.tx}"
            )
        wrong = judge(tx, sent, expected)
        if wrong is not None:
            return wrong
        if tx.get("blockNumber") is None:
            return Found(Standing.PENDING)
        return locate(self.node, sent.tx, self.config.confirmations, self.trusts_final_tag)

    def _view(self, name: str, *arguments: bytes | int) -> bytes | None:
        if self.config.mode is not Mode.CONTRACT:
            return None
        with guarded(self.name):
            self.node.require_chain()
            if self.contract is None:
                return bytes(32)  # an embedded chain before its first anchor
            return self.node.view(self.contract, name, *arguments)


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
