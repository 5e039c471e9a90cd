"""Which chains are anchored on, and how: plain data, handed to the worker process as JSON.

The values come from params.yaml (section `anchor`), which this library does not read.
"""

import json
import os
import re
from dataclasses import asdict, dataclass
from typing import Literal

import orjson

from provenance.anchors.chain import ChainRefusedError, Mode

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class ChainConfig:
    """One chain.

    Args:
        name: "ethereum", "polygon", "bsc", "solana", "embedded-evm", ...: in file names too.
        kind: which adapter.
        rpc_url: where a node answers; "$NAME" reads the environment variable NAME (addresses of
            providers often hold a password); None is the embedded chain.
        chain_id: EVM chain id in decimal, or Solana's genesis hash; None for an embedded chain.
        mode: contract or calldata for EVM, memo for Solana.
        contract: its address in contract mode; None for an embedded chain, which makes its own.
        senders: accounts whose anchors count; empty: only the account of the key in the store.
        confirmations: blocks on top that make a block final, where the node does not say itself.
        gas_price_gwei: EVM, for the estimate in `cairn anchor status`; None: ask the chain.
        timeout_seconds: of each call.
        resend_seconds: how long a transaction may stay unseen before it is sent again.
        min_interval_seconds: least time between two anchors.
        min_new_entries: least number of entries since the last anchor.
    """

    name: str
    kind: Literal["evm", "solana"]
    rpc_url: str | None = None
    chain_id: str | None = None
    mode: Mode = Mode.CONTRACT
    contract: str | None = None
    senders: tuple[str, ...] = ()
    confirmations: int = 0
    gas_price_gwei: float | None = None
    timeout_seconds: float = 10.0
    resend_seconds: float = 120.0
    min_interval_seconds: float = 0.0
    min_new_entries: int = 1

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ChainRefusedError(
                f"chain name {self.name!r}: lower-case letters, digits and dashes are allowed"
            )
        if (self.mode is Mode.MEMO) != (self.kind == "solana"):
            raise ChainRefusedError(
                f"chain {self.name}: mode {self.mode.value} does not fit kind {self.kind}; solana "
                "takes memo, evm takes contract or calldata"
            )
        if self.rpc_url is not None and self.chain_id is None:
            raise ChainRefusedError(
                f"chain {self.name}: give its chain_id beside the rpc_url, so that a wrong node is "
                "noticed"
            )

    @property
    def embedded(self) -> bool:
        """Whether the chain lives in the key store instead of a network."""
        return self.rpc_url is None

    def url(self) -> str:
        """Where the node answers.

        Raises:
            ChainRefusedError: the environment variable is not set, or the chain is embedded.
        """
        if self.rpc_url is None:
            raise ChainRefusedError(f"chain {self.name} is embedded: it has no RPC")
        if not self.rpc_url.startswith("$"):
            return self.rpc_url
        found = os.environ.get(self.rpc_url[1:])
        if not found:
            raise ChainRefusedError(
                f"chain {self.name}: set {self.rpc_url[1:]} to the URL of a node"
            )
        return found


@dataclass(frozen=True)
class AnchorConfig:
    """All chains, and the manners of the worker.

    Args:
        chains: to anchor on.
        poll_seconds: pause between two looks at a transaction, and first wait after a failure.
        follow_seconds: how long the worker stays until all anchors are final.
    """

    chains: tuple[ChainConfig, ...] = (
        ChainConfig("embedded-evm", "evm"),
        ChainConfig("embedded-solana", "solana", mode=Mode.MEMO),
    )
    poll_seconds: float = 15.0
    follow_seconds: float = 0.0

    def __post_init__(self) -> None:
        names = [chain.name for chain in self.chains]
        if len(set(names)) < len(names):
            raise ChainRefusedError(f"two chains have the same name: {', '.join(names)}")

    def to_json(self) -> str:
        """For the worker process."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "AnchorConfig":
        """What `to_json` wrote.

        Raises:
            ChainRefusedError: it is something else.
        """
        try:
            value = orjson.loads(text)
            chains = tuple(
                ChainConfig(
                    **chain | {"mode": Mode(chain["mode"]), "senders": tuple(chain["senders"])}
                )
                for chain in value.pop("chains")
            )
            return cls(chains, **value)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ChainRefusedError(f"no configuration of anchors: {error}") from error
