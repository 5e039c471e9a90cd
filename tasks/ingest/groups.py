"""Leakage groups: items that share something, directly or through others."""

from collections.abc import Hashable, Iterable, Mapping


def join(keys: Mapping[str, Iterable[Hashable]]) -> dict[str, str]:
    """Put items that share a key into one group (union-find).

    Args:
        keys: for each item, all that it must not share with an item on another side of the split.

    Returns:
        for each item the name of its group: that of its first member in alphabetical order, which
        depends neither on the order of the items nor on a counter.
    """
    parent = {item: item for item in keys}

    def root(item: str) -> str:
        while parent[item] != item:
            parent[item] = parent[parent[item]]  # halve the path, so that later look-ups are short
            item = parent[item]
        return item

    first: dict[Hashable, str] = {}
    for item, mine in keys.items():
        for key in mine:
            a, b = root(item), root(first.setdefault(key, item))
            parent[max(a, b)] = min(a, b)
    return {item: root(item) for item in keys}
