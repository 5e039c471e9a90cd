"""What a client may tell about itself, so that the server can choose well: classes and time.

Told only where the run chooses by it (`selection.policy: qubo`): class counts say what a client
has, and no privacy level accounts for them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

LABELS, COUNTS, SECONDS = "label-names", "label-counts", "seconds"
"""Names in the record that a client introduces itself with."""


@dataclass(frozen=True)
class Facts:
    """About one client.

    Args:
        labels: rows by class; empty where it does not tell.
        seconds: that a round takes it; None where it does not tell.

    Raises:
        ValueError: a count below 0, or a time below 0 or not finite.
    """

    labels: Mapping[str, int] = field(default_factory=dict)
    seconds: float | None = None

    def __post_init__(self) -> None:
        if min(self.labels.values(), default=0) < 0:
            raise ValueError(f"class counts {dict(self.labels)}: they are 0 or more")
        if self.seconds is not None and not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise ValueError(f"seconds={self.seconds}: 0 or more, and finite")

    def record(self) -> dict[str, Any]:
        """As entries of Flower's ConfigRecord."""
        told: dict[str, Any] = {}
        if self.labels:
            told |= {LABELS: list(self.labels), COUNTS: list(self.labels.values())}
        if self.seconds is not None:
            told[SECONDS] = self.seconds
        return told

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Facts":
        """From a client's introduction; what it does not hold is not told.

        Raises:
            ValueError, TypeError: it holds something else than facts.
        """
        labels = {}
        if LABELS in told:
            pairs = zip(told[LABELS], told[COUNTS], strict=True)
            labels = {str(name): int(count) for name, count in pairs}
        return cls(labels, float(told[SECONDS]) if SECONDS in told else None)


@runtime_checkable
class TellsFacts(Protocol):
    """A learner that has facts to tell, or None."""

    @property
    def facts(self) -> Facts | None: ...
