"""The beginning of a log, and what the user's key store remembers of it."""

import os
import warnings

from provenance.checkpoint import Checkpoint, make_origin
from provenance.durable import locked, replace_file
from provenance.errors import LogError, ProvenanceWarning
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.pins import Pins
from provenance.writer import begin


def begin_log(layout: Layout, store: KeyStore) -> None:
    """Make an empty log in a blank folder; someone else may do so at the same time.

    Raises:
        LogError: the folder cannot be written.
        KeyStoreError: no usable key.
    """
    origin = make_origin(os.urandom(16))
    signers = store.signers(origin)
    pins = Pins(store.folder)
    try:
        layout.folder.mkdir(parents=True, exist_ok=True)
        with locked(layout.lock):
            if not layout.is_blank():
                return  # another process was faster
            # The pin comes first: a crash between the two leaves a blank folder, begun again later.
            pins.settle(layout.folder, origin)
            checkpoint = begin(layout, origin, signers)
    except OSError as error:
        raise LogError(f"no log could be begun in {layout.folder} ({error.strerror})") from error
    remember(store, layout, checkpoint, signed=True)
    place = pins.place(layout.folder)
    if place is not None and place.replaced:
        warnings.warn(
            f"a log with {place.replaced} entries was in {layout.folder} and is gone; "
            "a new one begins",
            ProvenanceWarning,
            stacklevel=4,
        )


def remember(store: KeyStore, layout: Layout, head: Checkpoint, *, signed: bool = False) -> None:
    """Pin a head. It is committed already, so a failure here is a warning: a pin may lag behind.

    Args:
        signed: whether this user signed it, so that the public keys belong beside the log.
    """
    pins = Pins(store.folder)
    try:
        pins.settle(layout.folder, head.origin)
        pins.advance(head)
        if signed:
            show_keys(layout, *store.public_bundle())
    except (OSError, LogError) as error:
        warnings.warn(f"the head was not pinned: {error}", ProvenanceWarning, stacklevel=4)


def show_keys(layout: Layout, fingerprint: str, pem: bytes) -> None:
    """Leave the signer's public halves beside the log, for auditors to ask about.

    They change when a key joins: RSA after an older Cairn, P-256 with the first OMS bundle.
    """
    path = layout.public_key(fingerprint)
    try:
        if path.read_bytes() == pem:
            return
    except FileNotFoundError:
        path.parent.mkdir(exist_ok=True)
    replace_file(path, pem)
