"""Members onto kinds of devices: the best there are, held against looking at every choice."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from models.quantum.qubo.compare import side_by_side
from models.quantum.qubo.exact import exact
from models.quantum.qubo.feasible import InfeasibleError
from models.quantum.qubo.placement import Kind, Member, Weights, placed, placement

MEMBERS = [
    Member("server", 42e6, 30.0, 300e6, 0.002),
    Member("laptop", 36e6, 28.0, 260e6, 0.010),
    Member("phone", 15e6, 6.0, 140e6, 0.075),
    Member("tiny", 0.4e6, 1.0, 60e6, 0.370),
]
KINDS = [
    Kind("mobile", 0.4, 2000e6, 2.0, 6e6),
    Kind("desktop", 0.2, 8000e6, 1.0, 18e6),
    Kind("edge", 0.3, 280e6, 8.0, 7e6),
    Kind("iot", 0.1, 80e6, 40.0, 0.7e6),
]
WEIGHTS = Weights(latency=0.2, wait=0.1, sharing=0.3)


def costs(weights: Weights, traffic: float | None) -> dict[tuple[str, ...], float]:
    """By members in the order of the kinds: the docstring's formula, term by term."""
    fits = [[m for m in MEMBERS if m.memory_bytes <= k.memory_bytes] for k in KINDS]
    pairs = [(k, m) for k, own in zip(KINDS, fits, strict=True) for m in own]
    slowest = max(m.latency_ms * k.slower for k, m in pairs)
    longest = max(m.bytes / k.bytes_per_second for k, m in pairs)
    found = {}
    for chosen in product(*fits):
        cost, sent = 0.0, 0.0
        for i, (k, m) in enumerate(zip(KINDS, chosen, strict=True)):
            cost += k.share * m.loss
            cost += k.share * weights.latency * m.latency_ms * k.slower / slowest
            cost += k.share * weights.wait * m.bytes / k.bytes_per_second / longest
            sent += 1000 * k.share * m.bytes
            for j in range(i):
                cost -= weights.sharing * k.share * KINDS[j].share * (chosen[j] is m)
        if traffic is None or sent <= traffic:
            found[tuple(m.name for m in chosen)] = cost
    return found


@pytest.mark.parametrize("weights", [WEIGHTS, Weights(), Weights(0.0, 0.0, 0.0)])
def test_the_best_of_all_choices(weights: Weights) -> None:
    answer = exact(placement(MEMBERS, KINDS, weights=weights))
    expected = costs(weights, None)
    best = min(expected, key=lambda chosen: expected[chosen])
    assert placed(answer, MEMBERS, KINDS) == dict(
        zip(("mobile", "desktop", "edge", "iot"), best, strict=True)
    )
    assert answer.energy == pytest.approx(expected[best])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.9])
def test_traffic_is_kept_and_nearly_used_up(share: float) -> None:
    least = 1000 * 0.4e6
    most = 1000 * (0.4 * 42e6 + 0.2 * 42e6 + 0.3 * 36e6 + 0.1 * 0.4e6)
    traffic = least + share * (most - least)
    answer = exact(placement(MEMBERS, KINDS, traffic_bytes=traffic, weights=WEIGHTS))
    chosen = placed(answer, MEMBERS, KINDS)
    size = {member.name: member.bytes for member in MEMBERS}
    sent = sum(1000 * kind.share * size[chosen[kind.name]] for kind in KINDS)
    assert sent <= traffic
    # Traffic is counted in 255 parts, each kind's rounded up: nothing better would have fitted into
    # four parts less.
    tight = costs(WEIGHTS, traffic - 4 / 255 * (traffic - least))
    assert answer.energy <= min(tight.values()) + 1e-12
    assert answer.energy >= min(costs(WEIGHTS, traffic).values()) - 1e-12


def test_the_table_of_a_family() -> None:
    table = side_by_side(placement(MEMBERS, KINDS, traffic_bytes=15e9), seed=3)
    assert all(line.answer is not None for line in table.lines)  # 13 variables: nobody refuses
    assert table.best.energy == exact(placement(MEMBERS, KINDS, traffic_bytes=15e9)).energy
    assert placed(table.best, MEMBERS, KINDS)["iot"] == "tiny"  # nothing else fits


def test_sharing_joins_kinds() -> None:
    """Two members that are equal but for their names: with a reward one of them is everywhere."""
    twins = [replace(MEMBERS[3], name=name) for name in ("one", "two")]
    chosen = placed(exact(placement(twins, KINDS, weights=WEIGHTS)), twins, KINDS)
    assert len(set(chosen.values())) == 1


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: placement([], KINDS), ValueError, "0 members on 4 kinds"),
        (lambda: placement(MEMBERS, []), ValueError, "4 members on 0 kinds"),
        (
            lambda: placement(MEMBERS[:3], KINDS),
            InfeasibleError,
            r"no member fits on iot: .* 140 MB of memory \(phone\), it has 80 MB",
        ),
        (
            lambda: placement(MEMBERS, KINDS, traffic_bytes=399e6),
            InfeasibleError,
            "traffic of 399 MB: the smallest member on every device already takes 400 MB",
        ),
        (lambda: placement([MEMBERS[3]] * 2, KINDS), ValueError, "tiny on .* more than once"),
        (
            lambda: placement([replace(MEMBERS[3], loss=float("nan"))], KINDS),
            ValueError,
            "must be finite",
        ),
    ],
)
def test_bad_input_is_named(wrong: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        wrong()


def test_same_problem_same_bytes() -> None:
    first, second = (placement(MEMBERS, KINDS, traffic_bytes=15e9) for _ in range(2))
    assert first.to_json() == second.to_json()
    assert np.isfinite(first.matrix).all()
