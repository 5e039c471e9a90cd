"""Compliance: a release keeps to policy.yaml, and the policy is the one that was logged."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provenance import Artifact, Entry, Reason, TamperedError
from provenance.body import artifacts_of
from provenance.checks.case import Case
from provenance.checks.target import Target
from provenance.checks.verdict import Category, Verdict, failed, not_checked, passed
from provenance.lineage import ancestors
from provenance.reading import Reading
from provenance.releases import WEIGHTS, Release
from provenance.report import Finding
from provenance.statements import check_parameters, check_statements, version_folder
from tasks.verification.approval import approvers
from tasks.verification.policy import (
    ANY,
    FILE,
    POLICY,
    Policy,
    allows,
    logged_policy,
)
from tasks.workspace import Workspace

REPORT = "report.json"
MANIFEST = "data/manifest.parquet"
_UNASKED = not_checked(Category.COMPLIANCE, Reason.NOT_ASKED, "the policy is about releases")


@dataclass
class Facts:
    """One release, and the runs behind it.

    Args:
        release: what was released.
        entry: by which entry.
        run: the run of the release stage, if it is logged.
        behind: entries that it was made from, newest first.
    """

    release: Release
    entry: Entry
    run: Entry | None
    behind: list[Entry]

    @property
    def name(self) -> str:
        return f"{self.release.model} version {self.release.version}"

    def stage(self, name: str) -> Entry | None:
        """The newest run of a stage behind it."""
        return next((entry for entry in self.behind if entry.body.get("stage") == name), None)

    def breach(self, message: str, entry: Entry | None = None) -> Finding:
        seq = (entry or self.entry).seq
        return Finding(Reason.POLICY_VIOLATION, f"{self.name}: {message}", seq)


def compliance(
    case: Case, workspace: Workspace, target: Target, found: tuple[Policy, Artifact] | None
) -> Verdict:
    """Hold every release of the target against the policy.

    Where nothing is released, the policy itself is still looked at: it says what other questions
    let pass.

    Args:
        found: what policy.yaml says, as `read_policy` gives it.
    """
    if case.reading is None:
        return case.refused(Category.COMPLIANCE)
    reading = case.reading
    logged = _of_kind(reading, POLICY)
    if not target.releases and not logged:
        return _UNASKED
    if found is None:
        return not_checked(
            Category.COMPLIANCE,
            Reason.POLICY_MISSING,
            f"there is no {FILE} in {workspace.root}: write one (docs/provenance.md)",
        )
    if not logged:
        return not_checked(
            Category.COMPLIANCE,
            Reason.POLICY_MISSING,
            f"no policy was ever logged, so {FILE} may say anything: `cairn approve --policy`",
        )
    policy, digest, last = found[0], found[1].digest, logged[-1]
    if logged_policy(last) != digest:
        message = (
            f"{FILE} has blake3 {digest[:8]}..., the policy in force (entry {last.seq}) "
            f"{logged_policy(last)[:8]}...: restore it, or log the change: `cairn approve --policy`"
        )
        return failed(Category.COMPLIANCE, Finding(Reason.POLICY_CHANGED, message, last.seq, FILE))
    if not target.releases:
        return _UNASKED
    return _judge(reading, workspace, target, policy, digest, logged)


def _judge(
    reading: Reading,
    workspace: Workspace,
    target: Target,
    policy: Policy,
    digest: str,
    logged: list[Entry],
) -> Verdict:
    findings: list[Finding] = []
    unknown: list[str] = []
    evidence = [f"policy {digest[:8]}..., in force since entry {logged[-1].seq}"]
    for entry in target.releases:
        facts = _facts(reading, entry)
        then = [old for old in logged if old.seq < entry.seq]
        if not then or logged_policy(then[-1]) != digest:
            evidence.append(f"{facts.name} was released under another policy, or none")
        findings += [
            *_licence_of_weights(facts, policy),
            *_metrics(facts, policy),
            *_data(facts, policy),
            *_privacy(facts, policy, evidence),
            *_parameters(facts, workspace.root),
            *_approved(reading, facts, policy, digest, workspace.root),
        ]
        findings += _licence_of_data(facts, policy, workspace.root, unknown)
        if (weights := facts.release.digest(WEIGHTS)) in reading.history.revoked:
            findings.append(facts.breach(f"withdrawn by entry {reading.history.revoked[weights]}"))
    if findings:
        return failed(Category.COMPLIANCE, *findings, evidence=tuple(evidence))
    if unknown:
        return not_checked(Category.COMPLIANCE, Reason.CANNOT_CHECK, unknown[0])
    rules = ", ".join(Policy.model_fields)
    return passed(Category.COMPLIANCE, f"{FILE}: {rules}", *evidence)


def _facts(reading: Reading, entry: Entry) -> Facts:
    history = reading.history
    run = history.find(str(entry.body.get("run", {}).get("mlflow", "")))
    behind = [history.entry(seq) for seq in ancestors(history, entry)]
    return Facts(Release.of(entry.body), entry, run, behind)


def _licence_of_weights(facts: Facts, policy: Policy) -> Iterator[Finding]:
    found = facts.run.body["params"].get("licence") if facts.run else None
    if not allows(policy.licences.weights, found):
        yield facts.breach(
            f"licence of the weights is {found!r}, allowed: {', '.join(policy.licences.weights)}"
        )


def _licence_of_data(
    facts: Facts, policy: Policy, root: Path, unknown: list[str]
) -> Iterator[Finding]:
    if ANY in policy.licences.data:
        return
    ingest = facts.stage("ingest")
    record = _record(ingest, REPORT) if ingest else None
    if ingest is None or record is None:
        yield facts.breach("no ingest report says which licence the data have")
        return
    try:
        report = Artifact(root / record["path"], record["blake3"], record["size"])
        source = json.loads(report.read())["source"]
    except TamperedError:
        unknown.append(
            f"{facts.name}: {record['path']} is no longer the report of its data (entry "
            f"{ingest.seq}), so their licence is not known: restore it"
        )
        return
    if not allows(policy.licences.data, source.get("licence")):
        yield facts.breach(
            f"licence of the data is {source.get('licence')!r}, allowed: "
            f"{', '.join(policy.licences.data)}",
            ingest,
        )


def _metrics(facts: Facts, policy: Policy) -> Iterator[Finding]:
    train = facts.stage("train")
    logged: dict[str, str] = train.body.get("metrics", {}) if train else {}
    for name, least in policy.minimum_metrics.items():
        value = float(logged[name]) if name in logged else None
        if value is None or not value >= least:  # so written that NaN is too little
            found = "not logged" if value is None else f"{value:.4g}"
            yield facts.breach(f"{name} is {found}, must be at least {least:g}", train)


def _data(facts: Facts, policy: Policy) -> Iterator[Finding]:
    ingest = facts.stage("ingest")
    source = ingest.body.get("params", {}).get("source") if ingest else None
    record = _record(ingest, MANIFEST) if ingest else None
    digest = record["blake3"] if record else None
    for what, found, allowed in (
        ("source of the data", source, policy.data.sources),
        ("manifest of the data", digest, policy.data.manifests),
    ):
        if not allows(allowed, found):
            yield facts.breach(f"{what} is {found!r}, allowed: {', '.join(allowed)}", ingest)


def _privacy(facts: Facts, policy: Policy, evidence: list[str]) -> Iterator[Finding]:
    private = [entry for entry in facts.behind if "privacy" in entry.body]
    if not private:
        evidence.append(f"{facts.name}: no private training recorded")
    for entry in private:
        spent = entry.body["privacy"].get("epsilon")
        try:
            kept = float(spent) <= policy.privacy.max_epsilon
        except (TypeError, ValueError):
            kept = False
        if not kept:
            yield facts.breach(
                f"privacy budget epsilon is {spent!r}, at most {policy.privacy.max_epsilon:g}",
                entry,
            )


def _parameters(facts: Facts, root: Path) -> list[Finding]:
    folder = version_folder(root, facts.release)
    if folder is None or facts.run is None:
        return [facts.breach("no run of the release stage, so no parameters to compare")]
    return check_parameters(folder, facts.run)


def _approved(
    reading: Reading, facts: Facts, policy: Policy, digest: str, root: Path
) -> Iterator[Finding]:
    if not policy.approval.required:
        return
    folder = version_folder(root, facts.release)
    identities = reading.keys.identities_at(facts.entry.seq + 1)
    origin = reading.head.checkpoint.origin
    said_yes = approvers(
        _of_kind(reading, "approval"),
        facts.release,
        digest,
        origin,
        reading.keys.identities_at(reading.history.size),
    )
    if not said_yes:
        yield facts.breach("nobody approved it under this policy: `cairn approve`")
    elif folder is not None and not any(
        # The release is signed without this identity, so that somebody else made it.
        not check_statements(
            folder, facts.entry, [one for one in identities if one.fingerprint != yes.fingerprint]
        )
        for yes in said_yes
    ):
        yield facts.breach("approved by nobody but the one who signed the release")


def _record(entry: Entry, name: str) -> dict[str, Any] | None:
    for record in artifacts_of(entry.body):
        if record["path"] == name or record["path"].endswith(f"/{name}"):
            return dict(record)
    return None


def _of_kind(reading: Reading, kind: str) -> list[Entry]:
    return [entry for entry in reading.history.entries() if entry.body["kind"] == kind]
