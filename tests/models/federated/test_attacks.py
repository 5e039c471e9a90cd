"""Poisoning clients do what they are said to; robust strategies hold where the mean does not."""

from dataclasses import replace

import numpy as np
import pytest

from models.federated.audit import audit_updates
from models.federated.audit.attacks import (
    CORNER,
    USUAL,
    Attack,
    Trigger,
    attackers,
    backdoor_success,
    poisoned,
    with_attackers,
)
from models.federated.audit.membership import Training
from models.federated.audit.poisoning import expecting, poisoning
from models.federated.audit.shares import LEAST, digits_task, dirichlet_rows, even_rows
from models.federated.learner import Work
from models.federated.privacy import Privacy
from models.federated.softmax import BIAS, WEIGHT, SoftmaxLearner

WORK = Work(round=1, seed=3, rate=0.5)


@pytest.fixture
def learner(rng):
    x = rng.random((6, 64)).astype(np.float32)
    return SoftmaxLearner("c", x, np.array([0, 1, 2, 2, 1, 0]), classes=3, batch_size=6)


@pytest.fixture
def start(rng):
    return {
        WEIGHT: rng.normal(size=(64, 3)).astype(np.float32),
        BIAS: rng.normal(size=3).astype(np.float32),
    }


def _update(client, start):
    learned = client.train(start, WORK)
    return {name: learned.arrays[name] - start[name] for name in start}


def test_sign_flip_sends_the_honest_update_turned_round(learner, start):
    honest = _update(learner, start)
    for factor in (1.0, 3.0):
        sent = _update(poisoned(learner, Attack("sign_flip", factor=factor)), start)
        for name, value in honest.items():
            np.testing.assert_allclose(sent[name], -factor * value, atol=1e-6)


def test_label_flip_counts_classes_from_the_other_end(learner):
    # One step from zero weights: the bias moves by rate * (share of each label - 1 / C).
    skewed = replace(learner, y=np.array([0, 0, 0, 0, 0, 1]))
    zero = {WEIGHT: np.zeros((64, 3), np.float32), BIAS: np.zeros(3, np.float32)}
    expected = 0.5 * (np.array([0, 1, 5]) / 6 - 1 / 3)
    np.testing.assert_allclose(
        _update(poisoned(skewed, USUAL["label_flip"]), zero)[BIAS], expected, atol=1e-6
    )
    np.testing.assert_allclose(
        _update(poisoned(skewed, Attack("scaled", factor=10.0)), zero)[BIAS],
        10 * expected,
        atol=1e-5,
    )


def test_backdoor_adds_each_row_with_trigger_and_target(learner):
    found = poisoned(learner, USUAL["backdoor"])
    assert np.array_equal(found.x[:6], learner.x)
    assert np.array_equal(found.y[:6], learner.y)
    assert (found.y[6:] == CORNER.target).all()
    changed = found.x[6:] != learner.x
    assert set(np.flatnonzero(changed.any(0))) == set(CORNER.places)
    assert (found.x[6:][:, list(CORNER.places)] == CORNER.value).all()


def test_backdoor_success_counts_rows_of_other_classes_only():
    trigger = Trigger(places=(3,), value=1.0, target=0)
    x, y = np.zeros((4, 4), np.float32), np.array([0, 1, 2, 1])
    obeys = {WEIGHT: np.zeros((4, 3), np.float32), BIAS: np.array([0, 1, 0], np.float32)}
    assert backdoor_success(obeys, x, y, trigger) == 0
    obeys[WEIGHT][3, 0] = 5
    assert backdoor_success(obeys, x, y, trigger) == 1
    with pytest.raises(ValueError, match="every row is of class 0"):
        backdoor_success(obeys, x[:1], y[:1], trigger)


def test_attackers_are_drawn_once_for_all_attacks(learner):
    assert len(attackers(20, 0.2, seed=1)) == 4
    assert attackers(20, 0.2, seed=1) == attackers(20, 0.2, seed=1)
    assert len({frozenset(attackers(20, 0.2, seed=seed)) for seed in range(20)}) > 10
    clients = [learner] * 10
    hostile = attackers(10, 0.2, seed=4)
    for attack in USUAL.values():
        found = with_attackers(clients, attack, share=0.2, seed=4)
        assert {i for i, one in enumerate(found) if one is not learner} == hostile
    assert with_attackers(clients, None, share=0.2, seed=4) == clients
    with pytest.raises(ValueError, match=r"share=0\.5"):
        attackers(10, 0.5, seed=1)


def test_strategies_are_told_the_true_number():
    found = expecting("bulyan", clients=20, hostile=0.2)
    assert (found.malicious, found.selected, found.trimmed) == (4, 12, 0.2)


def test_dirichlet_rows_are_all_given_out_and_uneven():
    y = np.repeat(np.arange(10), 150)
    rows = dirichlet_rows(y, 20, alpha=0.3, seed=0)
    assert set(np.concatenate(rows)) == set(range(1500))
    assert min(len(one) for one in rows) >= LEAST
    # Dirichlet(a, ..., a) over n clients: the variance of a share is (n - 1) / n^2 / (n a + 1).
    draws = [dirichlet_rows(y, 20, alpha=0.3, seed=seed) for seed in range(30)]
    parts = [(y[one] == label).sum() / 150 for rows in draws for one in rows for label in range(10)]
    assert np.var(parts) == pytest.approx(19 / 400 / (20 * 0.3 + 1), rel=0.15)


def test_even_rows_are_dealt_out_once():
    rows = even_rows(103, 10, seed=1)
    assert sorted(np.concatenate(rows)) == list(range(103))
    assert {len(one) for one in rows} == {10, 11}
    with pytest.raises(ValueError, match="30 rows for 10 clients"):
        even_rows(30, 10, seed=1)


@pytest.fixture(scope="module")
def digits():
    return digits_task(0)


def _run(task, name, attack):
    shares = task.shares(even_rows(len(task.y), 11, seed=0))
    return poisoning(
        task,
        shares,
        USUAL[attack] if attack else None,
        strategy=expecting(name, clients=11, hostile=2 / 11),
        training=Training(rounds=8, rate=0.5, epochs=2),
        hostile=2 / 11,
        privacy=Privacy("none"),
        seed=0,
    )


@pytest.mark.parametrize("attack", ["sign_flip", "scaled"])
def test_the_mean_breaks_and_the_median_holds(digits, attack):
    clean = _run(digits, "median", None)["accuracy"]
    assert clean > 0.85
    assert _run(digits, "fedavg", attack)["accuracy"] < clean - 0.15
    assert _run(digits, "median", attack)["accuracy"] > clean - 0.05


def test_the_backdoor_opens_the_mean_and_not_bulyan(digits):
    assert _run(digits, "fedavg", "backdoor")["backdoor"] > 0.9
    assert _run(digits, "fedavg", None)["backdoor"] < 0.05
    assert _run(digits, "bulyan", "backdoor")["backdoor"] < 0.05


@pytest.mark.slow
def test_short_audit_tells_all_three():
    found = audit_updates(Privacy("central_dp", noise_multiplier=3.0), rounds=6, seed=1)
    assert found["rounds"] == 6
    assert found["canary"]["model"]["epsilon_at_least"] < found["privacy"]["epsilon"]
    assert found["inversion"]["upload"]["cosine"] > 0.99  # the trusted server sees single updates
    lines = found["poisoning"]["strategies"]
    assert lines["fedavg"]["sign_flip"]["accuracy"] < lines["median"]["sign_flip"]["accuracy"] - 0.1
