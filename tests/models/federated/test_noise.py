"""Clipping and noise: measured against their formulas, with every level end to end."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from flwr.app import Message
from scipy.stats import chi2, kstest

from models.federated.arrays import arrays_of
from models.federated.noise import clipped, private_mod, source_of, sum_multiplier
from models.federated.privacy import Adaptive, Privacy
from models.federated.secure import Secure, secure_mods
from models.federated.selection import Selection
from tests.models.federated.conftest import Outcome, Quadratic, plan_of, run

SIZE = 20_000
START = {"x": np.zeros(SIZE, np.float32)}


def privacy_of(level: Any, **more: Any) -> Privacy:
    given = {"clip": 1.0, "noise_multiplier": 1.0, "epsilon": 1e6, "noise": "seeded", **more}
    return Privacy(level, **given)


def still(count: int, goals: Any = 0.0) -> list[Quadratic]:
    """Clients that are at their goals: all that moves is noise."""
    goals = np.repeat(np.broadcast_to(goals, count)[:, None], SIZE, axis=1)
    for i, goal in enumerate(goals):
        goal[i] += 0.1 * goal[i] + 1e-9 * i  # no two send the same
    return [
        Quadratic(f"c{i}", 1.0, {"x": goal}, examples=i + 1, steps=1)
        for i, goal in enumerate(goals)
    ]


def go(
    privacy: Privacy, clients: list[Any], *, rounds: int = 1, share: int = 4, **more: Any
) -> Outcome:
    mods = more.pop("mods", None)
    if mods is None:
        mods = [private_mod(privacy, source_of(privacy, 1), share_of=share)]
    plan = plan_of(rounds=rounds, privacy=privacy, rate=1.0, **more)
    return run(clients, plan, mods=mods, initial=START)


def spread(values: np.ndarray, deviation: float) -> None:
    """That values are draws of N(0, deviation^2): their squares' sum is chi-squared, as all of
    their distribution (Kolmogorov and Smirnov). Seeds are fixed; a right one fails in 2e-6."""
    values = values.astype(float).ravel()
    low, high = chi2.ppf([1e-6, 1 - 1e-6], len(values)) / len(values)
    assert low < (values**2).mean() / deviation**2 < high
    assert kstest(values / deviation, "norm").pvalue > 1e-6


@pytest.mark.parametrize(("clip", "z"), [(1.0, 1.0), (0.5, 1.0), (2.0, 0.3)])
def test_local_noise_is_twice_the_clip_times_z(clip: float, z: float) -> None:
    """Any two updates of norm `clip` are at most 2 * clip apart: that is what noise must cover."""
    sent: list[np.ndarray] = []

    def note(message: Message, reply: Message) -> None:
        if message.metadata.message_type == "train":
            sent.append(arrays_of(reply.content["arrays"])["x"])

    privacy = privacy_of("local_dp", clip=clip, noise_multiplier=z)
    mods = [private_mod(privacy, source_of(privacy, 1), share_of=1)]
    plan = plan_of(rounds=2, privacy=privacy, rate=1e-9)
    run(still(2), plan, mods=mods, initial=START, on_message=note)

    for value in sent[:2]:
        spread(value, 2 * clip * z)
    assert abs(np.corrcoef(sent[0], sent[1])[0, 1]) < 0.05  # each client draws its own
    assert abs(np.corrcoef(sent[0], sent[2] - (sent[0] + sent[1]) / 2)[0, 1]) < 0.05  # each round


@pytest.mark.parametrize(("clip", "z", "clients"), [(1.0, 1.0, 4), (0.5, 2.0, 7)])
def test_central_noise_is_the_clip_times_z_over_the_clients(
    clip: float, z: float, clients: int
) -> None:
    found = go(privacy_of("central_dp", clip=clip, noise_multiplier=z), still(clients))
    spread(found.x, clip * z / clients)


def test_central_noise_is_divided_by_the_expected_number_not_by_who_came() -> None:
    def absent(message: Message, context: Any, call_next: Any) -> Message:
        if context.node_config["partition-id"] < 3:
            raise ConnectionError("gone")
        return call_next(message, context)

    found = go(privacy_of("central_dp"), still(8), mods=[absent])
    assert len(found.rounds[0].parts) == 5
    spread(found.x, 1 / 8)


def test_noise_under_secure_aggregation_adds_up() -> None:
    """Four of six suffice for z * clip in the sum: six bring sqrt(6 / 4) as much, over six."""
    privacy = privacy_of("secure_aggregation+dp", clip=0.5, noise_multiplier=2.0)
    # `most_examples` is 1: under privacy all clients count alike.
    secure = Secure(reach=8.0, threshold=4, most_examples=1)
    mods = [*secure_mods(), private_mod(privacy, source_of(privacy, 1), share_of=4)]
    found = go(privacy, still(6), mods=mods, secure=secure)
    spread(found.x, 0.5 * 2.0 * np.sqrt(6 / 4) / 6)


def test_the_server_clips_whoever_does_not() -> None:
    """Three clients without the mod, one of them with a huge update: it counts for `clip`."""
    goals = np.zeros(4)
    goals[0], goals[1] = 1e4, 1e-5
    privacy = privacy_of("central_dp", clip=2.0, noise_multiplier=1e-9, delta=0.5, epsilon=1e300)
    found = go(privacy, still(4, goals), mods=[])

    # Norm 2 of the clipped one, 1e-5 * sqrt(SIZE) of the small one as it is, along one direction.
    expected = (2.0 + 1e-5 * np.sqrt(SIZE)) / 4 / np.sqrt(SIZE)
    np.testing.assert_allclose(found.x[4:], expected, rtol=1e-4)


@pytest.mark.parametrize("level", ["local_dp", "secure_aggregation+dp"])
def test_clients_clip_their_own_updates(level: Any) -> None:
    privacy = privacy_of(level, clip=2.0, noise_multiplier=1e-9)
    secure = Secure(reach=8.0, threshold=3, most_examples=1)
    mods = [private_mod(privacy, source_of(privacy, 1), share_of=4)]
    if privacy.secure:
        mods = [*secure_mods(), *mods]
    found = go(privacy_of(level, noise_multiplier=0.5), still(4, 1e3), mods=mods, secure=secure)
    assert np.linalg.norm(found.x) == pytest.approx(2.0, rel=1e-3)


@pytest.mark.parametrize("most", [0.1, 5.0, 100.0])
def test_clipping(most: float) -> None:
    update = {"a": np.full(9, 1.0, np.float32), "b": np.full((4, 4), -1.0, np.float32)}  # norm 5
    found, below = clipped(update, most)
    length = np.sqrt(sum((v**2).sum() for v in found.values()))
    assert length == pytest.approx(min(5.0, most), rel=1e-6)
    assert below == (most >= 5.0)


def test_noise_has_no_setting_of_its_own() -> None:
    """Flower's LocalDpMod takes `sensitivity` beside the clipping norm: whoever gives a smaller one
    has no privacy. Here noise follows the clip, and nothing else sets it."""
    names = {field.name for field in dataclasses.fields(Privacy)}
    assert names == {"level", "clip", "noise_multiplier", "epsilon", "delta", "noise", "adaptive"}


@pytest.mark.parametrize("level", ["local_dp", "central_dp"])
def test_figures_of_clients_are_taken_out(level: Any) -> None:
    """A training loss would tell about the data without noise."""
    clients = still(3)
    clients[0].told = {"secret": 42.0}
    found = go(privacy_of(level), clients)
    assert {name for part in found.rounds[0].parts for name in part.metrics} == {"steps"}
    assert {part.metrics["steps"] for part in found.rounds[0].parts} == {1.0}
    assert "secret" not in found.rounds[0].metrics
    assert {part.weight for part in found.rounds[0].parts} == {1.0}  # nor do examples weigh


def test_seeded_noise_repeats_and_the_systems_does_not() -> None:
    for level in ("local_dp", "central_dp"):
        seeded = [go(privacy_of(level), still(3), rounds=2).x.tobytes() for _ in range(2)]
        system = [go(privacy_of(level, noise="system"), still(3)).x for _ in range(2)]
        assert seeded[0] == seeded[1]
        assert abs(np.corrcoef(*system)[0, 1]) < 0.05
        spread(system[0], 2 / np.sqrt(3) if level == "local_dp" else 1 / 3)


@pytest.mark.parametrize(("z", "count"), [(1.0, 1.0), (0.7, 5.0), (2.0, 1.5)])
def test_adaptive_clipping_splits_the_noise(z: float, count: float) -> None:
    """Andrew et al. 2021, theorem 1: z_sum = (z^-2 - (2 count)^-2)^(-1/2). Both together cost what
    one release with z does, as squares of (sensitivity / deviation) add up."""
    adaptive = Adaptive(quantile=0.5, rate=0.2, count_noise=count)
    privacy = privacy_of("central_dp", noise_multiplier=z, adaptive=adaptive)

    found = sum_multiplier(privacy)

    assert 1 / found**2 + (0.5 / count) ** 2 == pytest.approx(1 / z**2)
    spread(go(privacy, still(5)).x, found / 5)


def test_counts_that_cost_more_than_the_whole_are_refused() -> None:
    adaptive = Adaptive(quantile=0.5, rate=0.2, count_noise=0.5)
    with pytest.raises(ValueError, match=r"count_noise \(0.5\) must be above half of .*\(0.5\)"):
        sum_multiplier(privacy_of("central_dp", adaptive=adaptive))


def clip_after(goals: list[float], *, clip_themselves: bool = False, **more: Any) -> float:
    """The clip after one round, with counts as good as without noise."""
    adaptive = Adaptive(quantile=more.pop("quantile", 0.5), rate=1.0, count_noise=1e-4)
    privacy = privacy_of("central_dp", noise_multiplier=1e-5, adaptive=adaptive, epsilon=1e300)
    found = go(privacy, still(len(goals), goals), mods=None if clip_themselves else [], **more)
    assert found.server.central is not None
    return found.server.central.clip


@pytest.mark.parametrize("own", [False, True], ids=["server clips", "clients clip"])
def test_the_clip_follows_a_quantile(own: bool) -> None:
    """clip *= exp(-rate (share below - quantile)), Andrew et al. 2021, algorithm 1."""
    far, near = 1.0, 1e-6  # norms of 141 and 1e-4; the clip is 1
    assert clip_after([near] * 4, clip_themselves=own) == pytest.approx(np.exp(-0.5), rel=1e-3)
    assert clip_after([far] * 4, clip_themselves=own) == pytest.approx(np.exp(0.5), rel=1e-3)
    assert clip_after([far, near] * 2, clip_themselves=own) == pytest.approx(1.0, rel=1e-3)
    assert clip_after([far] + [near] * 3, clip_themselves=own, quantile=0.75) == pytest.approx(
        1.0, rel=1e-3
    )


def test_who_was_below_the_clip_is_shown_to_no_one() -> None:
    adaptive = Adaptive(quantile=0.5, rate=0.2, count_noise=5)
    found = go(privacy_of("central_dp", adaptive=adaptive), still(3))
    assert {name for part in found.rounds[0].parts for name in part.metrics} == {"steps"}


def test_one_client_more_or_less_changes_the_count_by_half() -> None:
    """Theorem 1 counts b - 1/2: only then does adding or removing a client move the sum by no more
    than 1/2, which its noise is for. The number expected stays the same: it is public."""

    def clip_without(missing: int) -> float:
        def absent(message: Message, context: Any, call_next: Any) -> Message:
            if context.node_config["partition-id"] < missing:
                raise ConnectionError("gone")
            return call_next(message, context)

        adaptive = Adaptive(quantile=0.5, rate=1.0, count_noise=1e-4)
        privacy = privacy_of("central_dp", noise_multiplier=1e-5, adaptive=adaptive, epsilon=1e300)
        found = go(privacy, still(4), mods=[absent])
        assert found.server.central is not None
        return float(-np.log(found.server.central.clip))

    assert clip_without(0) - clip_without(1) == pytest.approx(0.5 / 4, abs=1e-3)


def test_poisson_rounds_without_anyone_are_released_and_counted() -> None:
    """The accountant's mechanism adds noise whoever is drawn: a round that stood still because no
    one was would tell that no one was."""
    some = Selection("random", 0.2, 1, poisson=True)
    found = go(privacy_of("central_dp", noise_multiplier=4.0), still(3), rounds=4, selection=some)

    drawn = [len(r.parts) for r in found.rounds]
    assert 0 in drawn
    assert sum(drawn) > 0
    before = START["x"]
    for r in found.rounds:
        spread(r.arrays["x"] - before, 4.0 / max(1.0, 0.2 * 3))
        before = r.arrays["x"]
    assert found.server.progress.noisy_rounds == 4
