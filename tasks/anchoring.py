"""Anchor the log's head after a run: in the background, so that no run waits for a chain."""

from provenance.anchors import AnchorConfig, ChainConfig, start_worker
from provenance.anchors.chain import Mode
from tasks.params.anchor import AnchorParams, ChainParams
from tasks.workspace import Workspace


def anchor_later(workspace: Workspace, params: AnchorParams) -> None:
    """Start the anchoring worker; returns at once and never raises."""
    if params.enabled:
        start_worker(workspace.provenance, anchor_config(params))


def anchor_config(params: AnchorParams) -> AnchorConfig:
    """The settings as the provenance library takes them."""
    return AnchorConfig(
        chains=tuple(_chain(name, chain, params) for name, chain in params.chains.items()),
        poll_seconds=params.poll_seconds,
        follow_seconds=params.follow_seconds,
    )


def _chain(name: str, chain: ChainParams, params: AnchorParams) -> ChainConfig:
    return ChainConfig(
        name=name,
        kind=chain.kind,
        rpc_url=chain.rpc_url,
        chain_id=None if chain.chain_id is None else str(chain.chain_id),
        mode=Mode(chain.mode),
        contract=chain.contract,
        senders=tuple(chain.senders),
        confirmations=chain.confirmations,
        gas_price_gwei=chain.gas_price_gwei,
        timeout_seconds=params.timeout_seconds,
        resend_seconds=params.resend_seconds,
        min_interval_seconds=chain.min_interval_seconds,
        min_new_entries=chain.min_new_entries,
    )
