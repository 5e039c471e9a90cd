"""`cairn approve`: say yes to a released model, or to a changed policy, under one's own key."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from provenance import Log
    from tasks.workspace import Workspace


def approve(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="A model, or MODEL/VERSION.")
    ] = None,
    policy: Annotated[
        bool, typer.Option("--policy", help="Put policy.yaml, as it is now, in force.")
    ] = False,
) -> None:
    """Approve a released model with your key, or put a changed policy.yaml in force."""
    from provenance import Log
    from tasks.environment import prepare
    from tasks.errors import InputError
    from tasks.workspace import Workspace

    if (model is None) == (not policy):
        raise InputError("give a model to approve, or --policy")
    prepare()
    workspace = Workspace.here()
    log = Log.open(workspace.provenance, create=False)
    if model is None:
        _policy(log, workspace)
    else:
        _model(log, workspace, model)


def _policy(log: "Log", workspace: "Workspace") -> None:
    from tasks.errors import InputError
    from tasks.verification.policy import FILE, logged_policy, record_policy

    entry = record_policy(log, workspace)
    if entry is None:
        raise InputError(f"there is no {FILE} in {workspace.root}: write one first")
    print(f"policy {logged_policy(entry)} is in force since entry {entry.seq}")


def _model(log: "Log", workspace: "Workspace", wanted: str) -> None:
    from provenance.checks import Category
    from provenance.keys import KeyStore
    from provenance.releases import Release
    from provenance.statements import release_entry
    from tasks.errors import InputError
    from tasks.verification import Asked, verify_target
    from tasks.verification.approval import approve as log_approval
    from tasks.verification.policy import policy_digest
    from tasks.verification.release import named_release

    release: Release = named_release(log, wanted)
    # Nobody approves what is not what it says it is.
    name = f"{release.model}/{release.version}"
    report = verify_target(workspace, Asked(model=release.model, wanted=name))
    report.require(Category.INTEGRITY, Category.AUTHENTICITY, Category.LINEAGE)
    if not (workspace.root / "policy.yaml").exists():
        raise InputError("an approval is given under a policy: write policy.yaml first")
    digest = policy_digest(workspace)
    first = KeyStore(log.keys).own() is None
    entry = log_approval(log, release, release_entry(log, release), digest)
    print(f"{name} approved under policy {digest[:8]}... by entry {entry.seq}")
    if first:
        print("give the others your new keys, so that they can trust them: cairn keys export")
