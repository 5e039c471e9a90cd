"""The passphrase of the private keys: from the environment, the desktop's keyring, or a person.

The environment comes first because machines have nothing else; it is also the least safe, as other
programs of the same user can read it. The keyring is asked only when a key is in fact encrypted,
and a person only at a terminal: a run in the background ends with a clear error instead of waiting.
"""

import contextlib
import getpass
import os
import sys
from collections.abc import Iterator

from provenance.errors import KeyStoreError

VARIABLE = "CAIRN_KEY_PASSPHRASE"
SWITCH = "CAIRN_KEYRING"
SERVICE = "cairn"

_typed: dict[str, bytes] = {}  # asked once a process, not once a key


def given() -> bytes | None:
    """What the environment says."""
    phrase = os.environ.get(VARIABLE)
    return phrase.encode() if phrase else None


def sources(account: str) -> Iterator[bytes]:
    """Passphrases to try where the environment gives none, in this order.

    Args:
        account: under which the keyring holds it: the key store's folder.
    """
    if (kept := _from_keyring(account)) is not None:
        yield kept
    if account in _typed:
        yield _typed[account]
    elif sys.stdin is not None and sys.stdin.isatty():
        yield getpass.getpass(f"Passphrase of the keys in {account}: ").encode()


def opened(account: str, phrase: bytes) -> None:
    """Note that a passphrase was right, so that nobody is asked again in this process."""
    _typed[account] = phrase


def keep(account: str, phrase: bytes) -> None:
    """Store a passphrase in the keyring and see that it can be had back.

    Raises:
        KeyStoreError: there is no keyring here, or it refuses.
    """
    import keyring  # only here and below: it asks the desktop's services when imported

    try:
        keyring.set_password(SERVICE, account, phrase.decode())
        kept = keyring.get_password(SERVICE, account)
    except Exception as error:  # backends raise what their desktop's libraries raise
        raise KeyStoreError(
            f"the keyring did not take the passphrase ({type(error).__name__}): set {VARIABLE} "
            "instead, or unlock the keyring and try again"
        ) from error
    if kept != phrase.decode():
        raise KeyStoreError(f"the keyring gave back something else: set {VARIABLE} instead")


def _from_keyring(account: str) -> bytes | None:
    if os.environ.get(SWITCH) == "off":
        return None
    # A keyring that is locked, broken or absent must not stop a run that can ask elsewhere, and
    # backends raise what their desktop's libraries raise.
    with contextlib.suppress(Exception):
        import keyring

        if (phrase := keyring.get_password(SERVICE, account)) is not None:
            return phrase.encode()
    return None
