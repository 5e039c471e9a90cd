"""Six questions about a model, each answered pass, fail or not checked."""

from provenance.checks.model import LOADABLE, verify_model
from provenance.checks.report import ModelReport
from provenance.checks.verdict import Category, Outcome, Verdict, failed, not_checked, passed

__all__ = [
    "LOADABLE",
    "Category",
    "ModelReport",
    "Outcome",
    "Verdict",
    "failed",
    "not_checked",
    "passed",
    "verify_model",
]
