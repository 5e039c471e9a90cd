"""The gate: a model whose figures break a limit is not released."""

import math
from collections.abc import Mapping
from typing import Any

from tasks.errors import CheckFailed, InputError
from tasks.flat import leaves
from tasks.params.release import GateParams


def check_gate(figures: Mapping[str, float], limits: GateParams) -> dict[str, dict[str, float]]:
    """Hold the figures of a model against the limits of params.yaml.

    Args:
        figures: by dotted name, as `flatten` makes them.
        limits: `release.gate`.

    Returns:
        for each checked figure its `value` and its limit, `at_least` or `at_most`; for the record.

    Raises:
        CheckFailed: figures break limits; names all of them, with value and limit.
        InputError: a limit is set on a figure that the model does not have.
    """
    checked: dict[str, dict[str, float]] = {}
    broken = []
    for kind, bounds in (("at_least", limits.at_least), ("at_most", limits.at_most)):
        for name, limit in bounds.items():
            value = _figure(figures, name, f"release.gate.{kind}")
            kept = value >= limit if kind == "at_least" else value <= limit
            if not kept:  # so written that NaN, which is neither above nor below, breaks the limit
                broken.append(f"{name} is {value:.4g}, must be {kind.replace('_', ' ')} {limit:g}")
            checked.setdefault(name, {"value": value})[kind] = limit
    if broken:
        raise CheckFailed(
            f"the gate refuses this model: {'; '.join(broken)} (limits: params.yaml, release.gate)"
        )
    return checked


def flatten(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The figures in nested metrics by dotted name; lists and texts are not figures."""
    # JSON writes a figure that could not be computed as null: NaN here, which breaks every limit.
    numbers = {name: math.nan if x is None else x for name, x in leaves(metrics).items()}
    return {name: float(x) for name, x in numbers.items() if isinstance(x, int | float)}


def _figure(figures: Mapping[str, float], name: str, where: str) -> float:
    if name not in figures:
        raise InputError(
            f"params.yaml: `{where}` sets a limit on {name!r}, which the train stage does not "
            f"report; it reports {', '.join(sorted(figures))}"
        )
    return figures[name]
