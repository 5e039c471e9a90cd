"""Data of federated papers, made from their recipes, and digits cut into unequal clients.

Sources: synthetic(alpha, beta) is that of Li et al. 2020 (FedProx,
https://arxiv.org/abs/1812.06127) and, with five times the rows, of Dinh et al. 2020 (pFedMe,
https://arxiv.org/abs/2006.08848). Random numbers are drawn in the order of the authors' published
programs, so that a seed gives their data.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from flwr.app import Context
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from models.federated.softmax import SoftmaxLearner

FEATURES, CLASSES = 60, 10
KEPT_BACK = 450
"""Of the 1,797 digits, to judge by."""
PIXELS, ALPHA, LEAST = 64, 0.3, 4


@dataclass(frozen=True)
class Rows:
    """x: (N, D) float32, y: (N,) classes."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Federation:
    """What clients learn from, and what the global model is judged by."""

    clients: list[Rows]
    test: Rows

    @property
    def train(self) -> Rows:
        """All that clients have, in one."""
        return together(self.clients)


def synthetic(alpha: float, beta: float, *, users: int, times: int, seed: int) -> list[Rows]:
    """Users whose labels come from linear models of their own.

    Args:
        alpha: how much the users' models differ.
        beta: how much their features do.
        users: how many.
        times: rows are that many times as many (pFedMe: 5, FedProx: 1).
        seed: of NumPy's older generator, as the authors used it.
    """
    draw = np.random.RandomState(seed)
    sizes = (draw.lognormal(4, 2, users).astype(int) + 50) * times
    model_means = draw.normal(0, alpha, users)
    feature_means = draw.normal(0, beta, users)
    covariance = np.diag(np.arange(1, FEATURES + 1) ** -1.2)
    centres = [draw.normal(mean, 1, FEATURES) for mean in feature_means]
    found = []
    for size, mean, centre in zip(sizes, model_means, centres, strict=True):
        weight = draw.normal(mean, 1, (FEATURES, CLASSES))
        bias = draw.normal(mean, 1, CLASSES)
        x = draw.multivariate_normal(centre, covariance, size)
        y = (x @ weight + bias).argmax(axis=1)
        found.append(Rows(x.astype(np.float32), y.astype(np.int64)))
    return found


def split(users: list[Rows], *, seed: int) -> Federation:
    """Nine tenths of every user to learn from, the rest of all of them to judge by.

    The authors shuffled without a seed; here it is one.
    """
    rng = np.random.default_rng(seed)
    train, test = [], []
    for user in users:
        order = rng.permutation(len(user))
        count = int(0.9 * len(user))
        train.append(Rows(user.x[order[:count]], user.y[order[:count]]))
        test.append(Rows(user.x[order[count:]], user.y[order[count:]]))
    return Federation(train, together(test))


def digits(clients: int, *, alpha: float, seed: int, least: int = 1) -> Federation:
    """scikit-learn's digits; every class is dealt to clients by a Dirichlet draw of its own.

    Args:
        clients: how many.
        alpha: of the Dirichlet distribution; small ones make clients unlike each other.
        seed: of the split and the draws.
        least: rows of a client at least; who has fewer is given some at random, which others have
            too (with more clients than rows there is no other way).
    """
    x, y = load_digits(return_X_y=True)
    x, y = (x / 16).astype(np.float32), y.astype(np.int64)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    test, train = order[:KEPT_BACK], order[KEPT_BACK:]
    dealt: list[list[int]] = [[] for _ in range(clients)]
    for label in range(CLASSES):
        rows = train[y[train] == label]
        shares = rng.dirichlet([alpha] * clients)
        ends = (np.cumsum(shares)[:-1] * len(rows)).astype(int)
        for own, part in zip(dealt, np.split(rows, ends), strict=True):
            own.extend(int(row) for row in part)
    for own in dealt:
        if len(own) < least:
            own.extend(int(row) for row in rng.choice(train, least - len(own), replace=False))
    return Federation([Rows(x[own], y[own]) for own in dealt], Rows(x[test], y[test]))


def together(parts: list[Rows]) -> Rows:
    """All rows, in order."""
    return Rows(np.concatenate([p.x for p in parts]), np.concatenate([p.y for p in parts]))


@cache
def digit_learners(clients: int) -> list[SoftmaxLearner]:
    """Clients with digits; made once in each process."""
    return [
        SoftmaxLearner(f"client {i}", rows.x, rows.y, CLASSES, 32)
        for i, rows in enumerate(digits(clients, alpha=ALPHA, seed=0, least=LEAST).clients)
    ]


def digit_learner(context: Context) -> SoftmaxLearner:
    """The client that a context belongs to; found, not carried, where an app is pickled."""
    config = context.node_config
    return digit_learners(int(config["num-partitions"]))[int(config["partition-id"])]
