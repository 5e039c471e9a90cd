"""Tasks for audits, and how their rows are shared out among clients."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Share = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Rows of one client: (N, D) and (N,)."""

LEAST = 4
"""Rows that a client has at least."""


@dataclass(frozen=True)
class Task:
    """A classification task.

    Args:
        x, y: (N, D) float32 and (N,), to learn from.
        test_x, test_y: to judge by.
        classes: C.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    test_x: NDArray[np.float32]
    test_y: NDArray[np.int64]
    classes: int

    def shares(self, rows: list[NDArray[np.int64]]) -> list[Share]:
        """What each client has."""
        return [(self.x[one], self.y[one]) for one in rows]


def digits_task(seed: int) -> Task:
    """scikit-learn's 1,797 digits of 8 x 8 pixels, 0 to 1; a quarter of them to judge by."""
    from sklearn.datasets import load_digits  # takes a second

    x, y = load_digits(return_X_y=True)
    return split((x / 16).astype(np.float32), y.astype(np.int64), test=len(y) // 4, seed=seed)


def split(x: NDArray[np.float32], y: NDArray[np.int64], *, test: int, seed: int) -> Task:
    """A task of all rows, `test` of them drawn to judge by."""
    order = np.random.default_rng(seed).permutation(len(y))
    held, kept = order[:test], order[test:]
    return Task(x[kept], y[kept], x[held], y[held], int(y.max()) + 1)


def even_rows(count: int, clients: int, *, seed: int) -> list[NDArray[np.int64]]:
    """Rows 0 to count - 1 dealt out at random, equally many to each client."""
    if count < LEAST * clients:
        raise ValueError(
            f"{count} rows for {clients} clients: each needs {LEAST}; take fewer clients"
        )
    return list(np.array_split(np.random.default_rng(seed).permutation(count), clients))


def dirichlet_rows(
    y: NDArray[np.int64], clients: int, *, alpha: float, seed: int
) -> list[NDArray[np.int64]]:
    """Every class is shared out in proportions drawn from a Dirichlet distribution.

    Hsu et al. 2019 (https://arxiv.org/abs/1909.06335) with the roles of class and client swapped,
    as most benchmarks have it. A client with fewer than LEAST rows is given some more.

    Args:
        y: (N,) classes.
        clients: how many.
        alpha: concentration: 0.3 leaves most clients a few classes, 100 all of them.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    found: list[list[int]] = [[] for _ in range(clients)]
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        ends = (np.cumsum(rng.dirichlet([alpha] * clients))[:-1] * len(rows)).astype(int)
        for mine, part in zip(found, np.split(rows, ends), strict=True):
            mine.extend(part.tolist())
    for mine in found:
        if len(mine) < LEAST:
            mine.extend(rng.integers(0, len(y), LEAST - len(mine)).tolist())
    return [np.array(mine, np.int64) for mine in found]
