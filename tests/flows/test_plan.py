"""What would run, and why: DVC's verdict in words. Expected md5 values are md5sum's."""

import pytest

from flows.plan import Plan, Reason, StagePlan, make_plan
from flows.repro import repro
from tasks.errors import InputError
from tasks.workspace import Workspace
from tests.flows.conftest import change, tries

STOP = 5.0


def test_first_run_then_idle_then_one_parameter(toy: Workspace) -> None:
    plan = make_plan(toy)
    assert [stage.stage for stage in plan.stages] == ["ingest", "validate"]
    assert plan.of("ingest").reasons == (Reason("new", "ingest"),)
    assert plan.of("validate").follows == ("ingest",)
    assert not plan.idle
    assert plan.of("ingest").why == "never ran here"

    repro(toy, plan, "run1", STOP)
    plan = make_plan(toy)
    assert plan.idle, plan
    assert plan.of("validate").why == "nothing it reads has changed"

    change(toy, "params.yaml", "min_rows: 200", "min_rows: 201")
    plan = make_plan(toy)
    assert plan.of("ingest").idle
    assert plan.of("validate").reasons == (Reason("parameter", "validate.min_rows", "200", "201"),)
    repro(toy, plan, "run2", STOP)
    assert (tries(toy, "ingest"), tries(toy, "validate")) == (1, 2)


def test_every_kind_of_change_is_named(ran: Workspace) -> None:
    change(ran, "data/raw.txt", "stamps", "digits")
    change(ran, "toy.py", "import os", "import  os")
    change(ran, "params.yaml", "  seed: 7 ", "  seed: 8 ")
    change(ran, "requirements.lock", "2.3.5", "2.3.6")
    change(ran, "dvc.yaml", "verdict.json\n    deps", "./verdict.json\n    deps")
    (ran.root / "verdict.json").unlink()
    plan = make_plan(ran)

    ingest = {(reason.kind, reason.what): reason for reason in plan.of("ingest").reasons}
    # printf 'stamps\n' | md5sum; printf 'digits\n' | md5sum
    assert ingest["data", "data/raw.txt"].old == "md5 5f788618"
    assert ingest["data", "data/raw.txt"].new == "md5 ae381caa"
    assert ingest["parameter", "ingest.seed"] == Reason("parameter", "ingest.seed", "7", "8")
    assert set(ingest) == {
        ("data", "data/raw.txt"),
        ("code", "toy.py"),
        ("parameter", "ingest.seed"),
    }
    validate = plan.of("validate")
    assert {(reason.kind, reason.what) for reason in validate.reasons} == {
        ("environment", "requirements.lock"),
        ("output", "verdict.json"),
        ("command", "validate"),
    }
    assert validate.follows == ("ingest",)
    assert "output verdict.json is deleted" in validate.why
    assert "its command changed" in validate.why
    assert "reads what ingest makes" in validate.why


def test_a_missing_input_is_called_missing(ran: Workspace) -> None:
    (ran.root / "data" / "raw.txt").unlink()
    (reason,) = make_plan(ran).of("ingest").reasons
    assert (reason.kind, reason.what, reason.new) == ("data", "data/raw.txt", "missing")


def test_what_an_earlier_stage_is_about_to_make_is_not_missed(ran: Workspace) -> None:
    (ran.root / "data" / "manifest.parquet").unlink()
    plan = make_plan(ran)
    assert plan.of("ingest").why == "output data/manifest.parquet is deleted"
    assert plan.of("validate").why == "reads what ingest makes"


def test_force_runs_one_stage_and_what_follows_only_if_it_changed(ran: Workspace) -> None:
    plan = make_plan(ran, "validate")
    assert plan.of("validate").why == "forced"
    assert plan.of("ingest").idle
    repro(ran, plan, "run2", STOP)
    assert (tries(ran, "ingest"), tries(ran, "validate")) == (1, 2)


def test_unknown_stage_names_the_known_ones(toy: Workspace) -> None:
    with pytest.raises(InputError, match=r"no stage 'trian' in dvc.yaml; stages are: ingest, val"):
        make_plan(toy, "trian")


def test_no_dvc_repository(bare_workspace: Workspace) -> None:
    with pytest.raises(InputError, match="is no DVC repository: run `dvc init`"):
        make_plan(bare_workspace)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stages: {ingest: {cmd: true, depps: [x]}}", "dvc: .*dvc.yaml.* validation failed"),
        (
            "stages:\n  a: {cmd: x, deps: [b], outs: [a]}\n  b: {cmd: x, deps: [a], outs: [b]}\n",
            "dvc: Same item.s. are defined as both a dependency and an output",
        ),
    ],
)
def test_wrong_dvc_yaml_is_one_line(toy: Workspace, text: str, message: str) -> None:
    (toy.root / "dvc.yaml").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        make_plan(toy)
    assert "\n" not in str(caught.value)


def test_words() -> None:
    assert str(Reason("forced", "train")) == "forced"
    assert str(Reason("data", "data/media")) == "data data/media"
    assert str(Reason("output", "a.json", None, "deleted")) == "output a.json is deleted"
    assert Plan((StagePlan("a", ()),)).idle
