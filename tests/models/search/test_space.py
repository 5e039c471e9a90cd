"""The space of a search: its values, its points, and what it refuses."""

import numpy as np
import pytest

from models.search.space import Space, SpaceError

PLAIN = {"layers": [2, 4, 6], "activation": ["gelu", "relu"], "bias": [True, False]}


@pytest.fixture
def space() -> Space:
    return Space.of(PLAIN)


def test_counts_and_lists_every_point_once(space):
    points = list(space.points())
    assert space.size == 3 * 2 * 2 == len(points) == len(set(points))
    assert points[:3] == [(0, 0, 0), (0, 0, 1), (0, 1, 0)]


def test_a_point_and_its_configuration_are_the_same(space):
    config = {"bias": False, "layers": 6, "activation": "gelu"}
    assert space.point(config) == (2, 0, 1)
    assert space.config((2, 0, 1)) == config


def test_numbers_are_ordered_and_nothing_else_is(space):
    assert [choice.ordered for choice in space.choices] == [True, False, False]


def test_encodings_by_hand(space):
    points = np.array([[0, 1, 0], [2, 0, 1]])
    assert space.one_hot(points).tolist() == [[1, 0, 0, 0, 1, 1, 0], [0, 0, 1, 1, 0, 0, 1]]
    assert space.ordinal(points).tolist() == [[0, 1, 0], [1, 0, 1]]


def test_ordinal_of_a_single_value_is_zero():
    assert Space.of({"a": [5]}).ordinal(np.array([[0]])).tolist() == [[0]]


def test_neighbours_differ_in_one_choice_and_a_number_moves_one_step(space):
    assert space.neighbours((0, 0, 0)) == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert space.neighbours((1, 1, 0)) == [(0, 1, 0), (2, 1, 0), (1, 0, 0), (1, 1, 1)]


def test_a_mutation_is_a_neighbour_and_seeded(space):
    drawn = [space.mutate((1, 0, 0), np.random.default_rng(seed)) for seed in range(20)]
    assert set(drawn) == set(space.neighbours((1, 0, 0)))  # 20 draws of 4: one is missed in 80
    ends = [space.mutate((0, 0, 0), np.random.default_rng(seed)) for seed in range(20)]
    assert set(ends) == set(space.neighbours((0, 0, 0)))
    assert drawn == [space.mutate((1, 0, 0), np.random.default_rng(seed)) for seed in range(20)]
    assert Space.of({"a": [5]}).mutate((0,), np.random.default_rng(0)) == (0,)


def test_a_sample_has_no_repeats_and_never_more_than_there_is(space):
    drawn = space.sample(np.random.default_rng(3), 11)
    assert len(set(drawn)) == 11
    assert set(space.sample(np.random.default_rng(3), 100)) == set(space.points())


def test_optuna_reads_the_space(space):
    import optuna

    def objective(trial):
        config = {name: trial.suggest_categorical(name, values) for name, values in PLAIN.items()}
        assert trial.distributions == space.distributions()
        return space.point(config)[0]

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    optuna.create_study(sampler=optuna.samplers.RandomSampler(0)).optimize(objective, n_trials=2)


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({}, "no choices: name at least 1"),
        ({"a": []}, "choice 'a' has no values"),
        ({"a": "gelu"}, "choice 'a' is 'gelu': write a list"),
        ({"a": 3}, "choice 'a' is 3: write a list"),
        ({"a": [1, [2]]}, r"choice 'a' holds \[2\], a list: values are numbers"),
        ({"a": [1, 1.0]}, "choice 'a' holds a value twice"),
        ({"a": [1, float("nan")]}, "choice 'a' holds nan: numbers must be finite"),
        ({"a": [3, 1]}, r"choice 'a' lists numbers out of order: \[3, 1\]"),
    ],
)
def test_what_cannot_be_searched_is_named(plain, message):
    with pytest.raises(SpaceError, match=message):
        Space.of(plain)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"layers": 3, "activation": "gelu", "bias": True}, r"layers=3 is none of .*\[2, 4, 6\]"),
        ({"layers": 2}, r"\['activation', 'bias'\] missing or unknown"),
        ({**{k: v[0] for k, v in PLAIN.items()}, "width": 1}, r"\['width'\] missing or unknown"),
    ],
)
def test_a_configuration_outside_is_refused(space, config, message):
    with pytest.raises(SpaceError, match=message):
        space.point(config)
