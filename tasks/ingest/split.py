"""Which side of the split each group is on: stratified by label, seeded, blind to row order."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import blake3

from tasks.errors import InputError
from tasks.ingest.source import Row
from tasks.params.ingest import SplitParams

SIDES = ("train", "val", "test")


def split(rows: Sequence[Row], shares: SplitParams, seed: int) -> dict[str, str]:
    """Give every group a side; where the source has decided, keep what it says.

    First every label, the one with the fewest groups first, gets a group on each side that has
    none of it. Then the groups, largest first, go where the counts by label come closest to
    `shares`: to the side that lowers the sum over labels and sides of `(rows there - rows
    wanted)^2 / rows wanted`.

    Args:
        rows: the good rows.
        shares: share of the rows that each side shall have.
        seed: decides between groups of one size.

    Returns:
        side by group.
    """
    if rows and rows[0].split is not None:
        return {row.group: str(row.split) for row in rows}
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        counts.setdefault(row.group, Counter())[row.label] += 1
    totals = sum(counts.values(), Counter[str]())
    wanted = {side: {x: getattr(shares, side) * totals[x] for x in totals} for side in SIDES}
    have = {side: Counter[str]() for side in SIDES}
    order = sorted(counts, key=lambda group: _lot(seed, group))
    sides: dict[str, str] = {}

    def give(group: str, side: str) -> None:
        sides[group] = side
        have[side] += counts[group]

    by_rarity = sorted(totals, key=lambda x: (sum(x in found for found in counts.values()), x))
    for label in by_rarity:
        for side in SIDES:
            free = [group for group in order if group not in sides and label in counts[group]]
            if free and not have[side][label]:
                give(min(free, key=lambda g: _excess(counts[g], wanted[side])), side)
    for group in sorted(
        order, key=lambda g: -counts[g].total()
    ):  # stable: lots decide between equals
        if group not in sides:
            give(group, min(SIDES, key=lambda s: _cost(counts[group], have[s], wanted[s])))
    return sides


def check_labels(rows: Iterable[Row], labels: Sequence[str], least: int) -> None:
    """Refuse a class that cannot be on all sides.

    Raises:
        InputError: a class has fewer than `least` groups among the good rows.
    """
    groups: dict[str, set[str]] = {label: set() for label in labels}
    counts = Counter[str]()
    for row in rows:
        counts[row.label] += 1
        if row.label in groups:
            groups[row.label].add(row.group)
    for label, mine in groups.items():
        if len(mine) < least:
            raise InputError(
                f"label {label!r} has {len(mine)} group{'s' * (len(mine) != 1)} "
                f"({counts[label]} rows), `ingest.min_groups_per_label` is {least}: a class needs "
                "groups for train, val and test; add some, or take it out of `ingest.labels`"
            )


def _lot(seed: int, group: str) -> bytes:
    """A number drawn for this group: depends on the seed and the name, not on other groups."""
    return blake3.blake3(f"{seed}:{group}".encode()).digest()


def _excess(found: Mapping[str, int], wanted: Mapping[str, float]) -> float:
    """How far a group alone would overfill a side."""
    return sum(max(0.0, rows - wanted[label]) for label, rows in found.items())


def _cost(found: Mapping[str, int], have: Mapping[str, int], wanted: Mapping[str, float]) -> float:
    """Change of the sum of squares when the group is added; labels it does not have cancel out."""
    return sum(
        (rows * rows + 2 * rows * (have[label] - wanted[label])) / wanted[label]
        for label, rows in found.items()
    )
