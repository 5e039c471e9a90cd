"""The search itself: an Optuna study over three losses, which goes on where it was killed.

Losses are quality lost on validation rows, milliseconds and bytes. What costs nothing is known
first: a trial ends early where nothing that it could still turn out to be would be worth keeping.

A proposal depends on the finished trials and on how many there are, never on a sampler's memory:
each gets a sampler of its own, seeded by that number. So a search that was killed and goes on from
its storage ends in the same front as one that was not.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.search.pareto import front
from models.search.searcher import Searcher
from models.search.space import Config, Space
from tasks.params.search import EarlyParams

OBJECTIVES = ("loss", "latency_ms", "bytes")
NAME = "search"


@dataclass(frozen=True)
class Outcome:
    """What a trial found.

    Args:
        latency_ms, bytes: what the configuration costs.
        loss: on all validation rows, relative to the trained model; None where it ended early.
        figures: what else is worth keeping.
        ended: why it ended early; empty where it did not.
    """

    latency_ms: float
    bytes: int
    loss: float | None
    figures: dict[str, float]
    ended: str = ""

    @property
    def values(self) -> tuple[float, float, float] | None:
        """The three losses, where they are known."""
        return None if self.loss is None else (self.loss, self.latency_ms, float(self.bytes))


@dataclass(frozen=True)
class Tried:
    """A finished trial; the number counts finished ones."""

    number: int
    config: Config
    outcome: Outcome


Known = Sequence[tuple[float, float, float]]
"""Losses of the trials that went to their end."""
Measure = Callable[[Config, Known], Outcome]


@dataclass(frozen=True)
class Plan:
    """What decides a search.

    Args:
        space: to search.
        first: configurations that are tried before any is proposed.
        trials: how many, those first ones counted.
        sampler: its name.
        seed: of every proposal.
        hints: figures of a configuration that cost nothing, for our own searcher.
        workers: trials at once; proposals of one round do not know of each other.
    """

    space: Space
    first: Sequence[Config]
    trials: int
    sampler: str
    seed: int
    hints: Callable[[Config], Sequence[float]]
    workers: int


class Stages:
    """Measures a configuration, the cheapest figures first.

    Args:
        cost: configuration to milliseconds and bytes; costs nothing.
        quick: configuration to its loss on a part of the rows.
        full: configuration to its loss on all rows, and other figures.
        early: when to give up.
    """

    def __init__(
        self,
        *,
        cost: Callable[[Config], tuple[float, int]],
        quick: Callable[[Config], float],
        full: Callable[[Config], tuple[float, dict[str, float]]],
        early: EarlyParams,
    ) -> None:
        self.cost, self.quick, self.full, self.early = cost, quick, full, early

    def __call__(self, config: Config, known: Known) -> Outcome:
        """Measure, or give up.

        Args:
            config: what to measure.
            known: losses of the trials before it.
        """
        latency_ms, size = self.cost(config)
        rivals = [loss for loss, ms, count in known if ms <= latency_ms and count <= size]
        better = [
            loss for loss, ms, count in known
            if (ms < latency_ms and count <= size) or (ms <= latency_ms and count < size)
        ]  # fmt: skip
        if better and min(better) <= 0.0:
            return Outcome(latency_ms, size, None, {}, "a smaller one loses nothing")
        if rivals and self.early.part > 0.0:
            quick = self.quick(config)
            if quick > min(rivals) + self.early.margin:
                return Outcome(latency_ms, size, None, {"quick_loss": quick}, "hopeless on a part")
        loss, figures = self.full(config)
        return Outcome(latency_ms, size, loss, figures)


def search(
    plan: Plan,
    measure: Callable[[Sequence[Config], Known], list[Outcome]],
    *,
    folder: Path,
    on_trial: Callable[[Tried], None],
) -> list[Tried]:
    """Search, going on from what a killed search left in the folder.

    Args:
        plan: what decides the result.
        measure: measures the configurations of a round, in order.
        folder: holds the study's storage; a file `study.journal` that Optuna's own tools read.
        on_trial: called for every finished trial in order, those of the killed search first.

    Returns:
        All finished trials, in order.
    """
    study = _open(folder)
    finished = list(_finished(study))
    searcher = Searcher(plan.space, plan.seed, plan.hints)
    for tried in finished:
        on_trial(tried)
    while len(finished) < plan.trials:
        count = min(plan.workers, plan.trials - len(finished))
        trials: list[Any] = []
        for _ in range(count):
            trials.append(_ask(study, plan, searcher, finished, trials))
        known = [tried.outcome.values for tried in finished if tried.outcome.values is not None]
        configs = [dict(trial.params) for trial in trials]
        for trial, config, outcome in zip(trials, configs, measure(configs, known), strict=True):
            _tell(study, trial, outcome)
            finished.append(Tried(len(finished), config, outcome))
            on_trial(finished[-1])
    return finished


def best(finished: Sequence[Tried]) -> list[Tried]:
    """Trials that no other beats, by rising loss; of equal ones the first."""
    whole = [tried for tried in finished if tried.outcome.values is not None]
    return [whole[row] for row in front(table(finished))] if whole else []


def table(finished: Sequence[Tried]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Losses (N, 3) of the trials that went to their end."""
    found = [tried.outcome.values for tried in finished if tried.outcome.values is not None]
    return np.array(found, dtype=np.float64).reshape(-1, len(OBJECTIVES))


def _open(folder: Path) -> Any:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    return optuna.create_study(
        study_name=NAME,
        storage=JournalStorage(JournalFileBackend(str(folder / "study.journal"))),
        directions=["minimize"] * len(OBJECTIVES),
        load_if_exists=True,
    )


def _finished(study: Any) -> Iterator[Tried]:
    """Finished trials; one that was cut off is marked as failed and tried again."""
    from optuna.trial import TrialState

    done = 0
    for trial in study.get_trials(deepcopy=False):
        if trial.state in (TrialState.RUNNING, TrialState.WAITING):
            study.tell(trial.number, state=TrialState.FAIL)
        elif trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
            kept, done = trial.user_attrs, done + 1
            yield Tried(
                done - 1,  # a trial that was cut off has a number of Optuna's, but none of ours
                dict(trial.params),
                Outcome(
                    kept["latency_ms"], kept["bytes"], kept["loss"], kept["figures"], kept["ended"]
                ),
            )


def _ask(
    study: Any, plan: Plan, searcher: Searcher, finished: Sequence[Tried], running: Sequence[Any]
) -> Any:
    done = len(finished) + len(running)
    if done < len(plan.first):
        study.enqueue_trial(plan.first[done])
    elif plan.sampler == "surrogate":
        study.enqueue_trial(_proposed(plan.space, searcher, finished, running))
    else:
        study.sampler = _sampler(plan, done)
    return study.ask(plan.space.distributions())


def _proposed(
    space: Space, searcher: Searcher, finished: Sequence[Tried], running: Sequence[Any]
) -> Config:
    measured = {space.point(tried.config): tried for tried in finished if tried.outcome.values}
    without = [space.point(tried.config) for tried in finished if not tried.outcome.values]
    point = searcher.propose(
        len(finished) + len(running),
        list(measured),
        table(list(measured.values())),
        running=[space.point(trial.params) for trial in running],
        without=without,
    )
    return space.config(point)


def _tell(study: Any, trial: Any, outcome: Outcome) -> None:
    from optuna.trial import TrialState

    # Kept before the trial ends: a kill in between leaves a trial that is done again.
    for name in ("latency_ms", "bytes", "loss", "figures", "ended"):
        trial.set_user_attr(name, getattr(outcome, name))
    if outcome.values is None:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, outcome.values)


def _sampler(plan: Plan, done: int) -> Any:
    """A sampler without a memory; `done` takes the place of one."""
    from optuna import samplers

    seed = plan.seed * 1_000_003 + done
    match plan.sampler:
        case "random":
            return samplers.RandomSampler(seed=seed)
        case "nsga2":
            return samplers.NSGAIISampler(seed=seed, population_size=20)
    return samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=20)
