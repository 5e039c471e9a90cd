"""Six answers about one target, and the exit code that they add up to."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from provenance.checkpoint import Checkpoint
from provenance.checks.verdict import Category, Outcome, Verdict, not_checked
from provenance.errors import Reason, TamperedError
from provenance.report import Finding

UNASKED = {
    Category.INTEGRITY: "not asked",
    Category.AUTHENTICITY: "not asked",
    Category.LINEAGE: "not asked",
    Category.PERFORMANCE: "runs the evaluation again: ask with --performance or --six",
    Category.COMPLIANCE: "not asked",
    Category.REPRODUCIBILITY: "runs a stage again: ask with --reproduce or --six",
}


@dataclass(frozen=True)
class ModelReport:
    """The outcome of the six verifications.

    Args:
        target: what was asked about, for people.
        head: the log's verified head, if there was one.
        signer: fingerprint of the identity that signed it.
        verdicts: one a category, in the order of `Category`.
        notes: what a person should know, though nothing is wrong.
    """

    target: str
    head: Checkpoint | None
    signer: str | None
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        target: str,
        head: Checkpoint | None,
        signer: str | None,
        verdicts: Iterable[Verdict],
        notes: Iterable[str] = (),
    ) -> "ModelReport":
        """A report with NOT_ASKED for each category that has no verdict."""
        given = {verdict.category: verdict for verdict in verdicts}
        six = tuple(
            given[category]
            if category in given
            else not_checked(category, Reason.NOT_ASKED, UNASKED[category])
            for category in Category
        )
        return cls(target, head, signer, six, tuple(notes))

    def verdict(self, category: Category) -> Verdict:
        """The answer to one question."""
        return next(verdict for verdict in self.verdicts if verdict.category is category)

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """The answers that are no."""
        return tuple(verdict for verdict in self.verdicts if verdict.outcome is Outcome.FAIL)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that is wrong, in the order of asking."""
        return tuple(finding for verdict in self.failed for finding in verdict.findings)

    @property
    def first(self) -> Finding | None:
        """The first thing that is wrong."""
        return self.findings[0] if self.findings else None

    @property
    def exit_code(self) -> int:
        """1 if an answer is no; else 2 if something that was asked could not be checked; else 0."""
        if self.failed:
            return 1
        open_questions = [
            verdict
            for verdict in self.verdicts
            if verdict.outcome is Outcome.NOT_CHECKED and verdict.reason is not Reason.NOT_ASKED
        ]
        return 2 if open_questions else 0

    def require(self, *categories: Category) -> None:
        """Go on only if these were checked and passed.

        Raises:
            TamperedError: the first finding, or why one of them could not be checked.
        """
        for category in categories:
            verdict = self.verdict(category)
            if verdict.outcome is Outcome.PASS:
                continue
            first = verdict.findings[0] if verdict.findings else None
            raise TamperedError(
                f"{self.target}: {category.value}: {verdict.message}",
                verdict.reason or Reason.CANNOT_CHECK,
                entry=first.entry if first else None,
                path=first.path if first else None,
            )

    def to_dict(self) -> dict[str, Any]:
        """For JSON; keys are only ever added.

        {"target", "ok", "exit_code", "log": origin, "entries", "root": hex, "signer", "verdicts":
        [{"category", "outcome", "reason", "message", "findings": [{"reason", "message", "entry",
        "path"}], "evidence": [text]}], "findings": all of them, "notes": [text]}
        """
        return {
            "target": self.target,
            "ok": self.exit_code == 0,
            "exit_code": self.exit_code,
            "log": self.head.origin if self.head else None,
            "entries": self.head.size if self.head else None,
            "root": self.head.root.hex() if self.head else None,
            "signer": self.signer,
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "findings": [finding.to_dict() for finding in self.findings],
            "notes": list(self.notes),
        }
