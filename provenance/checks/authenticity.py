"""Authenticity: signed by a trusted identity, and the very log that was seen before."""

from pathlib import Path

from provenance.checks.case import Case, head_text
from provenance.checks.target import Target
from provenance.checks.verdict import Category, Verdict, failed, not_checked, passed
from provenance.entry import Entry
from provenance.errors import Reason
from provenance.reading import Reading
from provenance.releases import Release
from provenance.report import Finding
from provenance.statements import NAMES, check_statements, version_folder


def authenticity(case: Case, root: Path, target: Target) -> Verdict:
    """The head's signatures, every head seen before, and the statements beside each release.

    Args:
        root: the workspace.
    """
    if case.reading is None:
        return case.refused(Category.AUTHENTICITY)
    reading = case.reading
    findings = list(reading.keys.findings)
    evidence = [f"head signed by {reading.head.signer}: {head_text(reading.head.checkpoint)}"]
    if reading.head.pinned:
        evidence.append(f"goes on from the pin: {head_text(reading.head.pinned)}")
    evidence += [f"goes on from {old.where}: {head_text(old.checkpoint)}" for old in case.seen]
    for entry in target.releases:
        release = Release.of(entry.body)
        name = f"{release.model} version {release.version}"
        folder = version_folder(root, release)
        if folder is None:
            return not_checked(
                Category.AUTHENTICITY,
                Reason.CANNOT_CHECK,
                f"the files of {name} are not kept in this workspace: verify where they are",
            )
        findings += statement_findings(reading, folder, entry)
        evidence.append(f"{name}: {', '.join(sorted(NAMES))}")
    if findings:
        return failed(Category.AUTHENTICITY, *findings, evidence=tuple(evidence))
    statements = (
        f"statements of {len(target.releases)} release{'s' if len(target.releases) > 1 else ''}"
        if target.releases
        else "no release, so no statements"
    )
    heads = len(case.seen) + (reading.head.pinned is not None)
    return passed(
        Category.AUTHENTICITY,
        f"signed by {reading.head.signer}; heads seen before: {heads}; {statements}",
        *evidence,
    )


def statement_findings(reading: Reading, folder: Path, entry: Entry) -> list[Finding]:
    """What is wrong with the statements of a release, by the keys that counted when it was made."""
    return check_statements(folder, entry, reading.keys.identities_at(entry.seq + 1))
