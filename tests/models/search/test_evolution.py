"""Regularised evolution: its children, its deaths and its seed."""

from models.search.evolution import POPULATION, evolve
from models.search.space import Space

SPACE = Space.of({name: list("abcde") for name in "pqrst"})


def test_children_differ_from_a_living_parent_in_one_choice():
    tried = [point for point, _ in evolve(SPACE, sum, trials=40, seed=0)]
    for number in range(POPULATION, len(tried)):
        alive = tried[number - POPULATION : number]
        assert any(tried[number] in SPACE.neighbours(parent) for parent in alive)


def test_finds_better_than_its_first_generation_and_repeats_itself():
    first, again = (evolve(SPACE, sum, trials=80, seed=3) for _ in range(2))
    assert first == again
    losses = [loss for _, loss in first]
    assert min(losses) < min(losses[:POPULATION])
    assert losses == [sum(point) for point, _ in first]
