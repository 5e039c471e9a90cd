"""What a verification found, for people and for scripts."""

from dataclasses import dataclass
from typing import Any

from provenance.checkpoint import Checkpoint
from provenance.errors import Reason, TamperedError

OK, FAILED, NOT_CHECKED = "ok", "failed", "not checked"

CHECKS = {
    "signature": {
        Reason.LOG_MISSING,
        Reason.CHECKPOINT_MISSING,
        Reason.BAD_CHECKPOINT,
        Reason.BAD_SIGNATURE,
        Reason.UNTRUSTED_KEY,
        Reason.KEY_REVOKED,
        Reason.BAD_STATEMENT,
    },
    "pin": {
        Reason.LOG_REPLACED,
        Reason.ROLLED_BACK,
        Reason.HISTORY_REWRITTEN,
        Reason.ANCHOR_CONFLICT,
        Reason.ANCHOR_MISSING,
        Reason.ANCHOR_FOREIGN,
    },
    "chain": {Reason.LOG_ENTRY_CHANGED, Reason.LOG_TRUNCATED, Reason.BAD_PATH},
    "lineage": {
        Reason.LINEAGE_GAP,
        Reason.LINEAGE_CYCLE,
        Reason.COMMIT_MISSING,
        Reason.TREE_DIRTY,
    },
    "artifacts": {
        Reason.ARTIFACT_CHANGED,
        Reason.ARTIFACT_MISSING,
        Reason.ARTIFACT_EXTRA,
        Reason.ARTIFACT_REFUSED,
    },
}
"""Each check and the reasons for which it fails, in the order of checking."""

LOG_CHECKS = ("signature", "pin", "chain")
"""If one of these fails, the log itself is not to be believed, and nothing else is checked."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    reason: Reason
    message: str
    entry: int | None = None
    path: str | None = None

    @classmethod
    def of(cls, error: TamperedError) -> "Finding":
        """The same as an error that was raised."""
        return cls(error.reason, str(error), error.entry, error.path)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "reason": self.reason.value,
            "message": self.message,
            "entry": self.entry,
            "path": self.path,
        }

    @property
    def check(self) -> str:
        """The check that it belongs to."""
        for check, reasons in CHECKS.items():
            if self.reason in reasons:
                return check
        return self.reason.value.lower()  # a reason of another question than whether bytes changed


@dataclass(frozen=True)
class Report:
    """The outcome of `verify`.

    Args:
        head: the verified checkpoint, if there was one.
        signer: fingerprint of the key that signed it.
        findings: what is wrong; the first is the first in the order of checking.
        notes: what a person should know, though nothing is wrong.
        artifacts: how many files and folders were read.
        size: how many bytes of them.
    """

    head: Checkpoint | None
    signer: str | None
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    artifacts: int = 0
    size: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything was checked and nothing is wrong."""
        return not self.findings

    @property
    def exit_code(self) -> int:
        """0 all good, 1 something is wrong. (2, could not check, is an error and no report.)"""
        return 0 if self.ok else 1

    @property
    def first(self) -> Finding | None:
        """The first thing that is wrong."""
        return self.findings[0] if self.findings else None

    @property
    def checks(self) -> dict[str, str]:
        """ok, failed or not checked, by check; never ok by absence."""
        failed = {finding.check for finding in self.findings}
        rest = NOT_CHECKED if failed & set(LOG_CHECKS) else OK
        return {check: FAILED if check in failed else rest for check in CHECKS}

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "ok": self.ok,
            "log": self.head.origin if self.head else None,
            "entries": self.head.size if self.head else None,
            "root": self.head.root.hex() if self.head else None,
            "signer": self.signer,
            "checks": self.checks,
            "artifacts": {"checked": self.artifacts, "bytes": self.size},
            "findings": [finding.to_dict() for finding in self.findings],
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """For a terminal: the verdict first."""
        if self.head is None or not self.ok:
            count = len(self.findings)
            lines = [
                f"FAILED  {finding.reason.value}: {finding.message}" for finding in self.findings
            ]
            skipped = [check for check, state in self.checks.items() if state == NOT_CHECKED]
            lines.append(f"{count} thing{'s' if count > 1 else ''} wrong")
            if skipped:
                lines.append(f"not checked: {', '.join(skipped)}")
        else:
            lines = [
                f"ok  {self.head.size} entries and {self.artifacts} artifacts ({self.size} bytes) "
                f"are as logged; signed by key {self.signer}"
            ]
        return lines + [f"note  {note}" for note in self.notes]
