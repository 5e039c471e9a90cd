"""What an average hides: how often a model still agrees with its teacher, and where it lost most.

Shapes: N rows.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def agreement(said: ArrayLike, by_teacher: ArrayLike) -> float:
    """Share of the rows on which two models say the same, right or wrong.

    Args:
        said, by_teacher: (N,) what each says.

    Raises:
        ValueError: there are no rows, or not as many of one as of the other.
    """
    own, other = _alike(said=said, by_teacher=by_teacher)
    return float((own == other).mean())


def worst_drop(
    said: ArrayLike,
    by_teacher: ArrayLike,
    truth: ArrayLike,
    group: ArrayLike,
    names: Sequence[str],
) -> tuple[str, float]:
    """The group that lost most accuracy against the teacher, and how much.

    Args:
        said, by_teacher: (N,) what each says.
        truth: (N,) what is right.
        group: (N,) index into `names`: the class or the language of each row; negative where
            unknown, and then the row does not count.
        names: of the groups.

    Returns:
        Name and drop, as a difference of accuracies from -1 to 1; below 0 where even the worst
        group gained. Of groups that lost alike the first by name order of `names`.

    Raises:
        ValueError: no row belongs to a group, or the arrays differ in length.
    """
    drops = group_drops(said, by_teacher, truth, group, names)
    name = max(drops, key=lambda own: drops[own])  # the first of equals
    return name, drops[name]


def group_drops(
    said: ArrayLike,
    by_teacher: ArrayLike,
    truth: ArrayLike,
    group: ArrayLike,
    names: Sequence[str],
) -> dict[str, float]:
    """The drop of every group that has rows, in the order of `names`; as `worst_drop`."""
    own, other, right, where = _alike(said=said, by_teacher=by_teacher, truth=truth, group=group)
    if where.max() >= len(names):
        raise ValueError(f"group {where.max()}: there are {len(names)} names, counted from 0")
    lost = (other == right).astype(np.float64) - (own == right)
    drops = {
        name: float(lost[where == index].mean())
        for index, name in enumerate(names)
        if (where == index).any()
    }
    if not drops:
        raise ValueError("no row belongs to a group")
    return drops


def _alike(**arrays: ArrayLike) -> list[NDArray[np.int64]]:
    found = [np.asarray(array) for array in arrays.values()]
    shapes = dict(zip(arrays, (array.shape for array in found), strict=True))
    if len({*shapes.values()}) != 1 or found[0].ndim != 1 or not len(found[0]):
        raise ValueError(f"{shapes}: all must be (N,) with N at least 1")
    return found
