"""Our searcher as a sampler of Optuna's, so that its storage, pruning and parallel trials serve.

Imports Optuna, which takes a second: import this module where a search runs.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from models.search.pareto import losses
from models.search.searcher import Hints, Searcher
from models.search.space import Point, Space, SpaceError


class ModelSampler(BaseSampler):
    """Samples where a Gaussian process expects most; for one objective or several.

    All it knows is in the study's trials, so a study loaded from its storage goes on as it would
    have without the stop. Finished trials teach; running ones are taken to turn out as expected;
    pruned and failed ones are not tried again (enqueue a trial to do so). Once every point has been
    tried it repeats: ask for at most `space.size` trials.

    Args:
        space: what to choose from; the objective suggests these choices with their values.
        seed: same seed, same trials, as long as they run one after the other.
        hints: zero-cost figures of a configuration, see `models.search.searcher.Searcher`.
    """

    def __init__(self, *, space: Space, seed: int, hints: Hints | None = None) -> None:
        self.space = space
        self.seed = seed
        self._searcher = Searcher(space, seed, hints)

    def infer_relative_search_space(
        self,
        study: Study,
        trial: FrozenTrial,
    ) -> dict[str, BaseDistribution]:
        del study, trial  # the space is known
        return self.space.distributions()

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        done: list[tuple[Point, Sequence[float]]] = []
        running: list[Point] = []
        without: list[Point] = []
        for other in study.get_trials(deepcopy=False):
            point = self._point(other)
            if other.number == trial.number or point is None:
                continue
            if other.state == TrialState.COMPLETE:
                done.append((point, other.values))
            else:
                (without if other.state.is_finished() else running).append(point)
        point = self._searcher.propose(
            trial.number,
            [point for point, _ in done],
            self._losses(study, [values for _, values in done]),
            running=running,
            without=without,
        )
        return dict(self.space.config(point))

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """By chance: a choice that the space does not name."""
        number = int(np.random.default_rng([self.seed, trial.number]).integers(2**31))
        chance = RandomSampler(seed=number)
        return chance.sample_independent(study, trial, param_name, param_distribution)

    def _point(self, trial: FrozenTrial) -> Point | None:
        """Where a trial lies; nothing if it chose from another space or has not chosen yet."""
        try:
            return self.space.point({name: trial.params[name] for name in self.space.names})
        except (KeyError, SpaceError):
            return None

    def _losses(self, study: Study, values: list[Sequence[float]]) -> NDArray[np.float64]:
        return losses(values, [way == StudyDirection.MAXIMIZE for way in study.directions])
