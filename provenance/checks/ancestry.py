"""Lineage: everything that the target was made from was logged before it, by code that exists."""

from dataclasses import dataclass
from pathlib import Path

from provenance.body import inputs_of, vouches
from provenance.checks.case import Case
from provenance.checks.code import check_code
from provenance.checks.target import Target
from provenance.checks.verdict import Category, Verdict, failed, not_checked, passed
from provenance.entry import Entry
from provenance.errors import Reason
from provenance.history import History
from provenance.lineage import ancestors
from provenance.releases import WEIGHTS, Release
from provenance.report import Finding


@dataclass(frozen=True)
class CodeRules:
    """What is asked of the code behind a run; see policy.yaml.

    Args:
        clean_tree: refuse runs whose tracked files differed from the commit that they name.
        commit: refuse runs that name no commit.
    """

    clean_tree: bool = True
    commit: bool = False


def ancestry(case: Case, root: Path, target: Target, rules: CodeRules) -> Verdict:
    """Gaps, cycles, releases out of nothing, and the code that ran.

    Args:
        root: the workspace, in the git repository that recorded commits are looked up in.
    """
    if case.reading is None:
        return case.refused(Category.LINEAGE)
    history = case.reading.history
    entries = _concerned(history, target)
    numbers = {entry.seq for entry in entries}
    findings = [found for found in case.reading.lineage.findings if found.entry in numbers]
    for entry in target.releases:
        findings += _orphan(history, entry)
    code = check_code(entries, root, clean=rules.clean_tree, commit=rules.commit)
    findings += code.findings
    sources = sum(len(inputs_of(entry.body)) for entry in entries)
    looked_at = f"{sources} inputs of {len(entries)} entries"
    evidence = (looked_at, *code.evidence)
    if findings:
        return failed(Category.LINEAGE, *findings, evidence=evidence)
    if code.open_question is not None:
        return not_checked(Category.LINEAGE, Reason.CANNOT_CHECK, code.open_question)
    if not entries:
        return not_checked(Category.LINEAGE, Reason.NOTHING_TO_CHECK, "no entry to follow")
    return passed(Category.LINEAGE, f"{looked_at} were logged before them", *evidence)


def _concerned(history: History, target: Target) -> list[Entry]:
    """The target and what it was made from; all entries for the whole log."""
    if target.whole:
        return [entry for entry in history.entries() if vouches(entry.body)]
    numbers = {entry.seq for entry in target.entries}
    for entry in target.entries:
        numbers.update(ancestors(history, entry))
        if (run := _run_of(history, entry)) is not None:
            numbers.add(run.seq)
    return [history.entry(seq) for seq in sorted(numbers)]


def _run_of(history: History, entry: Entry) -> Entry | None:
    """The run that a release belongs to: it says which code released the model."""
    run = entry.body.get("run")
    name = run.get("mlflow") if isinstance(run, dict) else None
    return history.find(name) if isinstance(name, str) and name != entry.body["id"] else None


def _orphan(history: History, entry: Entry) -> list[Finding]:
    """A release must come from a run that made its weights from something."""
    release = Release.of(entry.body)
    name, weights = f"{release.model} version {release.version}", release.digest(WEIGHTS)
    origin = next((put for put in inputs_of(entry.body) if put["blake3"] == weights), None)
    if origin is None:
        message = f"{name}: its weights come from no logged run"
        return [Finding(Reason.LINEAGE_GAP, message, entry.seq, WEIGHTS)]
    known = history.newest(origin["path"], weights, before=entry.seq)
    if known is not None and not inputs_of(known[0].body):
        message = f"{name}: entry {known[0].seq} made its weights from no logged data"
        return [Finding(Reason.LINEAGE_GAP, message, known[0].seq, origin["path"])]
    return []
