"""`cairn keys`: the keys that sign the provenance log, and whom to trust."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

keys_app = typer.Typer(
    help="The keys that sign the provenance log, and whose signatures to trust.",
    no_args_is_help=False,
    rich_markup_mode=None,
)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@keys_app.command()
def show(
    json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show the own keys, those of others that are trusted, and which count no further."""
    from cairn.console import print_json, print_table

    store = _store()
    limits = _limits()
    identities = [*store.identities(), *store.retired()]
    rows = [
        {
            "name": one.name,
            "fingerprint": one.fingerprint,
            "keys": _kinds(one),
            "counts": f"up to {limits[one.fingerprint].until} entries"
            if one.fingerprint in limits
            else "no longer"
            if one.name == "own, former"
            else "yes",
        }
        for one in identities
    ]
    if json:
        print_json(
            {
                "folder": str(store.folder),
                "encrypted": bool(store.private_files()) and not _plain(store),
                "identities": rows,
            }
        )
    elif rows:
        print_table(rows, f"keys in {store.folder}")
        print(_of_private(store))
    elif store.private_file.exists():
        store.public_bundle()  # says what is missing
    else:
        print(f"no keys in {store.folder} yet: the first run makes them")


@keys_app.command()
def export(
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="One key alone, for other tools: ed25519, rsa or ec (P-256)."),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", help="Whose keys: a name that cairn keys show prints.")
    ] = "own",
) -> None:
    """Print the own public keys, for others to trust (cairn keys trust)."""
    from provenance.identity import public_pem
    from provenance.keyfiles import KINDS
    from tasks.errors import InputError

    if kind is not None and kind not in KINDS:
        raise InputError(f"--kind {kind}: one of {', '.join(KINDS)}")
    store = _store()
    if name == "own":
        store.public_bundle()  # says what is missing
    known = {one.name: one for one in store.identities()}
    if name not in known:
        raise InputError(f"--name {name}: one of {', '.join(known) or 'none, nobody is trusted'}")
    if kind is None:
        sys.stdout.write(known[name].pem().decode())
        return
    key = getattr(known[name], kind)
    if key is None:
        first = "the first release makes it" if kind == "ec" else "an older Cairn made none"
        raise InputError(f"{name} has no {KINDS[kind]} key: {first}; export the keys anew then")
    sys.stdout.write(public_pem(key).decode())


@keys_app.command()
def trust(
    file: Annotated[Path, typer.Argument(help="What the other printed with cairn keys export.")],
    name: Annotated[str, typer.Option("--name", help="What you call them.")],
    yes: Yes = False,
) -> None:
    """Accept logs signed with someone's keys; compare the fingerprint with them first."""
    from provenance.trust import read_identity
    from provenance.trust import trust as take

    identity = read_identity(file, name)
    _confirm(f"trust {identity.fingerprint} as {name}", yes)
    print(f"trusted: {identity.fingerprint} ({_kinds(identity)}) in {take(_store(), identity)}")


@keys_app.command()
def rotate(yes: Yes = False) -> None:
    """Take new keys; an entry in this project's log says that they follow the old ones."""
    from provenance.rotation import rotate as change
    from tasks.workspace import Workspace

    workspace = Workspace.here()
    _confirm("take new keys in place of the present ones", yes)
    done = change(workspace.provenance, _store())
    size = done.entry.body["key"]["valid_until_size"]
    print(f"{done.new} follows {done.old}, which counts up to {size} entries")
    print("give the new public keys to others: cairn keys export")


@keys_app.command()
def revoke(
    fingerprint: Annotated[str, typer.Argument(help="Of the keys, as cairn keys show prints it.")],
    until: Annotated[
        int | None,
        typer.Option("--until", help="Entries up to which they still count; all there are now."),
    ] = None,
    yes: Yes = False,
) -> None:
    """Say in this project's log that someone's keys count no further."""
    from provenance.rotation import revoke as refuse
    from tasks.errors import InputError
    from tasks.workspace import Workspace

    workspace = Workspace.here()
    known = {one.fingerprint for one in (*_store().identities(), *_store().retired())}
    if fingerprint not in known:
        raise InputError(
            f"no keys {fingerprint!r} are known here, but {', '.join(sorted(known)) or 'none'}"
        )
    _confirm(f"revoke {fingerprint} for good", yes)
    entry = refuse(workspace.provenance, _store(), fingerprint, until)
    size = entry.body["key"]["valid_until_size"]
    print(f"{fingerprint} counts up to {size} entries, says entry {entry.seq}")


@keys_app.command()
def protect(
    keyring: Annotated[
        bool, typer.Option("--keyring", help="Keep the passphrase in the desktop's keyring.")
    ] = False,
) -> None:
    """Encrypt the private keys, also those that pay for anchors.

    The passphrase comes from CAIRN_KEY_PASSPHRASE or the terminal.
    """
    from provenance import passphrase
    from provenance.rotation import protect as encrypt

    store = _store()
    phrase = passphrase.given() or _ask()
    changed = encrypt(store, phrase)
    if keyring:
        passphrase.keep(store.account, phrase)
    before = len(store.private_files()) - len(changed)
    were = f", {before} were already" if before else ""
    print(f"{len(changed)} keys encrypted in {store.folder}{were}")
    if not keyring:
        print(f"set {passphrase.VARIABLE} where nobody can be asked, or run it with --keyring")


def _store() -> Any:
    from provenance.keys import KeyStore, default_keys

    return KeyStore(default_keys())


def _limits() -> Any:
    """Of this project's log, if this is a project and it has one."""
    from provenance.errors import LogError, TamperedError
    from provenance.head import read_head
    from provenance.layout import Layout
    from tasks.errors import InputError
    from tasks.workspace import Workspace

    try:
        head = read_head(Layout(Workspace.here().provenance), _store())
    except (TamperedError, LogError, InputError):
        return {}
    return _store().limits(head.checkpoint.origin)  # damaged, it must not pass for "none"


def _kinds(identity: Any) -> str:
    kinds = {"Ed25519": identity.ed25519, "RSA": identity.rsa, "P-256": identity.ec}
    return ", ".join(kind for kind, key in kinds.items() if key is not None)


def _plain(store: Any) -> list[Path]:
    return [path for path in store.private_files() if b"ENCRYPTED" not in path.read_bytes()[:64]]


def _of_private(store: Any) -> str:
    files, plain = store.private_files(), _plain(store)
    if not files:
        return "private keys: none here"
    if not plain:
        return "private keys: encrypted"
    which = (
        "" if plain == files else f": {', '.join(str(p.relative_to(store.folder)) for p in plain)}"
    )
    return f"private keys: not encrypted, mode 0600{which} (cairn keys protect encrypts them)"


def _confirm(what: str, yes: bool) -> None:
    from tasks.errors import InputError

    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError(f"to {what}, add --yes")
    if not typer.confirm(f"{what}?"):
        raise InputError("nothing was changed")


def _ask() -> bytes:
    import getpass

    from provenance.passphrase import VARIABLE
    from tasks.errors import InputError

    if not sys.stdin.isatty():
        raise InputError(f"no passphrase: set {VARIABLE}, or call this at a terminal")
    first = getpass.getpass("New passphrase: ")
    if first != getpass.getpass("Again: "):
        raise InputError("the two differ: nothing was changed")
    return first.encode()
