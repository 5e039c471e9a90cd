"""What happened that should not have: each has a name, a round, a client and a sentence."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal[
    "not_finite",
    "wrong_shape",
    "empty_update",
    "old_round",
    "duplicate_update",
    "too_large",
    "timeout",
    "client_error",
    "dropped",
    "straggler",
    "duplicate_identity",
    "unavailable",
    "too_few_clients",
    "aggregation_failed",
    "budget_spent",
    "lost_base",
]


@dataclass(frozen=True)
class Event:
    """Something that kept an update, a client or a round out.

    Args:
        kind: its name.
        round: in which it happened, 0 before the first.
        client: name of the client, "" where it concerns all.
        detail: what was found and what was done about it.
    """

    kind: Kind
    round: int
    client: str
    detail: str

    def plain(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    def __str__(self) -> str:
        who = f"{self.client}: " if self.client else ""
        return f"round {self.round}: {self.kind}: {who}{self.detail}"
