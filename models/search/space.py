"""What a search may choose from: named choices, each with a few values.

A point is a tuple with the position of each choice's value; a configuration is the same in names
and values. Samplers and surrogates work on points, everybody else on configurations.

Shapes: N points, K choices, O values of all choices together.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Value = bool | int | float | str | None
Point = tuple[int, ...]
Config = dict[str, Value]


class SpaceError(ValueError):
    """A space that cannot be searched, or a configuration outside it."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """One name and its values; numbers have an order, everything else has none."""

    name: str
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if len(self.values) == 0:
            raise SpaceError(f"choice {self.name!r} has no values: give it at least 1")
        for value in self.values:
            if not (value is None or isinstance(value, bool | int | float | str)):
                raise SpaceError(
                    f"choice {self.name!r} holds {value!r}, a {type(value).__name__}:"
                    " values are numbers, texts, true, false or null"
                )
            if isinstance(value, float) and not math.isfinite(value):
                raise SpaceError(f"choice {self.name!r} holds {value}: numbers must be finite")
        # 1 == True == 1.0 in Python, and in a storage that keeps what was tried.
        if len(set(self.values)) < len(self.values):
            raise SpaceError(f"choice {self.name!r} holds a value twice: {list(self.values)}")
        if self.ordered and list(self.values) != sorted(self.values):  # type: ignore[type-var]
            raise SpaceError(
                f"choice {self.name!r} lists numbers out of order: {list(self.values)};"
                " let them rise, for neighbours are tried together"
            )

    @cached_property
    def ordered(self) -> bool:
        """Whether neighbours in the list are alike: all values are numbers."""
        return all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.values)


@dataclasses.dataclass(frozen=True)
class Space:
    """All combinations of some choices.

    Args:
        choices: what is chosen from, each name once.

    Raises:
        SpaceError: no choice, a name twice.
    """

    choices: tuple[Choice, ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise SpaceError("the search space has no choices: name at least 1 with its values")
        if len(set(self.names)) < len(self.names):
            raise SpaceError(f"the search space names a choice twice: {list(self.names)}")

    @classmethod
    def of(cls, plain: Mapping[str, Sequence[Value]]) -> Self:
        """A space from `{name: [values]}`, as params.yaml writes it.

        Raises:
            SpaceError: empty, not a list, a value of the wrong type, twice, or numbers that fall.
        """
        choices = []
        for name, values in plain.items():
            if isinstance(values, str) or not isinstance(values, Sequence):
                raise SpaceError(f"choice {name!r} is {values!r}: write a list of its values")
            choices.append(Choice(name, tuple(values)))
        return cls(tuple(choices))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(choice.name for choice in self.choices)

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """How many values each choice has."""
        return tuple(len(choice.values) for choice in self.choices)

    @property
    def size(self) -> int:
        """How many points there are."""
        return math.prod(self.lengths)

    def point(self, config: Mapping[str, Any]) -> Point:
        """Where a configuration lies.

        Raises:
            SpaceError: a name is missing or unknown, or a value is none of the choice's.
        """
        if set(config) != set(self.names):
            odd = sorted(set(config) ^ set(self.names))
            raise SpaceError(f"{odd} missing or unknown: the choices are {list(self.names)}")
        found = []
        for choice in self.choices:
            value = config[choice.name]
            if value not in choice.values:
                raise SpaceError(
                    f"{choice.name}={value!r} is none of the values {list(choice.values)}"
                )
            found.append(choice.values.index(value))
        return tuple(found)

    def config(self, point: Sequence[int]) -> Config:
        """The names and values of a point."""
        return {
            choice.name: choice.values[index]
            for choice, index in zip(self.choices, point, strict=True)
        }

    def points(self) -> Iterator[Point]:
        """All points, the last choice running fastest."""
        yield from product(*(range(length) for length in self.lengths))

    def sample(self, rng: np.random.Generator, count: int) -> list[Point]:
        """Draw points evenly, without repeats; all of them if there are fewer."""
        if count >= self.size:
            return list(self.points())
        drawn: dict[Point, None] = {}
        while len(drawn) < count:
            rows = rng.integers(self.lengths, size=(count, len(self.lengths))).tolist()
            drawn.update(dict.fromkeys(map(tuple, rows)))
        return list(drawn)[:count]

    def neighbours(self, point: Sequence[int]) -> list[Point]:
        """Every point that differs in one choice; a number moves to the next one up or down."""
        found = []
        for place, (choice, here) in enumerate(zip(self.choices, point, strict=True)):
            for index in range(len(choice.values)):
                near = abs(index - here) == 1 if choice.ordered else index != here
                if near:
                    found.append((*point[:place], index, *point[place + 1 :]))
        return found

    def mutate(self, point: Sequence[int], rng: np.random.Generator) -> Point:
        """A neighbour in a choice by chance; the point itself where nothing can be chosen."""
        free = [place for place, length in enumerate(self.lengths) if length > 1]
        if not free:
            return tuple(point)
        place = free[int(rng.integers(len(free)))]
        here, last = point[place], self.lengths[place] - 1
        if self.choices[place].ordered:
            up = here == 0 or (here < last and bool(rng.integers(2)))
            index = here + 1 if up else here - 1
        else:
            index = (here + 1 + int(rng.integers(last))) % (last + 1)
        return (*point[:place], index, *point[place + 1 :])

    def one_hot(self, points: NDArray[np.int64]) -> NDArray[np.float64]:
        """(N, K) positions to (N, O) zeros and ones."""
        blocks = [np.eye(length)[points[:, place]] for place, length in enumerate(self.lengths)]
        return np.concatenate(blocks, axis=1)

    def ordinal(self, points: NDArray[np.int64]) -> NDArray[np.float64]:
        """(N, K) positions to (N, K) numbers from 0, the first value, to 1, the last."""
        last = np.maximum(1, np.array(self.lengths, dtype=np.float64) - 1)
        return np.asarray(points / last)

    def distributions(self) -> dict[str, Any]:
        """The same space in Optuna's words."""
        from optuna.distributions import CategoricalDistribution

        return {choice.name: CategoricalDistribution(choice.values) for choice in self.choices}
