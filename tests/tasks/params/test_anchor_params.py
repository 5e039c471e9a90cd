"""The `anchor:` section: what it refuses, and what the provenance library gets of it."""

from pathlib import Path

import pytest

from provenance.anchors.chain import Mode
from tasks.anchoring import anchor_config
from tasks.errors import InputError
from tasks.params import parse_params

TEXT = (Path(__file__).parents[3] / "params.yaml").read_text(encoding="utf-8")


def changed(old: str, new: str) -> str:
    assert old in TEXT, f"{old!r} must stand in params.yaml"
    return TEXT.replace(old, new, 1)


def test_the_projects_own_chains_need_no_network_and_no_account() -> None:
    config = anchor_config(parse_params(TEXT).anchor)
    assert [(chain.name, chain.kind, chain.mode) for chain in config.chains] == [
        ("embedded-evm", "evm", Mode.CONTRACT),
        ("embedded-solana", "solana", Mode.MEMO),
    ]
    assert all(chain.embedded for chain in config.chains)


def test_a_real_chain() -> None:
    text = changed("    embedded-evm: ", "    polygon: ")
    text = text.replace("rpc_url: null", "rpc_url: $CAIRN_POLYGON_RPC", 1)
    text = text.replace("chain_id: null", "chain_id: 137", 1)
    chain = anchor_config(parse_params(text).anchor).chains[0]
    assert (chain.name, chain.chain_id, chain.rpc_url) == ("polygon", "137", "$CAIRN_POLYGON_RPC")
    assert chain.timeout_seconds == 10.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mode: contract ", "mode: memo ", "mode memo does not fit kind evm"),
        ("mode: memo", "mode: calldata", "mode calldata does not fit kind solana"),
        ("rpc_url: null", "rpc_url: http://x", "chain_id must be given beside rpc_url"),
        ("    embedded-evm: ", "    Embedded_EVM: ", r"anchor.chains.Embedded_EVM"),
        ("kind: evm ", "kind: bitcoin ", r"anchor.chains.embedded-evm.kind` is 'bitcoin'"),
        ("min_new_entries: 1 ", "min_new_entries: 0 ", "min_new_entries` is 0"),
        ("senders: []", "sender: []", "unknown key `anchor.chains.embedded-evm.sender`"),
        ("poll_seconds: 15.0", "poll_seconds: 0.0", "poll_seconds` is 0.0"),
    ],
)
def test_what_does_not_fit_is_named(old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_params(changed(old, new))
