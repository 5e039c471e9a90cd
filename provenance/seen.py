"""Heads of the log that were seen before, wherever they are remembered."""

from dataclasses import dataclass

from provenance.checkpoint import Checkpoint


@dataclass(frozen=True)
class Seen:
    """A head that this log must be consistent with: its first `size` entries must have its root.

    Args:
        checkpoint: the head.
        where: who remembers it, for messages: "pin", "git note", "mlflow", "anchor on chain 137".
    """

    checkpoint: Checkpoint
    where: str
