"""The worker: a process that anchors the head and stays until that is final, or for a while.

    python -m provenance.anchors work .provenance

At most one is at work on a log and one waits for its turn: a run that ends while the worker of the
run before is busy needs no third one.
"""

import contextlib
import os
import time
from collections.abc import Iterator

from provenance.anchors.chains import open_chain
from provenance.anchors.config import AnchorConfig
from provenance.anchors.outbox import Outbox
from provenance.anchors.receipt import anchors_folder
from provenance.durable import locked
from provenance.errors import LogBusyError
from provenance.keys import KeyStore
from provenance.layout import Layout

MANNERS = 10
"""Niceness: anchoring has time, the next run has not."""


def work(layout: Layout, store: KeyStore, config: AnchorConfig) -> None:
    """Anchor until the newest head is final everywhere, or `config.follow_seconds` are over."""
    with contextlib.suppress(OSError):
        os.nice(MANNERS)
    with _turn(layout, config) as mine:
        if not mine:
            return
        outbox = Outbox(
            layout,
            store,
            config,
            lambda chain: open_chain(chain, store, create=True),
            say=lambda text: print(text, flush=True),
        )
        until = time.monotonic() + config.follow_seconds
        while not outbox.work() and time.monotonic() < until:
            time.sleep(min(config.poll_seconds, max(0.0, until - time.monotonic())))


@contextlib.contextmanager
def _turn(layout: Layout, config: AnchorConfig) -> Iterator[bool]:
    folder = anchors_folder(layout)
    folder.mkdir(exist_ok=True)
    # Far longer than a pass may take; the kernel frees the lock of a worker that was killed.
    patience = config.follow_seconds + 600.0
    with contextlib.ExitStack() as turn:
        try:
            with locked(folder / "next.lock", 0.0):
                turn.enter_context(locked(folder / "worker.lock", patience))
        except LogBusyError:
            yield False
        else:
            yield True
