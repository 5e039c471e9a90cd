"""What can go wrong, by name: every error is one line that a person can act upon.

Exit codes: 1 a check failed, 2 bad input or a missing tool or key, 3 someone else is at work.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a verification failed; stable names for scripts (`verify --json`)."""

    LOG_MISSING = "LOG_MISSING"
    LOG_REPLACED = "LOG_REPLACED"
    LOG_ENTRY_CHANGED = "LOG_ENTRY_CHANGED"
    LOG_TRUNCATED = "LOG_TRUNCATED"
    CHECKPOINT_MISSING = "CHECKPOINT_MISSING"
    BAD_CHECKPOINT = "BAD_CHECKPOINT"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    UNTRUSTED_KEY = "UNTRUSTED_KEY"
    KEY_REVOKED = "KEY_REVOKED"
    ROLLED_BACK = "ROLLED_BACK"
    HISTORY_REWRITTEN = "HISTORY_REWRITTEN"
    BAD_PATH = "BAD_PATH"
    BAD_PROOF = "BAD_PROOF"
    BAD_STATEMENT = "BAD_STATEMENT"
    STATEMENT_MISSING = "STATEMENT_MISSING"
    STATEMENT_MISMATCH = "STATEMENT_MISMATCH"
    LINEAGE_GAP = "LINEAGE_GAP"
    LINEAGE_CYCLE = "LINEAGE_CYCLE"
    COMMIT_MISSING = "COMMIT_MISSING"
    TREE_DIRTY = "TREE_DIRTY"
    ARTIFACT_CHANGED = "ARTIFACT_CHANGED"
    ARTIFACT_MISSING = "ARTIFACT_MISSING"
    ARTIFACT_EXTRA = "ARTIFACT_EXTRA"
    ARTIFACT_REFUSED = "ARTIFACT_REFUSED"
    METRIC_DRIFT = "METRIC_DRIFT"
    POLICY_MISSING = "POLICY_MISSING"
    POLICY_CHANGED = "POLICY_CHANGED"
    POLICY_VIOLATION = "POLICY_VIOLATION"
    NOT_REPRODUCED = "NOT_REPRODUCED"
    ANCHOR_CONFLICT = "ANCHOR_CONFLICT"
    ANCHOR_MISSING = "ANCHOR_MISSING"
    ANCHOR_NOT_FINAL = "ANCHOR_NOT_FINAL"
    ANCHOR_FOREIGN = "ANCHOR_FOREIGN"
    NOT_ASKED = "NOT_ASKED"
    NOTHING_TO_CHECK = "NOTHING_TO_CHECK"
    CANNOT_CHECK = "CANNOT_CHECK"


class ProvenanceError(Exception):
    """Base of everything this library raises on purpose."""

    exit_code = 1


class TamperedError(ProvenanceError):
    """Bytes are not what the log vouches for.

    Args:
        message: what is wrong, for a person.
        reason: the same for a script.
        entry: sequence number of the log entry concerned, if there is one.
        path: path of the artifact concerned, if there is one.
    """

    def __init__(
        self, message: str, reason: Reason, *, entry: int | None = None, path: str | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.entry = entry
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        # Task runners pickle errors between processes; keyword-only arguments need help there.
        return _rebuild, (str(self), self.reason, self.entry, self.path)


def _rebuild(message: str, reason: Reason, entry: int | None, path: str | None) -> TamperedError:
    return TamperedError(message, reason, entry=entry, path=path)


class UnhashableError(ProvenanceError):
    """A path that has no digest here: a link, a pipe, a device, an empty folder, no permission."""

    exit_code = 2


class ChangedWhileHashingError(ProvenanceError):
    """Someone wrote to a file while it was read: no digest is better than a wrong one."""


class BadPathError(ProvenanceError):
    """A path that the log does not take: absolute, climbing out, not portable."""

    exit_code = 2


class NotCanonicalError(ProvenanceError):
    """A value with no canonical JSON form, or bytes that are not in that form."""

    exit_code = 2


class KeyStoreError(ProvenanceError):
    """A private key is missing, unreadable, badly protected or in the wrong place."""

    exit_code = 2


class LogError(ProvenanceError):
    """The log could not be read or written; what it held before, it still holds."""


class LogMissingError(LogError):
    """There is no log in this folder."""

    exit_code = 2


class NotThereError(LogError):
    """A file, a folder or an entry that was asked for is not there or cannot be read."""

    exit_code = 2


class BodyError(LogError):
    """An entry that the log does not take; refused before anything is written."""

    exit_code = 2


class LogBusyError(LogError):
    """Another process holds the log's lock for too long."""

    exit_code = 3


class ProvenanceWarning(UserWarning):
    """Nothing is lost, but a person should know."""
