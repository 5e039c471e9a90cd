"""Lineage: everything that the target was made from was logged before it, by code that exists."""

from dataclasses import dataclass
from pathlib import Path

from provenance.body import artifacts_of, inputs_of, is_kept, vouches
from provenance.checks.case import Case
from provenance.checks.code import NO_COMMIT, check_code
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
    code = check_code(
        _code_behind(history, target),
        root,
        lambda entry: _made_again(history, entry),
        clean=rules.clean_tree,
        commit=rules.commit,
    )
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
    return _behind(history, target)


def _behind(history: History, target: Target) -> list[Entry]:
    numbers = {entry.seq for entry in target.entries}
    for entry in target.entries:
        numbers.update(ancestors(history, entry))
        if (run := _run_of(history, entry)) is not None:
            numbers.add(run.seq)
    return [history.entry(seq) for seq in sorted(numbers)]


def _code_behind(history: History, target: Target) -> list[Entry]:
    """The runs whose code is asked for: those behind the target.

    What was tried and never released does not count, else one hasty run would spoil a log for
    ever. Where nothing is released, the newest run of each stage is what there is.
    """
    if target.entries:
        return _behind(history, target)
    runs = [entry for entry in history.entries() if entry.body["kind"] == "run"]
    return list({entry.body.get("stage"): entry for entry in runs}.values())


def _made_again(history: History, entry: Entry) -> Entry | None:
    """A run of the same stage, from a clean tree, with the same outputs."""
    made = _outputs(entry)
    if not made:
        return None
    for other in history.entries():
        same_stage = other.body.get("stage") == entry.body.get("stage")
        run = other.body.get("run")
        clean = isinstance(run, dict) and run.get("dirty") is False and run.get("git") != NO_COMMIT
        if other.body["kind"] == "run" and same_stage and clean and _outputs(other) == made:
            return other
    return None


def _outputs(entry: Entry) -> dict[str, str]:
    kept = (record for record in artifacts_of(entry.body) if is_kept(record))
    return {record["path"]: record["blake3"] for record in kept}


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
