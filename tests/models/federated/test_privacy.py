"""Which settings void a guarantee, and which do not."""

from typing import Any

import pytest

from models.federated.codec import Codec
from models.federated.privacy import Adaptive, Privacy, refusals
from models.federated.selection import Selection
from models.federated.strategies import ROBUST, STRATEGIES

NONE = Codec("none")
AVERAGING = ("fedavg", "fedprox", "fedavgm", "fedadam", "fedyogi", "fedadagrad")
SECURE = ("secure_aggregation", "secure_aggregation+dp")


def refused(
    level: Any,
    strategy: str = "fedavg",
    *,
    selection: Selection | None = None,
    upload: Codec = NONE,
    stragglers: str = "wait",
    **more: Any,
) -> list[str]:
    return refusals(
        Privacy(level, **more),
        strategy,
        selection or Selection("random", 1.0, 2),
        upload,
        stragglers=stragglers,
    )


@pytest.mark.parametrize("strategy", AVERAGING)
@pytest.mark.parametrize("level", ["none", "local_dp", "central_dp", *SECURE])
def test_averaging_goes_with_every_level(level: str, strategy: str) -> None:
    assert refused(level, strategy) == []


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_without_privacy_everything_goes(strategy: str) -> None:
    loss = Selection("loss", 0.5, 2)
    assert refused("none", strategy, upload=Codec("top_k"), selection=loss, stragglers="drop") == []


@pytest.mark.parametrize("level", SECURE)
@pytest.mark.parametrize("strategy", ROBUST)
def test_robust_strategies_must_see_what_secure_aggregation_hides(
    level: str, strategy: str
) -> None:
    (reason,) = refused(level, strategy)
    assert f"secure aggregation with {strategy}: it must see single updates" in reason


@pytest.mark.parametrize("level", ["central_dp", *SECURE])
@pytest.mark.parametrize("strategy", ["scaffold", "fednova"])
def test_what_uses_more_than_the_mean_is_refused(level: str, strategy: str) -> None:
    (reason,) = refused(level, strategy)
    assert f"{level} with {strategy}: it uses more of the clients than their mean" in reason


@pytest.mark.parametrize("strategy", ROBUST)
def test_robust_strategies_under_central_dp(strategy: str) -> None:
    """One client can decide what Krum takes: noise for the mean does not cover that."""
    assert len(refused("central_dp", strategy)) == 1
    assert refused("local_dp", strategy) == []  # updates are noisy before anyone chooses


@pytest.mark.parametrize("strategy", ["scaffold", "fednova"])
def test_local_noise_does_not_cover_what_comes_beside_the_update(strategy: str) -> None:
    assert "without noise" in refused("local_dp", strategy)[0]


@pytest.mark.parametrize("level", SECURE)
@pytest.mark.parametrize("codec", ["top_k", "int8", "low_rank"])
def test_compressed_uploads_cannot_be_masked(level: str, codec: Any) -> None:
    (reason,) = refused(level, upload=Codec(codec))
    assert f"with {codec} uploads" in reason
    assert "set upload to none" in reason


@pytest.mark.parametrize("level", ["local_dp", "central_dp", *SECURE])
def test_choosing_by_loss_tells_losses(level: str) -> None:
    assert "loss-based selection" in refused(level, selection=Selection("loss", 0.5, 2))[0]


@pytest.mark.parametrize("level", ["local_dp", "central_dp"])
@pytest.mark.parametrize("codec", ["top_k", "int8", "low_rank"])
def test_compression_after_noise_or_before_a_trusted_server_is_allowed(
    level: str, codec: Any
) -> None:
    assert refused(level, upload=Codec(codec)) == []


def test_adaptive_clipping() -> None:
    good = Adaptive(quantile=0.5, rate=0.2, count_noise=1.0)
    assert refused("central_dp", adaptive=good) == []
    for level in ("local_dp", *SECURE):
        assert "adaptive clipping needs central_dp" in refused(level, adaptive=good)[0]
    unaccounted = Adaptive(quantile=0.5, rate=0.2, count_noise=0.0)
    assert "without accounting" in refused("central_dp", adaptive=unaccounted)[0]


@pytest.mark.parametrize("stragglers", ["drop", "partial"])
def test_poisson_sampling_and_stragglers(stragglers: str) -> None:
    poisson = Selection("random", 0.5, 2, poisson=True)
    reasons = refused("central_dp", selection=poisson, stragglers=stragglers)
    assert "Poisson sampling with stragglers" in reasons[0]
    assert refused("central_dp", selection=poisson) == []
    assert refused("central_dp", stragglers=stragglers) == []


def test_all_reasons_are_told_at_once() -> None:
    assert len(refused(SECURE[0], "krum", upload=Codec("top_k"))) == 2
