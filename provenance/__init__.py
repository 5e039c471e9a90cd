"""Who made what from what, and the proof: a library that knows nothing of the other rooms.

python -m provenance verify .provenance
"""

from provenance.artifact import Artifact
from provenance.entry import Entry
from provenance.errors import (
    BodyError,
    ChangedWhileHashingError,
    KeyStoreError,
    LogBusyError,
    LogError,
    LogMissingError,
    ProvenanceError,
    ProvenanceWarning,
    Reason,
    TamperedError,
    UnhashableError,
)
from provenance.log import Log
from provenance.report import Finding, Report
from provenance.verify import verify

__all__ = [
    "Artifact",
    "BodyError",
    "ChangedWhileHashingError",
    "Entry",
    "Finding",
    "KeyStoreError",
    "Log",
    "LogBusyError",
    "LogError",
    "LogMissingError",
    "ProvenanceError",
    "ProvenanceWarning",
    "Reason",
    "Report",
    "TamperedError",
    "UnhashableError",
    "verify",
]
