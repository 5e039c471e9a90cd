"""Verify one release before anything loads it: fast, and the same for services and pipeline."""

from collections.abc import Sequence
from pathlib import Path

from provenance.checks.authenticity import authenticity
from provenance.checks.case import open_case
from provenance.checks.integrity import integrity
from provenance.checks.report import ModelReport
from provenance.checks.target import release_target
from provenance.checks.verdict import Category, failed
from provenance.errors import Reason
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.log import Log
from provenance.releases import Release
from provenance.report import Finding
from provenance.seen import Seen

LOADABLE = (Category.INTEGRITY, Category.AUTHENTICITY)
"""What must pass before a model is loaded: `report.require(*LOADABLE)`."""


def verify_model(
    log: Log, root: Path, release: Release, *, seen: Sequence[Seen] = ()
) -> ModelReport:
    """Integrity and authenticity of one release; the other four questions stay unasked.

    Hashes the version's own files, not the data behind them. Nothing is raised for tampering: it
    is in the verdicts.

    Args:
        log: the provenance log, opened with the keys to trust.
        root: the workspace that its paths start from.
        release: as the log has it.
        seen: heads that witnesses and anchors remember; the pin is always asked.

    Raises:
        LogError, KeyStoreError: something cannot be read, so that nothing can be said.
    """
    root = root.absolute()
    case = open_case(Layout(log.folder), KeyStore(log.keys), seen)
    name = f"{release.model} version {release.version}"
    if case.reading is None:
        verdicts = [case.refused(category) for category in LOADABLE]
        return ModelReport.of(name, case.checkpoint, case.signer, verdicts)
    target = release_target(case.reading.history, release)
    if not target.releases:
        stranger = Finding(Reason.LINEAGE_GAP, f"the log has no release {name}")
        verdicts = [failed(category, stranger) for category in LOADABLE]
        return ModelReport.of(name, case.checkpoint, case.signer, verdicts)
    verdicts = [
        integrity(case, root, target, deep=False),
        authenticity(case, root, target),
    ]
    return ModelReport.of(name, case.checkpoint, case.signer, verdicts, case.reading.notes)
