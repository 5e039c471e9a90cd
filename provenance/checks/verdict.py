"""The answer to one of six questions: pass, fail or not checked, and why; no pass by absence."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from provenance.errors import Reason
from provenance.report import Finding


class Category(StrEnum):
    """What is asked, in the order of asking."""

    INTEGRITY = "integrity"
    AUTHENTICITY = "authenticity"
    LINEAGE = "lineage"
    PERFORMANCE = "performance"
    COMPLIANCE = "compliance"
    REPRODUCIBILITY = "reproducibility"


class Outcome(StrEnum):
    """What came out."""

    PASS = "pass"  # noqa: S105  # an outcome, not a password
    FAIL = "fail"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Verdict:
    """One answer; made by `passed`, `failed` or `not_checked`.

    Args:
        category: what was asked.
        outcome: what came out.
        reason: of the first finding, or why nothing was checked; None for a pass.
        message: the same for a person; for a pass, what was read.
        findings: everything that is wrong.
        evidence: what was looked at: files, keys, figures, one line each.
    """

    category: Category
    outcome: Outcome
    reason: Reason | None
    message: str
    findings: tuple[Finding, ...] = ()
    evidence: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "category": self.category.value,
            "outcome": self.outcome.value,
            "reason": self.reason.value if self.reason else None,
            "message": self.message,
            "findings": [finding.to_dict() for finding in self.findings],
            "evidence": list(self.evidence),
        }


def passed(category: Category, message: str, *evidence: str) -> Verdict:
    """Everything was looked at and is right; `message` says what was looked at."""
    return Verdict(category, Outcome.PASS, None, message, evidence=evidence)


def failed(category: Category, *findings: Finding, evidence: tuple[str, ...] = ()) -> Verdict:
    """At least one thing is wrong."""
    first = findings[0]
    return Verdict(category, Outcome.FAIL, first.reason, first.message, findings, evidence)


def not_checked(category: Category, reason: Reason, message: str) -> Verdict:
    """Nothing can be said."""
    return Verdict(category, Outcome.NOT_CHECKED, reason, message)
