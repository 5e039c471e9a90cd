"""A quadratic problem over yes-or-no variables, with the conditions that its answers must meet.

energy(x) = offset + sum_i Q_ii x_i + sum_{i<j} Q_ij x_i x_j, to be made as small as possible.

Shapes: B assignments, n variables.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.quantum.qubo.constraints import Constraint, read, row, violation

Floats = npt.NDArray[np.float64]

VERSION = 1
"""Of the JSON form."""


@dataclass(frozen=True, eq=False)
class QuboProblem:
    """What is to be decided. Build it with `QuboProblem.of`, or give the matrix itself.

    Args:
        names: of the variables, each once; at least one.
        matrix: (n, n) float64, upper triangular: linear terms on the diagonal, quadratic above.
        offset: added to every energy.
        constraints: conditions; each has a name of its own.

    Raises:
        ValueError: no variables, a name twice, a coefficient that is not finite, a matrix of
            another shape or with terms below the diagonal, a constraint about unknown variables.
    """

    names: tuple[str, ...]
    matrix: Floats
    offset: float = 0.0
    constraints: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.names)
        if not count:
            raise ValueError("an empty QUBO has nothing to decide: give at least one variable")
        _once("variable", self.names)
        if self.matrix.shape != (count, count) or self.matrix.dtype != np.float64:
            raise ValueError(
                f"a matrix of {self.matrix.dtype} {self.matrix.shape} for {count} variables: "
                f"float64 of ({count}, {count}) is needed"
            )
        self._check_finite()
        below = np.argwhere(np.tril(self.matrix, -1))
        if len(below):
            i, j = below[0]
            raise ValueError(
                f"the matrix has {self.matrix[i, j]:g} below its diagonal, in row {i} and column "
                f"{j}: add it to the term above, in row {j} and column {i}"
            )
        _once("constraint", [one.name for one in self.constraints])
        known = set(self.names)
        for constraint in self.constraints:
            if unknown := [name for name in constraint.variables if name not in known]:
                raise ValueError(
                    f"constraint {constraint.name!r} is about {', '.join(unknown)}, which no "
                    f"variable is called: there are {_some(self.names)}"
                )

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        *,
        linear: Mapping[str, float] | None = None,
        quadratic: Mapping[tuple[str, str], float] | None = None,
        offset: float = 0.0,
        constraints: Sequence[Constraint] = (),
    ) -> "QuboProblem":
        """From terms by name; a pair may stand in either order, and twice: it is added up.

        Raises:
            ValueError: as for the class; also a term of an unknown variable, or of a variable with
                itself among the quadratic ones.
        """
        _once("variable", names)
        place = {name: i for i, name in enumerate(names)}
        matrix = np.zeros((len(names), len(names)))
        for name, value in (linear or {}).items():
            i = _place(place, name)
            matrix[i, i] += value
        for (first, second), value in (quadratic or {}).items():
            i, j = sorted((_place(place, first), _place(place, second)))
            if i == j:
                raise ValueError(
                    f"quadratic term of {first!r} with itself: x * x = x, so put it among the "
                    "linear ones"
                )
            matrix[i, j] += value
        return cls(tuple(names), matrix, float(offset), tuple(constraints))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def linear(self) -> Floats:
        """(n,)"""
        return np.diagonal(self.matrix).copy()

    @property
    def symmetric(self) -> Floats:
        """(n, n), nothing on the diagonal: what a variable feels of each other one."""
        upper = np.triu(self.matrix, 1)
        return upper + upper.T

    def energies(self, x: npt.ArrayLike) -> Floats:
        """Energy of each assignment.

        Args:
            x: (B, n) or (n,), zeros and ones.

        Returns:
            (B,); (1,) of a single one.

        Raises:
            ValueError: another shape, or values other than 0 and 1.
        """
        x_Bn = self._assignments(x)
        quadratic = np.einsum("bi,bi->b", x_Bn @ np.triu(self.matrix, 1), x_Bn)
        energies: Floats = self.offset + x_Bn @ self.linear + quadratic
        return energies

    def violations(self, x: npt.ArrayLike) -> dict[str, npt.NDArray[np.int64]]:
        """By how much each constraint is missed, by name: (B,), 0 where it is met."""
        whole = self._assignments(x).astype(np.int64)
        return {one.name: violation(one, whole @ row(one, self.names)) for one in self.constraints}

    def feasible(self, x: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether each assignment meets all constraints, (B,)."""
        met = np.ones(len(self._assignments(x)), bool)
        for missed in self.violations(x).values():
            met &= missed == 0
        return met

    def plain(self) -> dict[str, Any]:
        """As JSON types: only terms that are not 0, in order."""
        places = np.argwhere(self.matrix)
        return {
            "version": VERSION,
            "names": list(self.names),
            "offset": self.offset,
            "terms": [[int(i), int(j), float(self.matrix[i, j])] for i, j in places],
            "constraints": [one.plain() for one in self.constraints],
        }

    def to_json(self) -> str:
        """One line; `from_json` makes the same problem of it, to the bit."""
        return json.dumps(self.plain(), sort_keys=True, allow_nan=False)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "QuboProblem":
        """From what `plain` made.

        Raises:
            ValueError: it is of another version, or no problem.
        """
        if not isinstance(plain, Mapping) or plain.get("version") != VERSION:
            found = plain.get("version") if isinstance(plain, Mapping) else type(plain).__name__
            raise ValueError(f"a QUBO of version {found!r}: version {VERSION} is read here")
        try:
            names = tuple(str(name) for name in plain["names"])
            matrix = np.zeros((len(names), len(names)))
            for i, j, value in plain["terms"]:
                if not 0 <= i <= j < len(names):
                    raise ValueError(f"term in row {i} and column {j} of {len(names)} variables")
                matrix[i, j] = value
            constraints = tuple(read(one) for one in plain["constraints"])
            return cls(names, matrix, float(plain["offset"]), constraints)
        except (KeyError, TypeError) as error:
            raise ValueError(f"no QUBO: {error!r}") from error

    @classmethod
    def from_json(cls, text: str) -> "QuboProblem":
        """From what `to_json` made.

        Raises:
            ValueError: it is no JSON, of another version, or no problem.
        """
        return cls.from_plain(json.loads(text))

    def _assignments(self, x: npt.ArrayLike) -> Floats:
        found = np.atleast_2d(np.asarray(x, np.float64))
        if found.ndim != 2 or found.shape[1] != len(self):
            raise ValueError(
                f"assignments of shape {np.shape(x)}: (B, {len(self)}) is needed, a column each "
                f"for {_some(self.names)}"
            )
        if not ((found == 0) | (found == 1)).all():
            raise ValueError("an assignment holds other values than 0 and 1")
        return found

    def _check_finite(self) -> None:
        bad = np.argwhere(~np.isfinite(self.matrix))
        if len(bad):
            i, j = bad[0]
            raise ValueError(
                f"the term of {self.names[i]!r} and {self.names[j]!r} is {self.matrix[i, j]}: "
                "coefficients must be finite; look at how they were measured"
            )
        if not np.isfinite(self.offset):
            raise ValueError(f"offset={self.offset}: it must be finite")


def _once(what: str, names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if list(names).count(name) > 1})
        raise ValueError(f"{what} {', '.join(map(repr, twice))} more than once: names are unique")


def _place(place: Mapping[str, int], name: str) -> int:
    if name not in place:
        raise ValueError(f"a term of {name!r}, which no variable is called: {_some(list(place))}")
    return place[name]


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:6])
    return shown if len(names) <= 6 else f"{shown} and {len(names) - 6} more"
