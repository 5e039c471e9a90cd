"""One item at a time on every core, with results that do not depend on how many cores there are."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

from tasks.progress import track

T = TypeVar("T")


def on_every_core(function: Callable[[T], Tensor], items: Sequence[T], what: str) -> list[Tensor]:
    """Apply a function to every item, in worker threads, without gradients.

    Each item is handled alone and on one core: a sum that several cores share is rounded
    differently, and then the same data would give other bytes on another machine.

    Args:
        function: makes a tensor of an item; must not change shared state.
        items: what to go through.
        what: the work in a few words, for the progress line.

    Returns:
        results in the order of the items.
    """

    def alone(item: T) -> Tensor:
        with torch.inference_mode():  # holds for one thread only, so it is entered here
            return function(item)

    with one_core_each(), ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        try:
            return list(track(pool.map(alone, items), len(items), what))
        except BaseException:
            # Else thousands of items finish before the error shows.
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def one_core_each() -> Iterator[None]:
    """Let torch use one core per operation, and restore its setting afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
