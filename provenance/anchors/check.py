"""Does the history here contain every head that was anchored? Asked of the receipts alone."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from provenance.anchors.answer import AnchorCheck, Answer, evidence_of, wrong
from provenance.anchors.receipt import AnchorReceipt
from provenance.checkpoint import Checkpoint
from provenance.errors import Reason

RootAt = Callable[[int], bytes]
"""Root of the tree over the first entries of this log, whose history was verified."""


def check_receipts(
    receipts: Iterable[AnchorReceipt], head: Checkpoint, root_at: RootAt
) -> list[AnchorCheck]:
    """Whether this log contains every head that was anchored, by the receipts here.

    Args:
        receipts: those beside the log.
        head: of the log, verified.
        root_at: see RootAt.

    Returns:
        what is wrong; empty if nothing is.
    """
    found = []
    for receipt in receipts:
        if receipt.origin != head.origin:
            found.append(
                wrong(
                    receipt,
                    Reason.ANCHOR_FOREIGN,
                    f"the {receipt.name} is one of the log {receipt.origin}, not of this one",
                )
            )
        elif receipt.sent is None:
            continue  # nothing was said to anybody
        elif receipt.size > head.size:
            found.append(
                wrong(
                    receipt,
                    Reason.ROLLED_BACK,
                    f"the log holds {head.size} entries, but {receipt.size} were anchored on "
                    f"{receipt.chain}: it was rolled back",
                )
            )
        elif (root := root_at(receipt.size)).hex() != receipt.root:
            found.append(
                replace(
                    wrong(
                        receipt,
                        Reason.HISTORY_REWRITTEN,
                        f"the first {receipt.size} entries are not those that were anchored on "
                        f"{receipt.chain}: two histories were signed for this log",
                    ),
                    evidence=(*evidence_of(receipt), f"this log: root {root.hex()}"),
                )
            )
    return found + _contradictions(receipts)


def _contradictions(receipts: Iterable[AnchorReceipt]) -> list[AnchorCheck]:
    """Two anchors of the same size with different roots: whoever signs did so twice."""
    first: dict[tuple[str, int], AnchorReceipt] = {}
    found = []
    for receipt in receipts:
        other = first.setdefault((receipt.origin, receipt.size), receipt)
        if other.root != receipt.root and receipt.sent is not None:
            found.append(
                AnchorCheck(
                    receipt.chain,
                    receipt.size,
                    Answer.WRONG,
                    Reason.ANCHOR_CONFLICT,
                    f"{receipt.size} entries were anchored with one root on {other.chain} and "
                    f"with another on {receipt.chain}: two histories were signed for this log",
                    evidence=evidence_of(other) + evidence_of(receipt),
                )
            )
    return found
