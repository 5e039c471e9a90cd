import itertools
import math

import pytest

from models.search.space import Space
from tasks.params.search import EarlyParams
from tasks.search.study import Outcome, Plan, Stages, best, search

SPACE = Space.of({"depth": [1, 2, 3, 4], "width": [1, 2, 3, 4]})
EARLY = EarlyParams(part=0.5, margin=0.1)


def cost(config):
    return float(config["depth"] * config["width"]), 10 * config["depth"] + config["width"]


def loss(config):
    return max(0.0, 0.8 - 0.15 * config["depth"] - 0.1 * config["width"])


def stages(**changes):
    given = {"cost": cost, "quick": loss, "full": lambda config: (loss(config), {}), "early": EARLY}
    return Stages(**(given | changes))


def plan(sampler="surrogate", trials=16, workers=1):
    return Plan(
        space=SPACE,
        first=[{"depth": 4, "width": 4}, {"depth": 1, "width": 1}],
        trials=trials,
        sampler=sampler,
        seed=3,
        hints=lambda config: cost(config),
        workers=workers,
    )


class Cut(Exception):
    """The test's own interruption."""


def run(folder, measure=None, **changes):
    one = measure or stages()
    seen = []
    found = search(
        plan(**changes),
        lambda configs, known: [one(config, known) for config in configs],
        folder=folder,
        on_trial=seen.append,
    )
    assert seen == found, "every finished trial is told once, in order"
    return found


def true_front():
    """By brute force: those of all 16 that no other beats or equals in everything."""
    points = {
        (d, w): (loss({"depth": d, "width": w}), *map(float, cost({"depth": d, "width": w})))
        for d, w in itertools.product(range(1, 5), repeat=2)
    }
    return {
        values
        for values in points.values()
        if not any(
            other != values and all(a <= b for a, b in zip(other, values, strict=True))
            for other in points.values()
        )
    }


def test_a_search_that_may_try_everything_finds_the_front(tmp_path):
    found = best(run(tmp_path))
    assert {tried.outcome.values for tried in found} == true_front()


@pytest.mark.parametrize("sampler", ["surrogate", "tpe", "nsga2", "random"])
def test_a_killed_search_goes_on_to_the_same_end(tmp_path, sampler):
    whole = run(tmp_path / "whole", sampler=sampler, trials=9)
    calls = []

    def cut(config, known):
        calls.append(config)
        if len(calls) == 6:
            raise Cut
        return stages()(config, known)

    with pytest.raises(Cut):
        run(tmp_path / "cut", cut, sampler=sampler, trials=9)
    calls.clear()

    def counted(config, known):
        calls.append(config)
        return stages()(config, known)

    resumed = run(tmp_path / "cut", counted, sampler=sampler, trials=9)
    assert len(calls) == 4, "five trials were finished and are not run again"
    assert [(t.config, t.outcome) for t in resumed] == [(t.config, t.outcome) for t in whole]
    assert [t.config for t in best(resumed)] == [t.config for t in best(whole)]


def test_nothing_is_measured_where_a_smaller_one_loses_nothing():
    def never(config):
        raise AssertionError("measured")

    found = stages(quick=never, full=never)({"depth": 2, "width": 2}, [(0.0, 3.0, 20.0)])
    assert found == Outcome(4.0, 22, None, {}, "a smaller one loses nothing")
    assert found.values is None


def test_one_that_is_hopeless_on_a_part_is_not_judged_on_the_rest():
    def never(config):
        raise AssertionError("judged on all rows")

    # A trial as fast and as small lost 0.2; the margin is 0.1.
    hopeless = stages(quick=lambda _: 0.31, full=never)
    found = hopeless({"depth": 2, "width": 2}, [(0.2, 4.0, 22.0)])
    assert found.ended == "hopeless on a part"
    assert found.figures == {"quick_loss": 0.31}
    fair = stages(quick=lambda _: 0.29)({"depth": 2, "width": 2}, [(0.2, 4.0, 22.0)])
    assert fair.loss == pytest.approx(0.8 - 0.3 - 0.2)


def test_one_that_is_smaller_than_all_is_judged_on_all_rows():
    def never(config):
        raise AssertionError("judged on a part")

    found = stages(quick=never)({"depth": 1, "width": 1}, [(0.0, 4.0, 22.0)])
    assert math.isclose(found.loss, 0.55)


def test_trials_of_a_round_do_not_know_of_each_other(tmp_path):
    rounds = []

    def measure(configs, known):
        rounds.append((len(configs), len(known)))
        return [stages()(config, known) for config in configs]

    found = search(plan(trials=5, workers=2), measure, folder=tmp_path, on_trial=lambda _: None)
    assert [count for count, _ in rounds] == [2, 2, 1]
    assert rounds[0][1] == 0
    assert len({tuple(t.config.values()) for t in found}) == 5
