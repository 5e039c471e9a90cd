"""The policy as data: each rule refuses, the policy itself cannot be loosened unseen."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from provenance import Log, Reason
from provenance.checks import Category, Outcome, Verdict
from provenance.releases import Release
from tasks.errors import InputError
from tasks.verification import record_policy
from tasks.verification.approval import approve
from tasks.verification.policy import load_policy, policy_digest
from tests.tasks.verification.conftest import MODEL, Shop

COMPLIANCE = Category.COMPLIANCE


def judged(shop: Shop) -> Verdict:
    return shop.verify().verdict(COMPLIANCE)


def test_the_project_s_own_policy_passes(shop: Shop) -> None:
    shop.release()
    report = shop.verify()
    verdict = report.verdict(COMPLIANCE)
    assert verdict.outcome is Outcome.PASS, verdict
    assert any("no private training recorded" in line for line in verdict.evidence)
    assert report.exit_code == 0


@pytest.mark.parametrize(
    ("facts", "rules", "message"),
    [
        ({"licence": "proprietary"}, {}, "licence of the weights is 'proprietary'"),
        ({"data_licence": "CC BY-NC"}, {}, "licence of the data is 'CC BY-NC', allowed: GPL-2"),
        ({"data_licence": None}, {}, "licence of the data is None"),
        ({"accuracy": "0.1"}, {}, "test.fused.accuracy is 0.1, must be at least 0.85"),
        ({"accuracy": "nan"}, {}, "test.fused.accuracy is nan, must be at least 0.85"),
        ({}, {"minimum_metrics": {"test.x": 0.0}}, "test.x is not logged, must be at least 0"),
        ({"source": "scraped"}, {}, "source of the data is 'scraped', allowed: stamps"),
        ({}, {"data__manifests": ["1" * 64]}, "manifest of the data is "),
        ({"privacy": {"epsilon": "9.5"}}, {}, "privacy budget epsilon is '9.5', at most 8"),
        ({"privacy": {"epsilon": "nan"}}, {}, "privacy budget epsilon is 'nan', at most 8"),
        ({"privacy": {}}, {}, "privacy budget epsilon is None, at most 8"),
        ({}, {"approval__required": True}, "nobody approved it under this policy"),
    ],
)
def test_each_rule_refuses(
    shop: Shop, facts: dict[str, Any], rules: dict[str, Any], message: str
) -> None:
    shop.policy(**rules)
    shop.release(**facts)
    verdict = judged(shop)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.POLICY_VIOLATION)
    assert [message in found.message for found in verdict.findings] == [True]
    assert shop.verify().exit_code == 1


def test_any_allows_all(shop: Shop) -> None:
    shop.policy(licences={"weights": ["any"], "data": ["any"]}, data__sources=["any"])
    shop.release(licence="own", data_licence=None, source="scraped")
    assert judged(shop).outcome is Outcome.PASS


def test_a_budget_that_was_kept(shop: Shop) -> None:
    shop.release(privacy={"epsilon": "7.5"})
    assert judged(shop).outcome is Outcome.PASS


def test_without_a_policy_nothing_passes(shop: Shop) -> None:
    (shop.root / "policy.yaml").unlink()
    shop.release()
    report = shop.verify()
    verdict = report.verdict(COMPLIANCE)
    assert (verdict.outcome, verdict.reason) == (Outcome.NOT_CHECKED, Reason.POLICY_MISSING)
    assert report.exit_code == 2
    shop.policy()  # on disk alone it proves nothing: nobody knows since when
    assert judged(shop).reason is Reason.POLICY_MISSING
    record_policy(shop.log, shop.workspace)
    verdict = judged(shop)
    assert verdict.outcome is Outcome.PASS
    assert "tiny version 1 was released under another policy, or none" in verdict.evidence


def test_attack_37_a_policy_loosened_after_approval(shop: Shop) -> None:
    shop.release(accuracy="0.1")
    assert judged(shop).reason is Reason.POLICY_VIOLATION
    shop.policy(minimum_metrics={})
    verdict = judged(shop)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.POLICY_CHANGED)
    assert "restore it, or log the change: `cairn approve --policy`" in verdict.message
    first = record_policy(shop.log, shop.workspace)
    assert first is not None
    again = record_policy(shop.log, shop.workspace)
    assert again == first  # once is enough
    assert judged(shop).outcome is Outcome.PASS  # the log shows who put it in force, and when
    shop.policy()
    assert judged(shop).reason is Reason.POLICY_CHANGED
    back = record_policy(shop.log, shop.workspace)
    assert back is not None
    assert back.seq > first.seq  # a policy that comes back is a change, too


def test_attack_37_a_run_does_not_put_a_loosened_policy_in_force(shop: Shop) -> None:
    shop.release(accuracy="0.1")
    shop.policy(minimum_metrics={})
    standing = record_policy(shop.log, shop.workspace, change=False)
    assert standing is not None
    verdict = judged(shop)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.POLICY_CHANGED)
    (shop.root / "fresh").mkdir()
    empty = Log.open(shop.root / "fresh" / ".provenance", shop.keys)
    assert record_policy(empty, shop.workspace, change=False) is not None  # the first one counts


def test_attack_40_an_unexpected_parameter(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed by the right key, but built with a field that the run never logged."""
    from provenance.statements import slsa

    honest = slsa.predicate

    def with_more(*arguments: Any) -> dict[str, Any]:
        made = honest(*arguments)
        made["buildDefinition"]["externalParameters"]["skip_gate"] = True
        return made

    monkeypatch.setattr("provenance.statements.write.predicate", with_more)
    shop.release()
    report = shop.verify()
    verdict = report.verdict(COMPLIANCE)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.POLICY_VIOLATION)
    assert "externalParameters.skip_gate" in verdict.message


def test_a_withdrawn_model_does_not_comply(shop: Shop) -> None:
    entry = shop.release()
    digest = Release.of(entry.body).digest("model.safetensors")
    record = {"path": "mlruns/stages/train/model.safetensors", "blake3": digest}
    shop.log.append({"kind": "revoked", "id": "w", "artifacts": [record]})
    assert "withdrawn by entry" in judged(shop).message


def say_yes(approver: Shop, entry: Any) -> None:
    digest = policy_digest(approver.workspace)
    approve(approver.log, Release.of(entry.body), entry, digest)


def test_the_approver_is_not_the_trainer(shop: Shop, colleague: Callable[[], Shop]) -> None:
    shop.policy(approval__required=True)
    entry = shop.release()
    other = colleague()
    say_yes(shop, entry)
    verdict = judged(shop)
    assert verdict.reason is Reason.POLICY_VIOLATION
    assert "approved by nobody but the one who signed the release" in verdict.message
    say_yes(other, entry)
    assert judged(shop).outcome is Outcome.PASS
    assert judged(other).outcome is Outcome.PASS
    shop.policy(approval__required=True, minimum_metrics={})
    record_policy(shop.log, shop.workspace)
    assert "nobody approved it under this policy" in judged(shop).message


def test_an_approval_that_is_forged_or_of_a_stranger_is_none(
    shop: Shop, colleague: Callable[[], Shop]
) -> None:
    shop.policy(approval__required=True)
    entry = shop.release()
    other = colleague()
    say_yes(other, entry)
    honest = next(one for one in shop.log.entries() if one.body["kind"] == "approval")
    second = shop.release("2")
    for number, change in enumerate(({"version": "2"}, {"signature": "AAAA"}, {"key": "0" * 16})):
        said = {**honest.body["approval"], "version": "2", **change}
        said["blake3"] = Release.of(second.body).digest("model.safetensors")
        shop.log.append({"kind": "approval", "id": f"forged-{number}", "approval": said})
    assert "nobody approved it" in shop.verify("tiny/2").verdict(COMPLIANCE).message
    assert shop.verify("tiny/1").verdict(COMPLIANCE).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"licences__weights": []}, "policy.yaml: `licences.weights` is \\[\\]"),
        ({"aproval": {}}, "policy.yaml: `aproval` is {}; Extra inputs are not permitted"),
        ({"approval__required": "no"}, "policy.yaml: `approval.required` is 'no'; allowed is"),
    ],
)
def test_a_typo_in_the_policy_is_named(shop: Shop, rules: dict[str, Any], message: str) -> None:
    shop.policy(**rules)
    with pytest.raises(InputError, match=message):
        load_policy(shop.workspace)


def test_a_key_twice_is_refused(shop: Shop) -> None:
    path = shop.root / "policy.yaml"
    path.write_text(path.read_text() + "approval: {required: false}\n")
    with pytest.raises(InputError, match="key `approval` is given twice"):
        load_policy(shop.workspace)


def test_a_run_is_not_asked_for_compliance(shop: Shop) -> None:
    shop.release()
    verdict = shop.verify("train").verdict(COMPLIANCE)
    assert verdict.reason is Reason.NOT_ASKED
    assert shop.verify("train").exit_code == 0
    with pytest.raises(InputError, match=f"no model, run or stage 'big'; models: {MODEL};"):
        shop.verify("big")


def test_a_policy_that_cannot_be_read_is_named(shop: Shop) -> None:
    (shop.root / "policy.yaml").unlink()
    (shop.root / "policy.yaml").mkdir()
    with pytest.raises(InputError, match=r"policy\.yaml cannot be read"):
        load_policy(shop.workspace)
    shop.root.joinpath("policy.yaml").rmdir()
    shop.root.joinpath("policy.yaml").write_text("[" * 100_000)
    with pytest.raises(InputError, match=r"policy\.yaml is not valid YAML"):
        load_policy(shop.workspace)


def test_rules_and_digest_come_from_one_reading(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who swaps policy.yaml between two readings must not have loose rules under a good digest."""
    shop.release(accuracy="0.1")
    good = (shop.root / "policy.yaml").read_bytes()
    shop.policy(minimum_metrics={})
    honest = yaml.load

    def swap(*arguments: Any, **more: Any) -> Any:
        (shop.root / "policy.yaml").write_bytes(good)
        return honest(*arguments, **more)

    monkeypatch.setattr(yaml, "load", swap)
    verdict = shop.verify().verdict(COMPLIANCE)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.POLICY_CHANGED)
