"""What every question starts from: the log read once, or why it is not to be believed."""

from collections.abc import Sequence
from dataclasses import dataclass

from provenance.checkpoint import Checkpoint
from provenance.checks.verdict import Category, Verdict, failed, not_checked
from provenance.errors import Reason, TamperedError
from provenance.head import Head
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.reading import Reading, open_head, read_on
from provenance.report import CHECKS, Finding
from provenance.seen import Seen

OF_AUTHENTICITY = CHECKS["signature"] | CHECKS["pin"]
"""Reasons of a log that is right in itself, but not the one that was signed or seen before."""


@dataclass(frozen=True)
class Case:
    """One log under examination.

    Args:
        head: its verified head, if it has one.
        reading: its entries; None where `broken` says why not.
        broken: why the log itself is not to be believed.
        evidence: both sides of that, for a person to show to others.
        seen: the heads that it was held against, besides the pin.
    """

    head: Head | None
    reading: Reading | None
    broken: Finding | None
    evidence: tuple[str, ...]
    seen: tuple[Seen, ...]

    @property
    def checkpoint(self) -> Checkpoint | None:
        return self.head.checkpoint if self.head else None

    @property
    def signer(self) -> str | None:
        return self.head.signer if self.head else None

    def refused(self, category: Category) -> Verdict:
        """The answer where the log itself is broken."""
        assert self.broken is not None, "only asked where the log is broken"  # noqa: S101
        authentic = self.broken.reason in OF_AUTHENTICITY
        guilty = Category.AUTHENTICITY if authentic else Category.INTEGRITY
        if category is guilty:
            return failed(category, self.broken, evidence=self.evidence)
        return not_checked(
            category, Reason.CANNOT_CHECK, f"the log is not to be believed: {self.broken.message}"
        )


def open_case(layout: Layout, store: KeyStore, seen: Sequence[Seen] = ()) -> Case:
    """Read a log from end to end and hold it against everything that was seen of it.

    Raises:
        LogMissingError: no log was ever there.
        LogError, KeyStoreError: something cannot be read, so that nothing can be said.
    """
    head: Head | None = None
    try:
        head = open_head(layout, store)
        ours = [before for before in seen if before.checkpoint.origin == head.checkpoint.origin]
        reading = read_on(layout, store, head, ours)
    except TamperedError as error:
        return Case(head, None, Finding.of(error), _both_sides(head, error, seen), tuple(seen))
    return Case(head, reading, None, (), tuple(ours))


def _both_sides(head: Head | None, error: TamperedError, seen: Sequence[Seen]) -> tuple[str, ...]:
    """Two heads that exclude each other: whoever holds the second one can prove the misdeed."""
    if head is None or error.reason not in CHECKS["pin"]:
        return ()
    before = [Seen(head.pinned, "pin")] if head.pinned else []
    return (
        f"this log's signed head: {head_text(head.checkpoint)}",
        *(
            f"head remembered by {old.where}: {head_text(old.checkpoint)}"
            for old in [*before, *seen]
            if old.checkpoint.origin == head.checkpoint.origin
        ),
    )


def head_text(checkpoint: Checkpoint) -> str:
    """A head on one line."""
    return f"{checkpoint.size} entries, root {checkpoint.root.hex()}"
