"""The accountant against published and independently computed values; budgets."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from models.federated.accountant import ADD_OR_REMOVE, REPLACE, Accountant, BudgetSpentError
from models.federated.noise import private_mod, source_of
from models.federated.privacy import Adaptive, Privacy
from models.federated.selection import Selection
from tests.models.federated.conftest import plan_of, quadratics, run


def accountant(z: float, *, sampled: float = 1.0, **more: Any) -> Accountant:
    return Accountant(Privacy("central_dp", noise_multiplier=z, **more), sampled)


def analytic(z: float, delta: float) -> float:
    """Epsilon of the Gaussian mechanism, exactly: Balle & Wang 2018, theorem 8, solved for it."""

    def off(epsilon: float) -> float:
        shift, width = 1 / (2 * z), epsilon * z
        return norm.cdf(shift - width) - np.exp(epsilon + norm.logcdf(-shift - width)) - delta

    return float(brentq(off, 0, 200 / z + 1 / z**2, xtol=1e-12))


@pytest.mark.parametrize("z", [0.8, 1.0, 5.0])
@pytest.mark.parametrize("rounds", [1, 10, 50])
@pytest.mark.parametrize("delta", [1e-5, 1e-3])
def test_without_sampling_it_is_the_analytic_gaussian(z: float, rounds: int, delta: float) -> None:
    """`rounds` releases with z are one with z / sqrt(rounds) (Dong et al. 2022, corollary 3.3)."""
    found = accountant(z, delta=delta).epsilon(rounds)
    assert found == pytest.approx(analytic(z / math.sqrt(rounds), delta), rel=1e-4)


def test_rdp_of_fifty_releases() -> None:
    # Flower's RdpAccountant and dp-accounting, measured apart: 7.0774.
    assert accountant(5.0).epsilon_rdp(50) == pytest.approx(7.0774, abs=5e-5)


def test_sampled_as_opacus_counts_it() -> None:
    """N = 60,000, batches of 256, sigma 1.1, 60 epochs, delta 1e-5: Opacus 1.6's RDP says 2.5966,
    dp-accounting's PLD 2.3817; Opacus' PRV 2.3917 is an upper bound of the same."""
    one = accountant(1.1, sampled=256 / 60_000)
    steps = 60 * (60_000 // 256)
    assert one.epsilon_rdp(steps) == pytest.approx(2.5966, rel=2e-3)
    assert one.epsilon(steps) == pytest.approx(2.3817, rel=2e-3)


def test_sampling_costs_less_and_more_rounds_cost_more() -> None:
    assert accountant(1.0, sampled=0.1).epsilon(5) < accountant(1.0).epsilon(5)
    spent = [accountant(1.0).epsilon(n) for n in range(6)]
    assert spent == sorted(spent)
    assert spent[0] == 0
    assert accountant(0.0).epsilon(1) == math.inf


@pytest.mark.parametrize("budget", [0.1, 3.0, 8.0, 1e3])
def test_affordable_rounds_fit_and_one_more_does_not(budget: float) -> None:
    one = accountant(1.0, epsilon=budget)
    fit = one.affordable(1000)
    assert one.epsilon(fit) <= budget
    assert fit == 1000 or one.epsilon(fit + 1) > budget
    assert one.affordable(3) == min(fit, 3)
    one.check(fit)
    if fit < 1000:
        with pytest.raises(BudgetSpentError, match=rf"round {fit + 1} would bring epsilon to"):
            one.check(fit + 1)


def noisy(level: Any = "central_dp", *, epsilon: float, rounds: int = 20, **more: Any) -> Any:
    privacy = Privacy(level, epsilon=epsilon, noise="seeded")
    mods = [private_mod(privacy, source_of(privacy, 1), share_of=3)]
    return run(quadratics(4), plan_of(rounds=rounds, privacy=privacy, **more), mods=mods)


@pytest.mark.parametrize("level", ["local_dp", "central_dp"])
def test_a_run_stops_before_its_budget_is_spent(level: Any) -> None:
    fit = max(n for n in range(1, 20) if analytic(1 / math.sqrt(n), 1e-5) <= 12)

    found = noisy(level, epsilon=12)

    assert 1 < fit < 19
    assert [r.number for r in found.rounds] == list(range(1, fit + 1))
    assert found.rounds[-1].epsilon == pytest.approx(analytic(1 / math.sqrt(fit), 1e-5), rel=1e-4)
    assert [(e.kind, e.round) for e in found.server.events] == [("budget_spent", fit + 1)]
    assert "stopped here" in found.server.events[0].detail


def test_a_budget_too_small_for_one_round() -> None:
    found = noisy(epsilon=0.5)
    assert found.rounds == []
    assert found.kinds == ["budget_spent"]
    assert not found.x.any()


def test_a_spent_budget_stays_spent_after_a_restart() -> None:
    from models.federated.server import Server

    first = noisy(epsilon=12)
    again = Server(first.server.plan, {"x": np.zeros(4, np.float32)}, clients=4)
    again.remember(first.server.memory())
    again.run(first.grid)
    assert again.arrays["x"].tobytes() == first.x.tobytes()
    assert [e.kind for e in again.events][-1] == "budget_spent"


def test_sampling_amplifies_only_where_the_server_is_trusted() -> None:
    """Whoever draws the clients knows who was drawn: against the server there is no amplification
    (Balle et al. 2018 assume a secret sample)."""
    from models.federated.server import Server

    half = Selection("random", 0.5, 1, poisson=True)
    for level, sampled in (("central_dp", 0.5), ("local_dp", 1.0), ("secure_aggregation+dp", 1.0)):
        plan = plan_of(privacy=Privacy(level), selection=half)  # type: ignore[arg-type]
        server = Server(plan, {"x": np.zeros(4, np.float32)}, clients=4)
        assert server.accountant is not None
        assert server.accountant.sampled == sampled, level
    fixed = plan_of(privacy=Privacy("central_dp"), selection=Selection("random", 0.5, 1))
    server = Server(fixed, {"x": np.zeros(4, np.float32)}, clients=4)
    assert server.accountant is not None
    assert server.accountant.sampled == 1.0  # a sample of fixed size is not what it assumes


def test_the_statement_names_what_it_rests_on() -> None:
    told = accountant(2.0, epsilon=9).statement(10)
    assert told["epsilon"] == pytest.approx(analytic(2 / math.sqrt(10), 1e-5), rel=1e-4)
    assert told["epsilon"] <= told["epsilon_rdp"]
    assert told["neighbouring"] == ADD_OR_REMOVE
    assert (told["budget"], told["rounds"], told["delta"]) == (9, 10, 1e-5)
    local = Accountant(Privacy("local_dp", noise="seeded")).statement(1)
    assert local["neighbouring"] == REPLACE
    assert any("seeded" in line for line in local["assumptions"])
    assert any("server is trusted" in line for line in told["assumptions"])


def test_adaptive_clipping_costs_the_same() -> None:
    adaptive = Adaptive(quantile=0.5, rate=0.2, count_noise=2.0)
    assert accountant(1.0, adaptive=adaptive).epsilon(5) == accountant(1.0).epsilon(5)
