"""What a demonstration is: a circuit to draw, and figures beside their theory."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Row = tuple[str, str, str]
"""What was looked at, what was found, what theory says."""


@dataclass(frozen=True)
class Demo:
    """A run.

    Args:
        title: what it shows, in one sentence.
        circuit: queues the gates that ran.
        rows: figures and their theory.
    """

    title: str
    circuit: Callable[[], None]
    rows: Sequence[Row]


def listed(values: Iterable[Any]) -> str:
    """`0.5, 0.5`."""
    return ", ".join(f"{value:.4g}" for value in values)
