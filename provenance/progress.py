"""How far hashing is, for a person who waits: a bar in a terminal, a plain line elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provenance.artifact import Artifact
from provenance.measure import Progress
from provenance.stat_cache import StatCache

SECONDS_BEFORE = 0.5
"""Shorter work shows nothing."""

SECONDS_BETWEEN_STEPS, SECONDS_BETWEEN_LINES = 0.1, 10.0


@contextmanager
def shown_progress(what: str) -> Iterator[Progress]:
    """Show on standard error how many bytes are done.

    Args:
        what: the work in a few words, such as "hashing data/raw".

    Yields:
        the callback for `Artifact.of(..., progress=...)`.
    """
    if sys.stderr.isatty():
        with _bar(what) as progress:
            yield progress
    else:
        yield _Lines(what)


def artifact_for_recording(path: Path, cache: StatCache | None = None) -> Artifact:
    """Hash a file or folder that a person waits for: with progress, reading only what changed.

    Never for a verification: that is `Artifact.of` without a cache.

    Args:
        path: the file or folder.
        cache: by default the user's own, `StatCache()`.

    Raises:
        UnhashableError, ChangedWhileHashingError: as `Artifact.of`.
    """
    with shown_progress(f"hashing {path}") as progress:
        return Artifact.of(path, StatCache() if cache is None else cache, progress)


@contextmanager
def _bar(what: str) -> Iterator[Progress]:
    # Imported here: most uses of this library have no terminal.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bars

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    # Paths may hold square brackets: they are text, not rich's markup.
    with Bars(
        TextColumn("{task.description}", markup=False), *columns, console=console, transient=True
    ) as bars:
        task = bars.add_task(what, total=None, visible=False)
        began = told = time.monotonic()

        def tell(done: int, total: int) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told >= SECONDS_BETWEEN_STEPS or done == total:
                told = now
                shown = now - began > SECONDS_BEFORE
                bars.update(task, completed=done, total=total, visible=shown)

        yield tell


class _Lines:
    """A line every ten seconds."""

    def __init__(self, what: str) -> None:
        self._what, self._said = what, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._said >= SECONDS_BETWEEN_LINES:
            self._said = now
            text = f"{self._what}: {done >> 20:,} of {total >> 20:,} MiB"
            print(text, file=sys.stderr, flush=True)
