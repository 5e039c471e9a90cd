"""Who takes part: each policy does what it says, seeded, whatever the order of the listing."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from models.federated.selection import Known, Selection, select

CLIENTS = [Known(1000 - i, i, f"c{i}", 10) for i in range(20)]
POLICIES = ("random", "availability", "loss", "fair")


def chosen(settings: Selection, clients: Any = CLIENTS, **more: Any) -> list[int]:
    given: dict[str, Any] = {"seed": 3, "round_": 1, "taken": {}, "losses": {}, "reachable": {}}
    return [client.partition for client in select(clients, settings, **{**given, **more})]


@pytest.mark.parametrize("poisson", [False, True])
@pytest.mark.parametrize("policy", POLICIES)
def test_seeded_and_independent_of_the_listing(policy: Any, poisson: bool) -> None:
    settings = Selection(policy, 0.4, 2, poisson)
    figures = {
        "taken": {i: i % 3 for i in range(20)},
        "losses": {i: float(i % 5) for i in range(20)},
        "reachable": {i: 1 - (i % 4) / 4 for i in range(20)},
    }
    first = chosen(settings, **figures)

    assert first == sorted(set(first))
    assert chosen(settings, CLIENTS[::-1], **figures) == first
    others = [chosen(settings, seed=3, round_=n, **figures) for n in range(2, 12)]
    assert any(other != first for other in others)
    assert any(chosen(settings, seed=s, **figures) != first for s in range(4, 14))


@pytest.mark.parametrize(
    ("fraction", "least", "count"), [(0.5, 1, 10), (1.0, 1, 20), (0.1, 5, 5), (0.0, 30, 20)]
)
@pytest.mark.parametrize("policy", POLICIES)
def test_as_many_as_asked_for(policy: Any, fraction: float, least: int, count: int) -> None:
    assert len(chosen(Selection(policy, fraction, least))) == count


def test_random_takes_everyone_equally_often() -> None:
    rounds = 2000
    counts = np.zeros(20)
    for number in range(rounds):
        counts[chosen(Selection("random", 0.25, 1), round_=number)] += 1
    low, high = binom.ppf([1e-6, 1 - 1e-6], rounds, 0.25)
    assert (low <= counts).all()
    assert (counts <= high).all()


def test_availability_takes_the_most_often_reachable() -> None:
    reachable = {i: i / 20 for i in range(20)}
    found = chosen(Selection("availability", 0.25, 1), reachable=reachable)
    assert found == [15, 16, 17, 18, 19]
    del reachable[3]  # never asked: might always be there
    assert 3 in chosen(Selection("availability", 0.25, 1), reachable=reachable)


def test_loss_takes_the_highest_of_twice_as_many_candidates() -> None:
    """Power of choice, Cho et al. 2020: d candidates at random, then the highest losses of them."""
    losses = {i: float(i) for i in range(20)}
    settings = Selection("loss", 0.25, 1)
    for number in range(50):
        candidates = chosen(Selection("random", 0.5, 1), round_=number)
        found = chosen(settings, round_=number, losses=losses)
        assert found == sorted(candidates)[-5:]
    unknown = {i: loss for i, loss in losses.items() if i != 2}
    # Whoever never told its loss goes first, once it is among the candidates.
    rounds = [n for n in range(50) if 2 in chosen(Selection("random", 0.5, 1), round_=n)]
    assert all(2 in chosen(settings, round_=n, losses=unknown) for n in rounds)


def test_fair_takes_those_who_took_part_least() -> None:
    taken: dict[int, int] = {}
    for number in range(40):
        for partition in chosen(Selection("fair", 0.25, 1), round_=number, taken=taken):
            taken[partition] = taken.get(partition, 0) + 1
        counts = [taken.get(i, 0) for i in range(20)]
        assert max(counts) - min(counts) <= 1
    assert set(taken.values()) == {10}  # 40 rounds of 5 among 20


def test_poisson_draws_everyone_on_its_own() -> None:
    rounds, fraction = 3000, 0.3
    hits = np.zeros((rounds, 20))
    for number in range(rounds):
        hits[number, chosen(Selection("random", fraction, 1, poisson=True), round_=number)] = 1

    low, high = binom.ppf([1e-6, 1 - 1e-6], rounds, fraction)
    assert (low <= hits.sum(0)).all()
    assert (hits.sum(0) <= high).all()
    # Sizes are binomial: variance n p (1 - p) = 4.2, within 5 standard errors of sqrt(2 / rounds).
    assert hits.sum(1).var() == pytest.approx(4.2, rel=5 * np.sqrt(2 / rounds))
    assert np.abs(np.corrcoef(hits.T) - np.eye(20)).max() < 5 / np.sqrt(rounds)


def test_no_one_there() -> None:
    assert chosen(Selection("random", 1.0, 2), []) == []
