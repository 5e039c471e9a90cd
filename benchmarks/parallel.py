"""Folds side by side: one process a core, each on as many threads as params.yaml says."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import Any, TypeVar

from benchmarks.data import Bench, load
from tasks.progress import track

Result = TypeVar("Result")


@cache
def bench() -> Bench:
    """The data, read once in each process."""
    return load()


def folds(
    work: Callable[..., Result], plan: Sequence[tuple[Any, ...]], what: str
) -> Iterator[Result]:
    """Results of `work(*arguments)` in the order of the plan.

    Args:
        work: a function of a module; gets its data from `bench()`.
        plan: arguments, one tuple a call.
        what: the work in a few words.
    """
    at_once = max(1, (os.cpu_count() or 1) // bench().params.threads)
    # Spawned: a forked torch may hang in its thread pool.
    with ProcessPoolExecutor(at_once, mp_context=get_context("spawn")) as pool:
        pending = [pool.submit(work, *arguments) for arguments in plan]
        for done in track(pending, len(pending), what):
            yield done.result()
