"""The canary audit: against libraries, closed forms, and mechanisms whose privacy is known."""

import math

import numpy as np
import pytest
from scipy.stats import beta, norm
from sklearn.metrics import roc_auc_score

from models.federated.accountant import Accountant
from models.federated.audit.canary import auc, chance, epsilon_lower_bound, guess, plant, told
from models.federated.audit.membership import MODEL, UPDATES, Training, membership
from models.federated.audit.shares import even_rows, split
from models.federated.privacy import Privacy


def test_auc_is_that_of_sklearn_with_ties(rng):
    for _ in range(20):
        member = rng.random(30) < 0.5
        scores = np.round(rng.normal(size=30) + member, 1)
        assert auc(scores, member).value == pytest.approx(roc_auc_score(member, scores))


@pytest.mark.parametrize(
    ("inside", "outside", "value"), [(12, 20, 0.7), (20, 20, 1.0), (9, 6, 0.5), (50, 40, 0.0)]
)
def test_interval_ends_where_newcombe_says(inside, outside, value):
    # Newcombe 2006, method 5: (value - t)^2 m n (2 - t)(1 + t) = z^2 t (1 - t) [...] is a
    # polynomial of degree 4 in t; its roots, and not our search, give the ends.
    poly = np.polynomial.Polynomial
    t, both, z = poly([0, 1]), (inside + outside) / 2 - 1, norm.ppf(0.975)
    frame = (2 - t) * (1 + t)
    spread = frame + both * ((1 - t) * (1 + t) + t * (2 - t))
    equation = (value - t) ** 2 * inside * outside * frame - z**2 * t * (1 - t) * spread
    real = [root.real for root in equation.roots() if abs(root.imag) < 1e-9]
    roots = sorted(root for root in real if -1e-6 <= root <= 1 + 1e-6)
    found = auc(*_with_auc(inside, outside, value))
    assert found.value == value
    assert (found.low, found.high) == pytest.approx((roots[0], roots[-1]), abs=1e-6)


def _with_auc(inside, outside, value):
    wins = round(value * inside * outside)  # every member above as many others as needed
    above = [wins // inside + (i < wins % inside) for i in range(inside)]
    scores = np.r_[np.array(above) - 0.5, np.arange(outside)]
    return scores, np.arange(inside + outside) < inside


def test_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    truth = norm.cdf(2 / math.sqrt(2))  # of two normal distributions, 2 deviations apart
    member = np.arange(50) < 25
    found = [auc(rng.normal(size=50) + 2 * member, member) for _ in range(400)]
    share = np.mean([one.low <= truth <= one.high for one in found])
    assert 0.92 <= share <= 0.985


def test_interval_of_a_perfect_score_is_not_a_point():
    found = auc(np.arange(20.0), np.arange(20) >= 10)
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.5 < found.low < 0.9


def test_auc_needs_both_kinds():
    with pytest.raises(ValueError, match="3 members, 0 others"):
        auc(np.arange(3.0), np.ones(3, bool))


def test_guesses_are_the_ends_of_the_order():
    scores = np.array([5.0, 1.0, 4.0, 2.0, 3.0, 6.0, 0.0, 7.0])
    member = np.array([True, False, False, True, True, True, False, True])
    # Highest: 7 (member), 6 (member); lowest: 0 (not), 1 (not).
    assert guess(scores, member, 0.25) == (4, 4)
    # Half: also 5 (member), 4 (not) and 2, 3 (members): two more wrong ones and one wrong.
    assert guess(scores, member, 0.5) == (5, 8)
    with pytest.raises(ValueError, match=r"share=0\.6"):
        guess(scores, member, 0.6)


@pytest.mark.parametrize("guesses", [10, 60, 1000])
def test_bound_of_faultless_guesses(guesses):
    # All right with probability q^r = 0.05 at the bound, and q = e^eps / (1 + e^eps).
    right = 0.05 ** (1 / guesses)
    expected = math.log(right / (1 - right))
    assert epsilon_lower_bound(guesses, guesses, canaries=guesses) == pytest.approx(expected)


@pytest.mark.parametrize(("correct", "guesses"), [(40, 60), (700, 1000), (16, 20)])
def test_bound_is_clopper_pearsons(correct, guesses):
    right = beta.ppf(0.05, correct, guesses - correct + 1)
    expected = math.log(right / (1 - right))
    found = epsilon_lower_bound(correct, guesses, canaries=guesses)
    assert found == pytest.approx(expected, rel=1e-6)


def test_guesses_no_better_than_a_coin_bound_nothing():
    assert epsilon_lower_bound(50, 100, canaries=400) == 0
    assert epsilon_lower_bound(0, 0, canaries=4) == 0


@pytest.mark.parametrize(("correct", "guesses", "canaries"), [(5, 4, 9), (3, 9, 8), (-1, 2, 3)])
def test_impossible_counts_are_refused(correct, guesses, canaries):
    with pytest.raises(ValueError, match=f"correct={correct}, guesses={guesses}"):
        epsilon_lower_bound(correct, guesses, canaries=canaries)


def test_delta_costs_what_the_paper_says():
    # Steinke et al. 2023: beta + 2 m delta max_i P[v > W >= v - i] / i, W binomial; term by term.
    v, r, m, epsilon, delta = 14, 16, 40, 0.7, 1e-3
    q = math.exp(epsilon) / (1 + math.exp(epsilon))
    pmf = [math.comb(r, k) * q**k * (1 - q) ** (r - k) for k in range(r + 1)]
    worst = max(sum(pmf[v - i : v]) / i for i in range(1, v + 1))
    assert chance(v, r, m, epsilon, delta) == pytest.approx(
        sum(pmf[v:]) + 2 * m * delta * worst, rel=1e-9
    )
    assert epsilon_lower_bound(v, r, canaries=m, delta=delta) < epsilon_lower_bound(
        v, r, canaries=m
    )


def test_randomised_response_is_never_overstated_and_in_the_end_found():
    # Randomised response tells the truth with probability e^eps / (1 + e^eps): exactly eps-DP.
    rng, epsilon = np.random.default_rng(3), 1.0
    truthful = math.exp(epsilon) / (1 + math.exp(epsilon))

    def audit(count):
        member = rng.random(count) < 0.5
        answers = np.where(rng.random(count) < truthful, member, ~member)
        scores = answers + 0.5 * rng.random(count)  # equal answers in no order
        return told(scores, member)["epsilon_at_least"]

    over = np.mean([audit(200) > epsilon for _ in range(400)])
    assert over <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
    assert 0.93 < audit(100_000) <= 1.02


def test_canaries_are_their_own_and_drawn_by_fair_coins():
    found = plant(2000, features=3, classes=10, seed=1)
    assert not found.x[:, :3].any()
    assert np.array_equal(found.x[:, 3:] > 0, np.eye(2000, dtype=bool))
    assert 0.45 < found.member.mean() < 0.55
    assert len(np.unique(found.y)) == 10
    assert np.array_equal(plant(2000, features=3, classes=10, seed=1).member, found.member)
    with pytest.raises(ValueError, match="count=0"):
        plant(0, features=3, classes=10, seed=1)


@pytest.fixture(scope="module")
def shares():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 360)
    x = (rng.normal(size=(360, 4)) * 0.3 + np.eye(3, 4)[y]).astype(np.float32)
    task = split(x, y, test=60, seed=0)
    return task.shares(even_rows(300, 30, seed=0))


def _audited(shares, level, noise, repeats=4):
    privacy = Privacy(level, clip=0.5, noise_multiplier=noise)
    training = Training(rounds=5)
    scores, member = membership(
        shares, privacy, training, slots=29, classes=3, seed=5, repeats=repeats
    )
    found = {v: told(s, member, delta=privacy.delta) for v, s in scores.items()}
    return found, Accountant(privacy).epsilon(5) if privacy.noisy else None


def test_without_protection_every_canary_is_found(shares):
    found, _ = _audited(shares, "none", 0.0)
    assert found[MODEL]["auc"] == 1.0
    assert list(found) == [MODEL]


@pytest.mark.parametrize("level", ["central_dp", "secure_aggregation+dp"])
def test_noise_hides_canaries_as_well_as_it_can(shares, level):
    found, claim = _audited(shares, level, 2.0)
    # T Gaussian releases are mu-GDP with mu = sqrt(T) / z (Dong et al. 2022): no test does better
    # than AUC = Phi(mu / sqrt 2), 0.785, and an audit with power comes near.
    most = norm.cdf(math.sqrt(5) / 2.0 / math.sqrt(2))
    assert found[MODEL]["auc_low"] <= most
    assert found[MODEL]["auc"] > 0.65
    assert found[MODEL]["epsilon_at_least"] < claim


def test_an_audit_sees_noise_that_is_not_there(shares):
    found, _ = _audited(shares, "central_dp", 0.05)
    claim = Accountant(Privacy("central_dp", noise_multiplier=4.0)).epsilon(5)
    assert claim == pytest.approx(2.28, abs=0.05)  # the classic analytic Gaussian: mu = 0.559
    assert found[MODEL]["epsilon_at_least"] > claim  # so a claim of z = 4 would be refuted


def test_local_noise_is_audited_at_the_server(shares):
    found, claim = _audited(shares, "local_dp", 0.5)
    assert set(found) == {MODEL, UPDATES}
    assert found[UPDATES]["auc"] > found[MODEL]["auc"]  # the sum holds the noise of all clients
    assert found[UPDATES]["epsilon_at_least"] < claim
    # Noise of 2 clip z on each update, canary and replaced client at most sqrt(2) clip apart:
    # at best mu = sqrt(T) / (sqrt(2) z).
    assert found[UPDATES]["auc_low"] <= norm.cdf(math.sqrt(5) / (math.sqrt(2) * 0.5) / math.sqrt(2))


def test_audits_repeat(shares):
    assert _audited(shares, "central_dp", 2.0) == _audited(shares, "central_dp", 2.0)


def test_more_canaries_than_clients_are_refused(shares):
    with pytest.raises(ValueError, match="slots=31: allowed is 1 to 30"):
        membership(shares, Privacy("none"), Training(1), slots=31, classes=3, seed=0)
