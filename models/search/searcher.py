"""Our searcher: a Gaussian process over a small discrete space, asked where it expects most.

It keeps nothing between proposals that its arguments do not hold, so a search goes on after a
stop exactly as it would have without: the seed and a trial's number give the chance in it, and the
points with their losses give the rest.

Shapes: N points measured, K choices, M objectives, P candidates, F hints.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from models.search.acquisition import expected_gain
from models.search.pareto import front
from models.search.space import Config, Point, Space
from models.search.surrogate import Floats, Inputs, Surrogate, learn

LARGEST_POOL = 50_000
"""Up to this many points all are candidates; of more, those near the best and some by chance."""
NEAR, BY_CHANCE = 1_000, 1_000
FIRST = 10
"""Trials by chance before the model is asked."""
LEARN_EVERY = 5
"""Trials between two times that the kernel's weights are learnt anew."""
MARGIN = 0.1
"""How far behind the worst of the front the reference point lies, as a share of its range."""
LOOK_PAST = 10
"""One trial in so many takes the worst that was measured as the reference point instead."""

Hints = Callable[[Config], Sequence[float]]


@dataclasses.dataclass
class Searcher:
    """Proposes points of a space.

    Args:
        space: what to choose from.
        seed: of everything left to chance.
        hints: zero-cost figures of a configuration that may say something about its losses, such as
            its parameters and FLOPs; how much, and which way, is learnt. The first of them also
            spreads the first trials: one from each tenth of the space in its order.
    """

    space: Space
    seed: int
    hints: Hints | None = None

    def __post_init__(self) -> None:
        self._learnt: dict[int, tuple[bytes, Floats]] = {}
        small = self.space.size <= LARGEST_POOL
        count = self.space.size if small else BY_CHANCE
        drawn = self.space.sample(np.random.default_rng(self.seed), count)
        hints = self._raw_hints(drawn)
        self._shift, spread = hints.mean(axis=0), hints.std(axis=0)
        self._spread = np.where(spread > 0, spread, 1.0)
        self._all = drawn if small else None
        self._row = {point: row for row, point in enumerate(drawn)} if small else {}
        self._encoded = self._encode(drawn, hints) if small else None

    def propose(
        self,
        number: int,
        points: Sequence[Point],
        losses_NM: Floats,
        *,
        running: Sequence[Point] = (),
        without: Sequence[Point] = (),
    ) -> Point:
        """The point to try next: one not tried before, while there is one.

        Args:
            number: of the trial, from 0.
            points: those measured, in the order of their trials.
            losses_NM: what was measured, less is better.
            running: points being measured elsewhere; taken to turn out as expected.
            without: points that gave no measurement and are not to be tried again.
        """
        rng = np.random.default_rng([self.seed, number])
        tried = {*points, *running, *without}
        pool = [point for point in self._pool(points, losses_NM, rng) if point not in tried]
        if not pool:
            return self.space.sample(rng, 1)[0]
        if len(points) < FIRST:
            return self._first(pool, len(tried), rng)
        gain = self._gain(number, pool, points, losses_NM, running)
        return pool[int(rng.choice(np.flatnonzero(gain == gain.max())))]

    def _pool(
        self, points: Sequence[Point], losses_NM: Floats, rng: np.random.Generator
    ) -> list[Point]:
        if self._all is not None:
            return self._all
        found = dict.fromkeys(self.space.sample(rng, BY_CHANCE))
        if len(points):
            best = [points[row] for row in front(_warped(losses_NM))]
            for _ in range(NEAR):
                point = best[int(rng.integers(len(best)))]
                for _ in range(1 + int(rng.integers(3))):  # one to three steps away
                    point = self.space.mutate(point, rng)
                found[point] = None
        return list(found)

    def _first(self, pool: list[Point], tried: int, rng: np.random.Generator) -> Point:
        """By chance; with hints, from the next tenth of the pool in the order of the first hint."""
        if self.hints is None:
            return pool[int(rng.integers(len(pool)))]
        order = np.argsort(self._inputs(pool).hints[:, 0], kind="stable")
        parts = np.array_split(order, min(FIRST, len(pool)))
        turns = np.random.default_rng(self.seed).permutation(len(parts))
        return pool[int(rng.choice(parts[turns[tried % len(parts)]]))]

    def _gain(
        self,
        number: int,
        pool: list[Point],
        points: Sequence[Point],
        losses_NM: Floats,
        running: Sequence[Point],
    ) -> Floats:
        known, others = self._inputs(points), self._inputs(running)
        believed, candidates = self._inputs([*points, *running]), self._inputs(pool)
        warped_NM = _warped(losses_NM)
        means, deviations = [], []
        for objective, targets in enumerate(warped_NM.T):
            weights = self._weights(objective, known, losses_NM[:, objective])
            surrogate = Surrogate.given(weights, known, targets)
            if running:
                expected, _ = surrogate.predict(others)
                surrogate = Surrogate.given(weights, believed, np.append(targets, expected))
            mean, deviation = surrogate.predict(candidates)
            means.append(mean)
            deviations.append(deviation)
        best = warped_NM[front(warped_NM)]
        # A reference point near the front finds most of it, and nothing past its ends.
        wide = number % LOOK_PAST == LOOK_PAST - 1
        worst = warped_NM.max(axis=0) if wide else best.max(axis=0) + MARGIN * np.ptp(best, axis=0)
        bound = worst + 1e-9
        return expected_gain(np.stack(means, 1), np.stack(deviations, 1), best, bound)

    def _weights(self, objective: int, known: Inputs, losses_N: Floats) -> Floats:
        """Learnt from all but the last few trials, so that they change only now and then."""
        used = len(losses_N) - len(losses_N) % LEARN_EVERY
        first = known.rows(np.arange(used))
        mark = losses_N[:used].tobytes() + first.unordered.tobytes() + first.ordered.tobytes()
        if self._learnt.get(objective, (b"",))[0] != mark:
            self._learnt[objective] = (mark, learn(first, _warped(losses_N[:used])))
        return self._learnt[objective][1]

    def _inputs(self, points: Sequence[Point]) -> Inputs:
        if self._encoded is None:
            hints = self._raw_hints(points) if points else np.empty((0, len(self._shift)))
            return self._encode(points, hints)
        return self._encoded.rows(np.array([self._row[p] for p in points], dtype=np.int64))

    def _encode(self, points: Sequence[Point], hints: Floats) -> Inputs:
        positions = np.array(points, dtype=np.int64).reshape(len(points), len(self.space.choices))
        return Inputs.of(self.space, positions, (hints - self._shift) / self._spread)

    def _raw_hints(self, points: Sequence[Point]) -> Floats:
        if self.hints is None or not points:
            return np.empty((len(points), 0))
        return np.array([self.hints(self.space.config(p)) for p in points], dtype=np.float64)


def _warped(losses_NM: NDArray[np.float64]) -> Floats:
    """Each objective's ranks as normal quantiles: one bad trial must not hide the good ones."""
    ranks = rankdata(losses_NM, axis=0)
    return np.asarray(ndtri((ranks - 0.5) / len(losses_NM)))
