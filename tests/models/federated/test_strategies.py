"""Strategies through server and grid, against the formulas of their papers."""

import itertools

import numpy as np
import pytest

from models.federated.selection import Selection
from models.federated.strategies import STRATEGIES, StrategySettings, build_strategy
from tests.models.federated.conftest import EPS, Quadratic, after, plan_of, quadratics, run

RATE, ROUNDS = 0.1, 6
SETTINGS = {
    "fedavg": {},
    "fedprox": {"mu": 0.7},
    "fedavgm": {"server_rate": 0.6, "momentum": 0.8},
    "fedadam": {"server_rate": 0.3, "beta_1": 0.8, "beta_2": 0.95, "tau": 0.01},
    "fedyogi": {"server_rate": 0.3, "beta_1": 0.8, "beta_2": 0.95, "tau": 0.01},
    "fedadagrad": {"server_rate": 0.3, "tau": 0.01},
}


def reference(name: str, clients: list[Quadratic]) -> np.ndarray:
    """The papers' algorithms in a few lines of NumPy, in double precision.

    FedAdam, FedYogi, FedAdagrad: Reddi et al. 2021, algorithm 2, from v = 0. FedAdagrad there has
    beta_1 = 0. Flower corrects FedAdam's step as Adam does (Kingma & Ba 2015, before section 2.1),
    one round ahead: with t + 1 in round t. FedAvgM: Hsu et al. 2019, section 4.1.
    """
    s = StrategySettings(name, **SETTINGS[name])
    x = np.zeros(4)
    m, v, momentum = np.zeros(4), np.zeros(4), np.zeros(4)
    weights = np.array([c.examples for c in clients], float)
    for t in range(1, ROUNDS + 1):
        pull = s.mu if name == "fedprox" else 0.0
        ends = np.stack([after(x, c, rate=RATE, pull=pull) for c in clients])
        delta = weights @ (ends - x) / weights.sum()
        beta_1 = 0.0 if name == "fedadagrad" else s.beta_1
        m = beta_1 * m + (1 - beta_1) * delta
        square, step = delta**2, s.server_rate
        if name == "fedadagrad":
            v = v + square
        elif name == "fedyogi":
            v = v - (1 - s.beta_2) * square * np.sign(v - square)
        elif name == "fedadam":
            v = s.beta_2 * v + (1 - s.beta_2) * square
            step *= np.sqrt(1 - s.beta_2 ** (t + 1)) / (1 - s.beta_1 ** (t + 1))
        momentum = s.momentum * momentum + delta
        if name in ("fedavg", "fedprox"):
            x = x + delta
        elif name == "fedavgm":
            x = x + s.server_rate * momentum
        else:
            x = x + step * m / (np.sqrt(v) + s.tau)
    return x


@pytest.mark.parametrize("name", SETTINGS)
def test_as_in_the_papers(name: str) -> None:
    clients = quadratics(5)
    expected = reference(name, clients)

    found = run(clients, plan_of(name, rounds=ROUNDS, rate=RATE, settings=SETTINGS[name]))

    np.testing.assert_allclose(found.x, expected, rtol=2e-5, atol=2e-6)
    assert found.kinds == []


def test_the_references_differ_from_each_other() -> None:
    """Else a test of one strategy would pass with another's code."""
    found = [reference(name, quadratics(5)) for name in SETTINGS]
    for one, other in itertools.combinations(found, 2):
        assert np.abs(one - other).max() > 0.01


# Two clients as in Karimireddy et al. 2020, figure 3: f_i = bend_i / 2 (x - goal_i)^2, with other
# goals in each of 64 coordinates: in one alone, two clients soon send the very same number.
BENDS = np.array([1.0, 3.0])
GOALS = np.random.default_rng(3).normal(size=(2, 64)) * 4
OPTIMUM = BENDS @ GOALS / BENDS.sum()
START = {"x": np.full(64, 10, np.float32)}


def two(steps: tuple[int, int] = (5, 5)) -> list[Quadratic]:
    pairs = zip(BENDS, GOALS, steps, strict=True)
    return [Quadratic(f"c{k}", b, {"x": g}, 1, s) for k, (b, g, s) in enumerate(pairs)]


def settles(pulls: np.ndarray) -> np.ndarray:
    """Where sum pull_i (goal_i - x) = 0."""
    return pulls @ GOALS / pulls.sum()


def covered(rate: float, steps: np.ndarray) -> np.ndarray:
    """Share of the way to its goal that a client goes in a round: 1 - (1 - rate bend)^steps."""
    return 1 - (1 - rate * BENDS) ** steps


def test_scaffold_ends_in_the_optimum_where_fedavg_stays_off() -> None:
    scaffold = run(two(), plan_of("scaffold", rounds=60, rate=0.05), initial=START)
    fedavg = run(two(), plan_of("fedavg", rounds=24, rate=0.05), initial=START)

    # Weights travel as float32: within a few units of its precision at the goals' size.
    assert np.abs(scaffold.x - OPTIMUM).max() <= 8 * EPS * np.abs(GOALS).max()
    stuck = settles(covered(0.05, np.array([5, 5])))
    assert np.abs(stuck - OPTIMUM).max() > 0.2  # FedAvg is off, says the closed form
    np.testing.assert_allclose(fedavg.x, stuck, atol=2e-4)
    assert scaffold.kinds == fedavg.kinds == []


def test_scaffold_with_half_of_the_clients_a_round_still_ends_in_the_optimum() -> None:
    half = Selection("random", 0.5, 1)
    found = run(two(), plan_of("scaffold", rounds=100, rate=0.05, selection=half), initial=START)

    assert {len(r.parts) for r in found.rounds} == {1}
    np.testing.assert_allclose(found.x, OPTIMUM, atol=1e-3)


def test_scaffolds_control_moves_by_the_share_that_took_part() -> None:
    """Karimireddy et al. 2020, algorithm 1: c += |S| / N * mean of the changes; with option II and
    c = c_i = 0 at first, the change of client i is (x - y_i) / (K rate)."""
    half = Selection("random", 0.5, 1)
    plan = plan_of("scaffold", rounds=1, rate=0.05, selection=half)
    found = run(two(), plan, initial=START)

    client = two()[found.rounds[0].parts[0].partition]
    change = (START["x"] - after(START["x"], client, rate=0.05)) / (5 * 0.05)
    control = found.server.memory()["strategy"]["control"]["x"]
    np.testing.assert_allclose(control, change / 2, rtol=1e-4)


def test_fednova_comes_nearer_as_steps_shrink_where_fedavg_does_not() -> None:
    """Wang et al. 2020: FedAvg minimises sum K_i f_i instead of sum f_i, however small the rate."""
    steps = np.array([2, 8])
    start = {"x": OPTIMUM.astype(np.float32)}
    off = {}
    for rate in (0.05, 0.005):
        for name in ("fednova", "fedavg"):
            plan = plan_of(name, rounds=round(1.5 / rate), rate=rate)
            found = run(two((2, 8)), plan, initial=start)
            pulls = covered(rate, steps) / (steps if name == "fednova" else 1)
            np.testing.assert_allclose(found.x, settles(pulls), atol=1e-4)
            off[name, rate] = float(np.linalg.norm(found.x - OPTIMUM))
            assert found.kinds == []
    # Tenfold smaller steps, tenfold smaller error, up to terms of second order in the rate.
    assert off["fednova", 0.05] / off["fednova", 0.005] == pytest.approx(10, rel=0.15)
    inconsistent = float(np.linalg.norm(settles(steps * BENDS) - OPTIMUM))
    assert off["fedavg", 0.005] == pytest.approx(inconsistent, rel=0.1)


@pytest.mark.parametrize(
    ("name", "least"), [("krum", 7), ("multi_krum", 7), ("bulyan", 11), ("trimmed_mean", 2)]
)
def test_too_few_clients_are_refused_by_name(name: str, least: int) -> None:
    """2f + 3 for Krum (Blanchard et al. 2017), 4f + 3 for Bulyan (El Mhamdi et al. 2018)."""
    settings = StrategySettings(name, malicious=2)
    with pytest.raises(
        ValueError, match=rf"{name} with malicious=2 needs at least {least} clients"
    ):
        build_strategy(settings, clients=least - 1)
    assert build_strategy(settings, clients=least) is not None


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'fedsgd': allowed are fedavg, fedprox"):
        build_strategy(StrategySettings("fedsgd"), clients=3)


def test_all_that_the_issue_names_are_there() -> None:
    assert set(STRATEGIES) == {
        *("fedavg", "fedavgm", "fedprox", "scaffold", "fednova", "fedadam", "fedyogi"),
        *("fedadagrad", "median", "trimmed_mean", "krum", "multi_krum", "bulyan"),
    }
