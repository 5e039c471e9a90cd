"""The beginning of a log, and what the user's key store remembers of it."""

import os
import warnings

from provenance.checkpoint import Checkpoint, make_origin
from provenance.durable import locked
from provenance.ed25519 import Ed25519Signer
from provenance.errors import LogError, ProvenanceWarning
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.pins import Pins
from provenance.writer import begin, show_key


def begin_log(layout: Layout, store: KeyStore) -> None:
    """Make an empty log in a blank folder; someone else may do so at the same time.

    Raises:
        LogError: the folder cannot be written.
        KeyStoreError: no usable key.
    """
    origin = make_origin(os.urandom(16))
    signer = store.signer(origin)
    pins = Pins(store.folder)
    try:
        layout.folder.mkdir(parents=True, exist_ok=True)
        with locked(layout.lock):
            if not layout.is_blank():
                return  # another process was faster
            # The pin comes first: a crash between the two leaves a blank folder, begun again later.
            pins.settle(layout.folder, origin)
            checkpoint = begin(layout, origin, signer)
    except OSError as error:
        raise LogError(f"no log could be begun in {layout.folder} ({error.strerror})") from error
    remember(store, layout, checkpoint, signer)
    place = pins.place(layout.folder)
    if place is not None and place.replaced:
        warnings.warn(
            f"a log with {place.replaced} entries was in {layout.folder} and is gone; "
            "a new one begins",
            ProvenanceWarning,
            stacklevel=4,
        )


def remember(
    store: KeyStore, layout: Layout, head: Checkpoint, signer: Ed25519Signer | None = None
) -> None:
    """Pin a head. It is committed already, so a failure here is a warning: a pin may lag behind."""
    pins = Pins(store.folder)
    try:
        pins.settle(layout.folder, head.origin)
        pins.advance(head)
        if signer is not None:
            show_key(layout, signer)
    except (OSError, LogError) as error:
        warnings.warn(f"the head was not pinned: {error}", ProvenanceWarning, stacklevel=4)
