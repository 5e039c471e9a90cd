"""Progress of long work: a bar in a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 10.0


def track(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield the items and say how far the work is.

    Args:
        items: what to go through.
        total: how many there are.
        what: the work in a few words, such as "encoding 7,150 clips".
    """
    if sys.stderr.isatty():
        # Imported here: a stage that runs in a log file does not need it.
        from rich.console import Console
        from rich.progress import track as bar

        yield from bar(items, description=what, total=total, console=Console(stderr=True))
        return
    start = said = time.monotonic()
    done = 0
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - said > SECONDS_BETWEEN_LINES:
            said = now
            say(f"{what}: {done} of {total}, {now - start:.0f} s")
    say(f"{what}: {done} of {total} done in {time.monotonic() - start:.1f} s")


def say(line: str) -> None:
    """One plain line to a person watching, apart from the results on standard output."""
    print(line, file=sys.stderr, flush=True)
