"""Ask the questions about a target, in order, and remember the head where all went well."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from provenance import LogError, TamperedError
from provenance.anchors import anchored_heads
from provenance.checks.ancestry import CodeRules, ancestry
from provenance.checks.authenticity import authenticity
from provenance.checks.case import Case, open_case
from provenance.checks.integrity import integrity
from provenance.checks.report import ModelReport
from provenance.checks.target import Target, find_target, release_entries, whole_log
from provenance.checks.verdict import Category, Outcome, Verdict, not_checked
from provenance.durable import open_regular
from provenance.errors import Reason
from provenance.history import History
from provenance.keys import KeyStore, default_keys
from provenance.layout import Layout
from provenance.note import LARGEST_NOTE
from provenance.reading import pin
from provenance.seen import Seen
from provenance.witness import GitNoteWitness, Witness, recall_all, tell_all
from tasks.errors import InputError
from tasks.verification.compliance import compliance
from tasks.verification.mlflow_witness import ExperimentWitness
from tasks.verification.policy import Policy, read_policy
from tasks.workspace import Workspace

Reproduce = Callable[[Case, Workspace, Target, Policy | None], Verdict]
"""Runs a stage again; it starts processes, so the room of the flows brings it."""


@dataclass(frozen=True)
class Asked:
    """What a person wants to know.

    Args:
        wanted: a model, MODEL/VERSION, a run or a stage; None for the champion and the whole log.
        everything: all releases that stand, and the whole log.
        model: name of the registered model whose champion is meant.
        performance: whether the evaluation is run again.
        reproduce: what runs a stage again; None to leave that unasked.
        git_note: whether the head is written into a git note, too.
    """

    model: str
    wanted: str | None = None
    everything: bool = False
    performance: bool = False
    reproduce: Reproduce | None = None
    git_note: bool = False


def verify_target(workspace: Workspace, asked: Asked, keys: Path | None = None) -> ModelReport:
    """All six questions; those that cost minutes only if they are asked.

    The head is remembered by the pin, by MLflow and, if wanted, by a git note once nothing is
    wrong.

    Raises:
        InputError: nothing has the name that was asked for; policy.yaml is wrong.
        LogMissingError: there is no log.
        LogError, KeyStoreError: something cannot be read, so that nothing can be said.
    """
    layout = Layout(workspace.provenance)
    store = KeyStore(default_keys() if keys is None else keys.absolute())
    found = read_policy(workspace)
    policy = None if found is None else found[0]
    witnesses: list[Witness] = [ExperimentWitness(workspace), GitNoteWitness(workspace.root)]
    origin, seen = _seen(layout, witnesses)
    case = open_case(layout, store, seen)
    if case.reading is not None and case.reading.head.checkpoint.origin != origin:
        raise LogError(f"{layout.checkpoint} became another log's while it was read: try again")
    if case.reading is None:
        named = Target(asked.wanted or "the log", whole=asked.wanted is None)
        return _report(case, named, [case.refused(category) for category in _BY_DEFAULT], ())
    target = _target(case.reading.history, asked)
    verdicts = [
        integrity(case, workspace.root, target),
        authenticity(case, workspace.root, target),
        ancestry(case, workspace.root, target, _code_rules(policy)),
    ]
    verdicts.append(compliance(case, workspace, target, found))
    if asked.performance:
        verdicts.append(_performance(case, workspace, target, policy))
    if asked.reproduce is not None:
        verdicts.append(asked.reproduce(case, workspace, target, policy))
    heed = list(case.reading.notes)
    if verdicts[0].outcome is Outcome.PASS:
        heed += verdicts[0].evidence[1:]  # the first line is the log's head, which is told anyway
    report = _report(case, target, verdicts, heed)
    if report.failed:
        return report
    told = [*witnesses[:1], *(witnesses[1:] if asked.git_note else [])]
    notes = [*pin(case.reading), *tell_all(told, case.reading.head.checkpoint)]
    return _report(case, target, verdicts, [*heed, *notes])


_BY_DEFAULT = (
    Category.INTEGRITY,
    Category.AUTHENTICITY,
    Category.LINEAGE,
    Category.COMPLIANCE,
)


def _seen(layout: Layout, witnesses: Sequence[Witness]) -> tuple[str, list[Seen]]:
    """The log's name, and all that remembers a head of it: witnesses and receipts of anchors."""
    try:
        with open_regular(layout.checkpoint) as file:
            origin = file.readline(LARGEST_NOTE).decode().rstrip("\n")
    except (OSError, UnicodeDecodeError):
        return "", []  # reading the head says what is wrong with it
    try:
        return origin, [*recall_all(witnesses, origin), *anchored_heads(layout)]
    except TamperedError:
        return origin, []  # no origin of ours, which reading the head says too


def _report(
    case: Case, target: Target, verdicts: Sequence[Verdict], notes: Sequence[str]
) -> ModelReport:
    return ModelReport.of(target.name, case.checkpoint, case.signer, verdicts, notes)


def _target(history: History, asked: Asked) -> Target:
    if asked.wanted is None:
        return whole_log(history, None if asked.everything else asked.model)
    found = find_target(history, asked.wanted)
    if found is None:
        names = sorted({entry.body["release"]["model"] for entry in release_entries(history)})
        raise InputError(
            f"the log has no model, run or stage {asked.wanted!r}; models: "
            f"{', '.join(names) or 'none released yet'}; `python -m provenance log` lists the runs"
        )
    return found


def _code_rules(policy: Policy | None) -> CodeRules:
    if policy is None:
        return CodeRules()
    return CodeRules(clean_tree=policy.code.clean_tree, commit=policy.code.commit)


def _performance(
    case: Case, workspace: Workspace, target: Target, policy: Policy | None
) -> Verdict:
    # Here, because it imports torch and the train stage.
    from tasks.verification.performance import performance

    if policy is None:
        return not_checked(
            Category.PERFORMANCE, Reason.POLICY_MISSING, "policy.yaml says how much may differ"
        )
    return performance(case, workspace, target, policy.tolerance.metrics)
