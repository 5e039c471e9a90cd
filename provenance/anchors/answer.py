"""What can be said of an anchor, and of a chain as a whole; never ok by absence."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from provenance.anchors.chain import Found
from provenance.anchors.config import ChainConfig
from provenance.anchors.receipt import AnchorReceipt
from provenance.errors import Reason


class Answer(StrEnum):
    """What can be said of an anchor."""

    OK = "ok"
    NOT_FINAL = "not final"
    WRONG = "wrong"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class AnchorCheck:
    """One anchor, or one chain as a whole, and what came out.

    Args:
        chain: name of the chain.
        size: entries under the anchor; None for the chain as a whole.
        answer: what came out.
        reason: why it is not ok.
        message: the same for a person.
        evidence: for somebody else to check: transactions, contract, both roots.
        found: what the chain said, if it was asked.
    """

    chain: str
    size: int | None
    answer: Answer
    reason: Reason | None
    message: str
    evidence: tuple[str, ...] = ()
    found: Found | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "chain": self.chain,
            "size": self.size,
            "answer": self.answer.value,
            "reason": self.reason.value if self.reason else None,
            "message": self.message,
            "evidence": list(self.evidence),
            "block": self.found.block if self.found else None,
            "confirmations": self.found.confirmations if self.found else None,
        }


def exit_code(checks: Iterable[AnchorCheck]) -> int:
    """0: every anchor is final and right, and there is one; 1: one is wrong; 2: not all known."""
    answers = {check.answer for check in checks}
    if Answer.WRONG in answers:
        return 1
    return 0 if answers == {Answer.OK} else 2


def whole(
    config: ChainConfig, answer: Answer, reason: Reason, message: str, *evidence: str
) -> AnchorCheck:
    """An answer about a chain as a whole."""
    return AnchorCheck(config.name, None, answer, reason, message, evidence)


def wrong(receipt: AnchorReceipt, reason: Reason, message: str) -> AnchorCheck:
    """A receipt that contradicts this log, or its chain."""
    return AnchorCheck(
        receipt.chain, receipt.size, Answer.WRONG, reason, message, evidence_of(receipt)
    )


def evidence_of(receipt: AnchorReceipt) -> tuple[str, ...]:
    """Where somebody else finds the anchor."""
    if receipt.sent is None:
        return ()
    sent = receipt.sent
    return (
        f"{receipt.chain} (chain {sent.chain_id}), transaction {sent.tx} of {sent.sender}: root "
        f"{receipt.root} at {receipt.size} entries of {receipt.origin}",
    )
