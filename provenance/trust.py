"""Whom to trust: taking the public keys of others into the key store."""

import re
from pathlib import Path

from provenance.durable import locked, replace_file
from provenance.errors import KeyStoreError, LogError
from provenance.identity import Identity
from provenance.keys import KeyStore

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def read_identity(file: Path, name: str) -> Identity:
    """The identity in a file that `cairn keys export` wrote.

    Raises:
        KeyStoreError: not such a file, or a name that is no file name everywhere.
    """
    if not _NAME.fullmatch(name):
        raise KeyStoreError(f"name {name!r}: up to 64 letters, digits, '.', '_' and '-' are needed")
    try:
        pem = file.read_bytes()
    except OSError as error:
        raise KeyStoreError(f"{file} cannot be read ({error.strerror})") from error
    return Identity.parse(name, pem, file)


def trust(store: KeyStore, identity: Identity, *, replace: bool = False) -> Path:
    """Accept logs that this identity signed, from now on.

    Args:
        replace: take the place of other keys of the same name.

    Returns:
        the file in the key store.

    Raises:
        KeyStoreError: the name or the keys are there already, or the store cannot be written.
    """
    path = store.trusted_folder / f"{identity.name}.pub"
    for known in store.identities():
        if known.fingerprint == identity.fingerprint and known.name != identity.name:
            raise KeyStoreError(f"key {identity.fingerprint} is trusted already, as {known.name}")
        if known.name == identity.name and known.pem() != identity.pem() and not replace:
            raise KeyStoreError(
                f"{identity.name} is the name of other keys, {known.fingerprint}: take another "
                f"name, or delete {path} if you mean to replace them"
            )
    try:
        store.trusted_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(store.folder / "lock"):
            replace_file(path, identity.pem())
    except (OSError, LogError) as error:
        raise KeyStoreError(f"{path} cannot be written: {error}") from error
    return path
