"""`cairn anchor`: the log's head on chains that nobody here can rewrite."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from provenance.anchors.config import AnchorConfig
    from provenance.anchors.status import ChainStatus
    from provenance.keys import KeyStore
    from provenance.layout import Layout

anchor_app = typer.Typer(
    name="anchor",
    help="The log's signed head, written to chains that nobody here can rewrite.",
    no_args_is_help=False,
    rich_markup_mode=None,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@anchor_app.command()
def status(json: AsJson = False) -> None:
    """Say what is unanchored and since when, and what anchors cost. Asks no network."""
    from cairn.console import print_json, print_table
    from provenance.anchors.cost import estimate
    from provenance.anchors.status import chain_status
    from provenance.head import read_head

    layout, store, config = _here()
    head = read_head(layout, store).checkpoint
    states = [chain_status(layout, chain, head) for chain in config.chains]
    if json:
        values = []
        for chain, state in zip(config.chains, states, strict=True):
            gas, fee = estimate(chain, state.newest)
            next_one = {"estimated_gas": gas, "estimated_fee": None if fee is None else str(fee)}
            values.append(state.to_dict() | next_one)
        print_json({"log": head.origin, "entries": head.size, "chains": values})
        return
    if not states:
        print("no chain is configured: params.yaml, anchor.chains")
        return
    rows = [_row(chain, state) for chain, state in zip(config.chains, states, strict=True)]
    print_table(rows, f"log {head.origin}, {head.size} entries")
    for state in states:
        if behind := _behind(state):
            print(f"{state.chain}: {behind}")
        if error := state.to_dict()["error"]:
            print(f"{state.chain}: {error}")


@anchor_app.command()
def push(json: AsJson = False) -> None:
    """Anchor the head now, and follow up on what was sent before; 1 if a chain did not take it."""
    from cairn.console import print_json
    from provenance.anchors.chains import open_chain
    from provenance.anchors.outbox import Outbox
    from provenance.anchors.status import chain_status
    from provenance.head import read_head

    layout, store, config = _here()
    head = read_head(layout, store).checkpoint
    outbox = Outbox(
        layout,
        store,
        config,
        lambda chain: open_chain(chain, store, create=True),
        say=(lambda _: None) if json else print,
    )
    outbox.work(now=True)
    states = [chain_status(layout, chain, head) for chain in config.chains]
    if json:
        print_json([state.to_dict() for state in states])
    else:
        for state in states:
            where = f"{state.newest.progress.value}" if state.newest else "nothing sent yet"
            print(f"{state.chain}: {state.anchored} of {state.head} entries anchored, {where}")
        if not states:
            print("no chain is configured: params.yaml, anchor.chains")
    # Sent is enough here: final comes with time, and `verify` asks for it.
    raise typer.Exit(1 if any(state.tried.error for state in states) else 0)


@anchor_app.command()
def verify(json: AsJson = False) -> None:
    """Ask every chain for every anchor: 0 all there and final, 1 one is wrong, 2 not all known."""
    from cairn.console import print_json, print_table
    from provenance.anchors.answer import exit_code
    from provenance.anchors.audit import audit
    from provenance.anchors.chains import open_chain

    layout, store, config = _here()
    checks = audit(layout, store, config, lambda chain: open_chain(chain, store, create=False))
    if json:
        print_json({"ok": exit_code(checks) == 0, "anchors": [one.to_dict() for one in checks]})
        raise typer.Exit(exit_code(checks))
    rows = [
        {
            "chain": check.chain,
            "answer": check.answer.value,
            "reason": check.reason.value if check.reason else "",
            "message": check.message,
        }
        for check in checks
    ]
    if rows:
        print_table(rows, "anchors")
    else:
        print("no chain is configured, and nothing was anchored")
    for line in [line for check in checks if check.reason for line in check.evidence]:
        print(f"evidence  {line}")
    raise typer.Exit(exit_code(checks))


@anchor_app.command()
def deploy(chain: Annotated[str, typer.Argument(help="A name under anchor.chains.")]) -> None:
    """Deploy the anchor contract on a chain with an RPC, and print its address."""
    from dataclasses import replace

    from provenance.anchors.accounts import secret_of
    from provenance.anchors.chain import Mode
    from provenance.anchors.evm import deploy_contract
    from tasks.errors import InputError

    _, store, config = _here()
    wanted = next((one for one in config.chains if one.name == chain), None)
    if wanted is None or wanted.kind != "evm" or wanted.embedded:
        fit = [one.name for one in config.chains if one.kind == "evm" and not one.embedded]
        raise InputError(
            f"{chain!r}: a contract is deployed on an EVM chain with an rpc_url; params.yaml has "
            f"{', '.join(fit) or 'none'}"
        )
    secret = secret_of(wanted.kind, store, create=True)
    assert secret is not None, "made where there was none"  # noqa: S101
    address = deploy_contract(replace(wanted, mode=Mode.CONTRACT), secret)
    print(f"{address}\nwrite it into params.yaml: anchor.chains.{chain}.contract")


def _here() -> "tuple[Layout, KeyStore, AnchorConfig]":
    from provenance.keys import KeyStore, default_keys
    from provenance.layout import Layout
    from tasks.anchoring import anchor_config
    from tasks.params import load_params
    from tasks.workspace import Workspace

    workspace = Workspace.here()
    config = anchor_config(load_params(workspace.params_file).anchor)
    return Layout(workspace.provenance), KeyStore(default_keys()), config


def _row(chain: Any, state: "ChainStatus") -> dict[str, str]:
    """Narrow enough for 80 columns; what is long stands below the table or in the JSON."""
    from provenance.anchors.cost import estimate, in_coins

    newest, unit = state.newest, "gas" if chain.kind == "evm" else "units"
    gas, fee = estimate(chain, newest)
    where = f"\n{newest.progress.value}, block {newest.block}" if newest else ""
    return {
        "chain": state.chain,
        "anchored": f"{state.anchored} entries{where}",
        "behind": str(state.head - state.anchored),
        "spent": f"{state.gas} {unit}\n{in_coins(state.fee, chain)}",
        "next one": f"{gas} {unit}" + (f"\n{in_coins(fee, chain)}" if fee is not None else ""),
    }


def _behind(state: "ChainStatus") -> str:
    if state.anchored == state.head:
        return ""
    since = f", since {state.since}{_ago(state.since)}" if state.since else ""
    return f"unanchored are entries {state.anchored} to {state.head - 1}{since}"


def _ago(since: str) -> str:
    from datetime import UTC, datetime

    try:
        then = datetime.fromisoformat(since)
    except ValueError:
        return ""
    if then.tzinfo is None:
        return ""
    seconds = int((datetime.now(UTC) - then).total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f" ({seconds // length} {unit} ago)"
    return f" ({max(seconds, 0)} s ago)"
