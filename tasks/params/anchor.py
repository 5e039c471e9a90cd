"""The `anchor:` section of params.yaml: on which chains the log's head is anchored."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tasks.params.base import Section

ChainName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
"""Names the chain's receipts too: .provenance/anchors/NAME-SIZE.json."""

Seconds = Annotated[float, Field(ge=0.0, le=7 * 86400.0)]


class ChainParams(Section):
    """One chain and how claims are written to it."""

    kind: Literal["evm", "solana"]
    rpc_url: str | None
    """Of a node; "$NAME" reads the environment variable NAME; null is the embedded chain."""
    chain_id: str | int | None
    """EVM chain id, or Solana's genesis hash; null for an embedded chain."""
    mode: Literal["contract", "calldata", "memo"]
    contract: str | None
    """Address in contract mode; null for the embedded chain, which makes its own."""
    senders: list[str]
    """Accounts whose anchors count; [] for the account of the key store alone."""
    confirmations: Annotated[int, Field(ge=0, le=100_000)]
    """Blocks on top that make an anchor final, where the node does not say itself what is final."""
    gas_price_gwei: Annotated[float, Field(gt=0.0)] | None
    """EVM: price to reckon with; null for no estimate."""
    min_new_entries: Annotated[int, Field(ge=1)]
    min_interval_seconds: Seconds

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.kind == "solana") != (self.mode == "memo"):
            raise ValueError(
                f"mode {self.mode} does not fit kind {self.kind}: solana takes memo, evm takes "
                "contract or calldata"
            )
        if self.rpc_url is not None and self.chain_id is None:
            raise ValueError("chain_id must be given beside rpc_url: a wrong node is noticed by it")
        return self


class AnchorParams(Section):
    """When and where the log's head is anchored; no stage's result depends on it."""

    enabled: bool
    poll_seconds: Annotated[float, Field(gt=0.0, le=3600.0)]
    """Between two looks at a transaction; the first wait after a failure, doubled each time."""
    follow_seconds: Seconds
    """How long the process in the background stays until all anchors are final."""
    timeout_seconds: Annotated[float, Field(gt=0.0, le=300.0)]
    """Of each call to a node."""
    resend_seconds: Annotated[float, Field(gt=0.0, le=7 * 86400.0)]
    """How long a transaction may stay out of every block before it is sent again."""
    chains: dict[ChainName, ChainParams]
