"""Conditions that an assignment must meet: exactly k, one of a group, at most a budget.

Shapes: B assignments, n variables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.int8]
Whole = npt.NDArray[np.int64]

LARGEST = 2**31
"""Sums of weights stay below it, so that they are exact as integers and as floats."""


@dataclass(frozen=True)
class Exactly:
    """Exactly `k` of some variables are 1.

    Args:
        name: as errors and tables show it.
        variables: their names, each once.
        k: how many, 0 to all of them.
    """

    name: str
    variables: tuple[str, ...]
    k: int

    def __post_init__(self) -> None:
        _names(self.name, self.variables)
        if not _whole(self.k) or not 0 <= self.k <= len(self.variables):
            raise ValueError(
                f"constraint {self.name!r}: k={self.k!r} of {len(self.variables)} variables: take "
                f"a whole number from 0 to {len(self.variables)}"
            )

    def plain(self) -> dict[str, Any]:
        """As JSON types."""
        return {
            "kind": "exactly",
            "name": self.name,
            "variables": list(self.variables),
            "k": self.k,
        }


@dataclass(frozen=True)
class OneOf:
    """One of a group of variables is 1, the others are 0.

    Args:
        name: as errors and tables show it.
        variables: their names, each once.
    """

    name: str
    variables: tuple[str, ...]

    def __post_init__(self) -> None:
        _names(self.name, self.variables)

    @property
    def k(self) -> int:
        return 1

    def plain(self) -> dict[str, Any]:
        """As JSON types."""
        return {"kind": "one_of", "name": self.name, "variables": list(self.variables)}


@dataclass(frozen=True)
class AtMost:
    """The weights of those that are 1 add up to a budget or less.

    Args:
        name: as errors and tables show it.
        weights: (variable, weight); weights are whole numbers, 0 or more. A tuple, so that a
            constraint can be compared and hashed; `AtMost.of` takes a mapping.
        budget: a whole number, 0 or more.
    """

    name: str
    weights: tuple[tuple[str, int], ...]
    budget: int

    def __post_init__(self) -> None:
        _names(self.name, self.variables)
        for variable, weight in self.weights:
            if not _whole(weight) or weight < 0:
                raise ValueError(
                    f"constraint {self.name!r}: weight {weight!r} of {variable!r}: weights are "
                    "whole numbers from 0 up; scale them and round up"
                )
        if not _whole(self.budget) or self.budget < 0:
            raise ValueError(
                f"constraint {self.name!r}: budget {self.budget!r}: it is a whole number from 0 up"
            )
        if max(sum(weight for _, weight in self.weights), self.budget) >= LARGEST:
            raise ValueError(
                f"constraint {self.name!r}: weights or budget reach {LARGEST:,}: take a coarser "
                "unit"
            )

    @classmethod
    def of(cls, name: str, weights: Mapping[str, int], budget: int) -> "AtMost":
        """From a mapping, in its order."""
        return cls(name, tuple(weights.items()), budget)

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(variable for variable, _ in self.weights)

    def plain(self) -> dict[str, Any]:
        """As JSON types."""
        return {
            "kind": "at_most",
            "name": self.name,
            "weights": [[variable, weight] for variable, weight in self.weights],
            "budget": self.budget,
        }


Cardinality = Exactly | OneOf
Constraint = Exactly | OneOf | AtMost


def read(plain: Mapping[str, Any]) -> Constraint:
    """A constraint from what `plain` made.

    Raises:
        ValueError: it is none.
    """
    told = dict(plain)
    kind = told.pop("kind", None)
    try:
        match kind:
            case "exactly":
                return Exactly(told["name"], tuple(told["variables"]), told["k"])
            case "one_of":
                return OneOf(told["name"], tuple(told["variables"]))
            case "at_most":
                weights = tuple((name, weight) for name, weight in told["weights"])
                return AtMost(told["name"], weights, told["budget"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"constraint {plain!r}: {error!r}") from error
    raise ValueError(f"constraint of kind {kind!r}: allowed are exactly, one_of, at_most")


def row(constraint: Constraint, names: Sequence[str]) -> Whole:
    """What each variable adds to the sum that a constraint is about, (n,)."""
    if isinstance(constraint, AtMost):
        weights = dict(constraint.weights)
    else:
        weights = dict.fromkeys(constraint.variables, 1)
    return np.array([weights.get(name, 0) for name in names], np.int64)


def violation(constraint: Constraint, sums: Whole) -> Whole:
    """By how much sums (any shape) miss what is asked; 0 where they meet it."""
    if isinstance(constraint, AtMost):
        return np.maximum(sums - constraint.budget, 0)
    return np.abs(sums - constraint.k)


def _names(name: str, variables: Sequence[str]) -> None:
    if not name:
        raise ValueError(f"a constraint on {list(variables)} has no name: errors show it, give one")
    if not variables:
        raise ValueError(f"constraint {name!r} is about no variable: name at least one")
    if len(set(variables)) != len(variables):
        twice = sorted({one for one in variables if list(variables).count(one) > 1})
        raise ValueError(f"constraint {name!r} names {', '.join(twice)} more than once")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
