"""Looks at every reply before a strategy sees it: one bad update must not spoil a round.

A refused update costs its client's part of the round and nothing else.
"""

from dataclasses import dataclass, field

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict

from models.federated.arrays import Arrays, arrays_of, sent_bytes, sent_digest
from models.federated.client import ABOUT, ARRAYS, CONTROL, METRICS
from models.federated.events import Kind
from models.federated.grid import TIMED_OUT

ROOM = 2.0
"""An update may be this many times as large as the weights: control variates double it."""
SLACK = 65_536
"""Bytes of headers beside them."""
IN_ROUND = " in round "


class RefusedError(Exception):
    """An update that is not taken; says why."""

    def __init__(self, kind: Kind, detail: str) -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail


def readable(record: ArrayRecord) -> Arrays:
    """What was sent.

    Raises:
        RefusedError: it cannot be read.
    """
    try:
        return arrays_of(record)
    except Exception as error:  # foreign bytes fail in more ways than NumPy's texts tell
        raise RefusedError("wrong_shape", f"no readable arrays: {error!r}") from error


@dataclass
class Screen:
    """What the updates of a run must be like.

    Args:
        like: arrays with the names and shapes of the model's weights.
        control: whether control variates come beside the weights.
        seen: digest of every update taken so far, and whose it was.
    """

    like: Arrays
    control: bool = False
    seen: dict[str, str] = field(default_factory=dict)

    def arrived(self, reply: Message, *, round_: int, client: str, still: int) -> str:
        """Check what was sent, before it is decoded; its digest.

        Args:
            reply: what came.
            round_: that it must be of.
            client: whom it came from.
            still: round since which the weights have hardly moved: since then, a client may well
                come to the same update again.

        Raises:
            RefusedError: it is an error, of another round, a copy of an earlier one, or too large.
        """
        if reply.has_error():
            kind: Kind = "timeout" if reply.error.code == TIMED_OUT else "client_error"
            reason = str(reply.error.reason)
            for known in ("dropped", "straggler", "unavailable", "lost_base"):
                if reason.startswith(known):
                    kind = known
            raise RefusedError(kind, reason)
        content = reply.content
        size, most = sent_bytes(content), self._most()
        if size > most:
            raise RefusedError("too_large", f"{size:,} bytes, at most {most:,} are taken")
        self._records(content)
        if (told := content[ABOUT].get("round")) != round_:
            kind = "old_round" if isinstance(told, int) else "client_error"
            raise RefusedError(kind, f"an update of round {told!r} in round {round_}")
        self._figures(content[METRICS])
        found = sent_digest(content)
        who, _, when = self.seen.get(found, "").rpartition(IN_ROUND)
        if found in self.seen and (who != client or int(when) < still):
            raise RefusedError(
                "duplicate_update",
                f"blake3 {found[:12]}... was taken before, from {self.seen[found]}",
            )
        self.seen[found] = f"{client}{IN_ROUND}{round_}"
        return found

    def decoded(self, reply: Message) -> None:
        """Check the arrays themselves.

        Raises:
            RefusedError: names or shapes are not the model's, or a value is not finite.
        """
        for record in (ARRAYS, CONTROL):
            if record in reply.content:
                self._check(readable(reply.content[record]))

    def _records(self, content: RecordDict) -> None:
        """One record too many or of another kind would make Flower's strategies give up a round."""
        if not isinstance(content.get(ARRAYS), ArrayRecord):
            raise RefusedError("empty_update", "no arrays")
        kinds = {ARRAYS: ArrayRecord, METRICS: MetricRecord, ABOUT: ConfigRecord}
        if self.control:
            kinds[CONTROL] = ArrayRecord
        if {name: type(record) for name, record in content.items()} != kinds:
            found = ", ".join(
                f"{name}: {type(record).__name__}" for name, record in content.items()
            )
            raise RefusedError("client_error", f"records are {found}; wanted: {', '.join(kinds)}")

    def _figures(self, metrics: MetricRecord) -> None:
        weight, steps = metrics.get("num-examples"), metrics.get("steps")
        if not isinstance(weight, int | float) or not np.isfinite(weight) or weight <= 0:
            raise RefusedError("empty_update", f"num-examples is {weight!r}: it must be above 0")
        if not isinstance(steps, int | float) or not np.isfinite(steps) or steps <= 0:
            raise RefusedError("client_error", f"steps is {steps!r}: it must be above 0")
        for name, value in metrics.items():
            if not isinstance(value, int | float):
                raise RefusedError("client_error", f"metric {name} is {value!r}, not one number")
            if not np.isfinite(value):
                raise RefusedError("not_finite", f"metric {name} is {value}")

    def _check(self, arrays: Arrays) -> None:
        if not arrays:
            raise RefusedError("empty_update", "no arrays")
        if list(arrays) != list(self.like):
            odd = sorted(set(arrays) ^ set(self.like)) or "the order"
            raise RefusedError("wrong_shape", f"names of arrays differ from the model's: {odd}")
        for name, value in arrays.items():
            if value.dtype.kind != "f":
                raise RefusedError("wrong_shape", f"{name} is {value.dtype}, not floating point")
            if value.shape != self.like[name].shape:
                raise RefusedError(
                    "wrong_shape", f"{name} is {value.shape}, the model has {self.like[name].shape}"
                )
            if not np.isfinite(value).all():
                raise RefusedError("not_finite", f"{name} holds NaN or infinite values")

    def _most(self) -> int:
        return int(ROOM * sum(value.nbytes for value in self.like.values())) + SLACK
