"""Taking new keys, and saying in the log that old ones count no further.

    new keys aside -> keys moved (a marker makes a crash resume) -> statement beside the log
    -> entry in the log, signed by the new keys

A crash anywhere leaves a log that verifies; running the command again finishes what was begun. The
same command carries a rotation over to the user's other logs, whose heads the old keys signed.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from provenance import canonical, keyfiles, passphrase
from provenance.beginning import show_keys
from provenance.durable import locked, replace_file
from provenance.ed25519 import Ed25519Signer
from provenance.entry import Entry
from provenance.errors import KeyStoreError, LogError
from provenance.head import Head, read_head
from provenance.identity import Identity
from provenance.key_history import statement_file
from provenance.key_statement import body, revocation, rotation
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.limits import Limit
from provenance.log import Log
from provenance.note import Signer, sign_note
from provenance.rsa import RsaSigner


@dataclass(frozen=True)
class Rotated:
    """What a rotation did: fingerprints, and the entry that says so."""

    old: str
    new: str
    entry: Entry


def rotate(folder: Path, store: KeyStore) -> Rotated:
    """Take new keys and enter in the log that they follow the old ones.

    Finishes a rotation that was interrupted, and in a log that was last signed with former keys
    only enters that; new keys are made where neither is needed.

    Args:
        folder: of the log.

    Raises:
        LogMissingError, TamperedError, LogError: the log is not there, not as it was left, or
            cannot be written.
        KeyStoreError: the keys cannot be used; or the head was never signed by them.
    """
    layout = Layout(folder.absolute())
    store.refuse_inside(layout.folder.parent)
    store.settle()
    head = read_head(layout, store, also=store.retired())
    old = _unfinished(layout, store, head)
    if old is None:
        present = store.own()
        if present is None:
            raise KeyStoreError(
                f"there are no keys in {store.folder} to rotate: the first run makes them"
            )
        if present.rsa is None:  # of an older Cairn: the head must bear both before they retire
            with locked(layout.lock):
                head = read_head(layout, store)
                signers = store.signers(head.checkpoint.origin)
                replace_file(layout.checkpoint, sign_note(head.checkpoint.text(), signers))
        store.signers(head.checkpoint.origin)  # both exist and open: nothing is half done later
        store.retire(head.checkpoint.origin, head.checkpoint.size)
        old = present.fingerprint
    return _enter(layout, store, head.checkpoint.origin, old)


def revoke(folder: Path, store: KeyStore, fingerprint: str, until: int | None = None) -> Entry:
    """Enter in the log that a key counts no further.

    Args:
        folder: of the log.
        fingerprint: of the identity whose keys were lost or stolen.
        until: the largest size of a head that it may have signed; by default the present size.

    Raises:
        KeyStoreError: the own present keys, or a size that the log does not have.
        LogMissingError, TamperedError, LogError: as `rotate`.
    """
    log = Log.open(folder, keys=store.folder, create=False)
    size, origin = log.head().checkpoint.size, log.origin
    until = size if until is None else until
    own = store.own()
    if own is None:
        store.signers(origin)
        own = store.own()
    if own is None or own.fingerprint == fingerprint:
        raise KeyStoreError(
            f"{fingerprint} are your present keys: take new ones first (cairn keys rotate), after "
            "which these count no further"
        )
    if not 0 <= until <= size:
        raise KeyStoreError(f"until={until}: the log has {size} entries, 0 to {size} is needed")
    key = revocation(origin, fingerprint, own, until)
    entry = log.append(body(key, [(own, store.signers(origin))], _now()))
    store.learn(origin, {fingerprint: Limit(until)})
    return entry


def protect(store: KeyStore, phrase: bytes) -> list[Path]:
    """Encrypt all private keys, former ones too, with one passphrase.

    Each file is exchanged at once; after a failure in between, running it again does the rest.

    Returns:
        the files that were encrypted now; those that open with this passphrase already are left.

    Raises:
        KeyStoreError: no passphrase, a file that opens with neither, or one that cannot be written.
    """
    if not phrase:
        raise KeyStoreError(f"an empty passphrase protects nothing: set {passphrase.VARIABLE}")
    store.settle()
    changed = []
    try:
        with locked(store.folder / "lock"):
            for path in store.private_files():
                key, encrypted = keyfiles.unlock(path, phrase)
                if not encrypted:
                    replace_file(path, keyfiles.encode(key, phrase), mode=0o600)
                    changed.append(path)
    except (OSError, LogError) as error:
        raise KeyStoreError(
            f"the keys in {store.folder} were not all encrypted: {error}"
        ) from error
    return changed


def _unfinished(layout: Layout, store: KeyStore, head: Head) -> str | None:
    """Former keys that this log does not know to be former, if there are any."""
    origin, own = head.checkpoint.origin, store.own()
    former = {one.fingerprint for one in store.retired()}
    if own is None or not former:
        return None
    limits = store.limits(origin)
    if head.signer in former and head.signer not in limits:
        store.learn(origin, {head.signer: Limit(head.checkpoint.size, own.fingerprint)})
        return head.signer
    log = Log.open(layout.folder, keys=store.folder, create=False)
    for name in former & set(limits):
        heir = limits[name].heir
        if heir == own.fingerprint and log.find(f"key/rotate/{name}/{heir}") is None:
            return name
    return None


def _enter(layout: Layout, store: KeyStore, origin: str, old: str) -> Rotated:
    new = store.own()
    former = next((one for one in store.retired() if one.fingerprint == old), None)
    limit = store.limits(origin).get(old)
    if new is None or former is None or limit is None:
        raise KeyStoreError(
            f"the former keys {old} are not in {store.folder / 'retired'}: restore them"
        )
    key = rotation(origin, former, new, limit.until)
    signers = [
        (former, _signers_of(store, former, origin)),
        (new, store.signers(origin)),
    ]
    statement = body(key, signers, _now())
    show_keys(layout, new.fingerprint, new.pem())
    replace_file(statement_file(layout, new.fingerprint), canonical.encode(statement) + b"\n")
    log = Log.open(layout.folder, keys=store.folder, create=False)
    return Rotated(old, new.fingerprint, log.append(statement))


def _signers_of(store: KeyStore, former: Identity, origin: str) -> Sequence[Signer]:
    folder = store.folder / "retired" / former.fingerprint
    signers: list[Signer] = []
    ed25519, _ = keyfiles.load(folder / "ed25519.pem", store.account)
    signers.append(Ed25519Signer(origin, cast(Ed25519PrivateKey, ed25519)))
    if former.rsa is not None:
        rsa, _ = keyfiles.load(folder / "rsa.pem", store.account)
        signers.append(RsaSigner(origin, cast(RSAPrivateKey, rsa)))
    return signers


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
