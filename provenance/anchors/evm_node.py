"""A node of an EVM chain, spoken to through web3: the right chain, the right contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from provenance.anchors.chain import ChainRefusedError, ChainUnavailableError, WrongChainError
from provenance.anchors.contract import WORD, is_ours, view_call
from provenance.anchors.evm_fees import natural
from provenance.anchors.jsonrpc import Transport

if TYPE_CHECKING:
    from web3 import Web3


def connect(transport: Transport) -> Web3:
    """web3 on top of a transport."""
    from web3 import Web3
    from web3.providers.base import JSONBaseProvider
    from web3.types import RPCEndpoint, RPCResponse

    class Provider(JSONBaseProvider):
        def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
            plain = json.loads(self.encode_rpc_request(method, params))["params"]
            return transport.ask(method, plain)  # type: ignore[return-value]

    return Web3(Provider())


class EvmNode:
    """What is read from a node; nothing is kept of its answers but that a contract is ours.

    Args:
        name: of the chain, for messages.
        expected: chain id that the node must say, in decimal.
        make_web3: connects; called at first use, for importing web3 takes seconds.
    """

    def __init__(self, name: str, expected: str, make_web3: Callable[[], Web3]) -> None:
        self.name = name
        self.expected = expected
        self._make_web3 = make_web3
        self._web3: Web3 | None = None
        self._ours: set[str] = set()

    @property
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

    @property
    def eth(self) -> Any:
        """The node's eth_ methods. Any: web3's types are about what honest nodes answer."""
        return self.web3.eth

    def forget(self) -> None:
        """Connect anew at the next use."""
        self._web3 = None

    def chain_id(self) -> str:
        return str(natural(self.eth.chain_id))

    def require_chain(self) -> None:
        """Raise WrongChainError if the node serves another chain than the configured one."""
        found = self.chain_id()
        if found != self.expected:
            raise WrongChainError(
                f"{self.name}: the node serves chain {found}, {self.expected} is configured"
            )

    def require_contract(self, address: str) -> None:
        """Raise ChainRefusedError if something else than our contract is at an address.

        Looked at once: code at an address does not change (EIP-6780).
        """
        if address in self._ours:
            return
        if not is_ours(bytes(self.eth.get_code(address))):
            raise ChainRefusedError(
                f"{self.name}: no ProvAnchor contract at {address}; deploy one with "
                f"`cairn anchor deploy {self.name}`"
            )
        self._ours.add(address)

    def view(self, address: str, name: str, *arguments: bytes | int) -> bytes:
        """Read one word of the contract at an address."""
        self.require_contract(address)
        data = "0x" + view_call(name, *arguments).hex()
        word = bytes(self.eth.call({"to": address, "data": data}))
        if len(word) != WORD:
            raise ChainUnavailableError(f"{self.name}: {name} answered {len(word)} bytes, not 32")
        return word

    def transaction(self, name: str) -> Any:
        """A transaction as the node tells it; None if it knows none of that name."""
        from web3.exceptions import TransactionNotFound

        try:
            return self.eth.get_transaction(name)
        except TransactionNotFound:
            return None

    def receipt(self, name: str) -> Any:
        """What became of a transaction; None while it is in no block."""
        from web3.exceptions import TransactionNotFound

        try:
            return self.eth.get_transaction_receipt(name)
        except TransactionNotFound:
            return None
