"""`cairn anchor`: what people and scripts are told."""

import json

import pytest
from typer.testing import CliRunner, Result

from cairn.anchor import anchor_app
from provenance import Log
from tasks.workspace import Workspace


@pytest.fixture
def here(
    bare_workspace: Workspace,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Workspace:
    """A log of five entries; Solana alone, which starts in milliseconds."""
    text = bare_workspace.params_file.read_text()
    start, end = text.index("    embedded-evm: "), text.index("    embedded-solana:")
    bare_workspace.params_file.write_text(text[:start] + text[end:])
    monkeypatch.setenv("CAIRN_ROOT", str(bare_workspace.root))
    monkeypatch.setenv("CAIRN_KEYS", str(tmp_path_factory.mktemp("keys")))
    monkeypatch.setenv("COLUMNS", "200")
    log = Log.open(bare_workspace.provenance)
    log.append_many(
        [{"kind": "run", "id": f"r{i}", "ts": f"2026-01-0{i + 1}T00:00:00Z"} for i in range(5)]
    )
    return bare_workspace


def call(*arguments: str) -> Result:
    return CliRunner().invoke(anchor_app, list(arguments))


def test_status_push_verify(here: Workspace) -> None:
    before = call("status")
    assert before.exit_code == 0, before.output
    assert "entries 0 to 4, since 2026-01-01T00:00:00Z (" in before.output
    assert call("verify").exit_code == 2, "nothing anchored is no pass"
    pushed = call("push")
    assert pushed.exit_code == 0, pushed.output
    assert "embedded-solana: 5 entries sent, transaction " in pushed.output
    assert "embedded-solana: final" in pushed.output
    again = call("push")
    assert again.output == "embedded-solana: 5 of 5 entries anchored, final\n"
    checked = call("verify")
    assert checked.exit_code == 0, checked.output
    Log.open(here.provenance).append({"kind": "run", "id": "new", "ts": "2026-02-01T00:00:00Z"})
    after = call("status")
    assert "entries 5 to 5, since 2026-02-01T00:00:00Z (" in after.output
    # Solana's base fee of one signature is 5000 lamports (solana.com/docs/core/fees).
    assert "0.000005 SOL" in after.output


def test_status_fits_a_terminal_of_80_columns(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    call("push")
    Log.open(here.provenance).append({"kind": "run", "id": "new", "ts": "2026-02-01T00:00:00Z"})
    lines = call("status").output.splitlines()
    words = " ".join(" ".join(lines).split())
    for whole in ("embedded-solana 5 entries 1 567 units", "final, block 1 0.000005 SOL"):
        assert whole in words, lines


def test_the_same_as_json(here: Workspace) -> None:
    assert json.loads(call("status", "--json").output)["chains"][0] | {"error": ""} == {
        "chain": "embedded-solana",
        "anchored": 0,
        "entries": 5,
        "unanchored_from": 0,
        "unanchored_since": "2026-01-01T00:00:00Z",
        "state": None,
        "tx": None,
        "block": None,
        "confirmations": None,
        "anchors": 0,
        "gas_spent": 0,
        "fee_spent": "0",
        "error": "",
        "next_try": None,
        "estimated_gas": 1000,
        "estimated_fee": "5000",
    }
    (state,) = json.loads(call("push", "--json").output)
    assert (state["anchored"], state["state"], state["fee_spent"]) == (5, "final", "5000")
    verified = json.loads(call("verify", "--json").output)
    assert verified["ok"]
    assert verified["anchors"][0]["answer"] == "ok"


def test_attack_14_a_receipt_of_another_history_with_its_evidence(here: Workspace) -> None:
    assert call("push").exit_code == 0
    path = here.provenance / "anchors" / "embedded-solana-5.json"
    receipt = path.read_text()
    path.write_text(receipt.replace(json.loads(receipt)["root"], "07" * 32))
    refused = call("verify")
    assert refused.exit_code == 1
    assert "HISTORY_REWRITTEN" in refused.output
    assert f"root {'07' * 32} at 5 entries" in refused.output


def test_push_that_fails_says_so(here: Workspace) -> None:
    text = here.params_file.read_text()
    text = text.replace("rpc_url: null", "rpc_url: http://127.0.0.1:9")
    here.params_file.write_text(text.replace("chain_id: null ", "chain_id: '11111' "))
    failed = call("push")
    assert failed.exit_code == 1
    assert "next try after" in failed.output


def test_deploy_needs_a_chain_with_a_node(here: Workspace) -> None:
    failed = call("deploy", "embedded-solana")
    assert failed.exit_code == 1
    assert "an EVM chain with an rpc_url; params.yaml has none" in str(failed.exception)
