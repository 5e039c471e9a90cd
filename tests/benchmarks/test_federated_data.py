"""Data of federated papers: sizes as published, and what their recipes promise."""

import numpy as np
import pytest

from benchmarks.federated_data import KEPT_BACK, digits, split, synthetic, together
from benchmarks.federated_quadratics import error


def test_rows_are_as_many_as_the_authors_program_makes() -> None:
    # CharlieDinh/pFedMe, data/Logistic_Synthetic/generate_synthetic_05_05.py, run with its own seed
    # 0: 100 users, 205,795 rows, 250 to 25,810 each.
    sizes = [len(user) for user in synthetic(0.5, 0.5, users=100, times=5, seed=0)]
    assert (len(sizes), sum(sizes), max(sizes)) == (100, 205_795, 25_810)
    assert min(sizes) >= 250


def test_the_draws_come_in_the_authors_order() -> None:
    # Sizes, means of the models, means of the features, centres; then weights, bias and rows of one
    # user after the other. The first row of the first of two users, drawn by hand.
    draw = np.random.RandomState(3)
    size = int(draw.lognormal(4, 2, 2)[0]) + 50
    model_mean, feature_mean = draw.normal(0, 1, 2), draw.normal(0, 1, 2)
    centre = draw.normal(feature_mean[0], 1, 60)
    draw.normal(feature_mean[1], 1, 60)
    weight, bias = draw.normal(model_mean[0], 1, (60, 10)), draw.normal(model_mean[0], 1, 10)
    spread = np.diag([float(j) ** -1.2 for j in range(1, 61)])
    x = draw.multivariate_normal(centre, spread, size)
    first = synthetic(1, 1, users=2, times=1, seed=3)[0]
    np.testing.assert_array_equal(first.x, x.astype(np.float32))
    assert first.y[0] == np.argmax(x[0] @ weight + bias)


def test_features_vary_as_the_recipe_says() -> None:
    # Variance of feature j is j^-1.2 (FedProx, section 5.1); 4 standard errors of a variance.
    users = synthetic(1, 1, users=30, times=1, seed=0)
    largest = max(users, key=len)
    expected = np.arange(1, 61) ** -1.2
    room = 4 * expected * np.sqrt(2 / len(largest))
    assert (np.abs(largest.x.var(axis=0) - expected) < room).all()


def test_a_tenth_of_every_user_is_kept_back() -> None:
    users = synthetic(1, 1, users=5, times=1, seed=1)
    cut = split(users, seed=0)
    assert [len(rows) for rows in cut.clients] == [int(0.9 * len(user)) for user in users]
    whole = together(users)
    both = np.concatenate([cut.train.x, cut.test.x])
    assert np.array_equal(np.sort(both, axis=0), np.sort(whole.x, axis=0))
    assert not np.array_equal(split(users, seed=1).test.x, cut.test.x)


@pytest.mark.parametrize("clients", [8, 1000])
def test_every_digit_is_dealt_and_no_client_is_empty(clients: int) -> None:
    cut = digits(clients, alpha=0.3, seed=0, least=4)
    assert len(cut.clients) == clients
    assert min(len(rows) for rows in cut.clients) >= 4
    dealt = {row.tobytes() for rows in cut.clients for row in rows.x}
    kept = {row.tobytes() for row in cut.test.x}
    assert len(cut.test) == KEPT_BACK
    # scikit-learn's digits: 1,797 images, no two alike.
    assert len(dealt) == 1797 - KEPT_BACK
    assert not dealt & kept


def test_clients_are_unlike_where_alpha_is_small() -> None:
    def largest_class(alpha: float) -> float:
        found = digits(8, alpha=alpha, seed=0).clients
        return float(np.mean([np.bincount(rows.y).max() / len(rows) for rows in found]))

    assert largest_class(0.1) > 0.4 > 0.2 > largest_class(100)


def test_scaffold_finds_the_optimum_where_fedavg_does_not() -> None:
    # Closed form of FedAvg's fixed point for K steps at rate r: client i pulls with
    # 1 - (1 - r b_i)^K, so x = sum(pull * goal) / sum(pull).
    pull = 1 - (1 - 0.05 * np.array([1.0, 3.0])) ** 5
    expected = abs(pull @ [4.0, -2.0] / pull.sum() + 0.5)
    assert error("fedavg", (5, 5), rate=0.05, rounds=200) == pytest.approx(expected, rel=1e-5)
    assert error("scaffold", (5, 5), rate=0.05, rounds=200) < 2e-6  # float32: see the benchmark
