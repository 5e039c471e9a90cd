"""Why each stage ran last time, what would run now, what differs around it."""

import json

import pytest

from flows.explanation import explanations
from flows.plan import Reason
from flows.summary import summarise
from tasks.errors import InputError
from tasks.workspace import Workspace
from tests.flows.conftest import change, log_run, planned


def test_then_and_now(ran: Workspace) -> None:
    summarise(planned(ran, "run1"))
    change(ran, "data/raw.txt", "stamps", "digits")
    ingest, validate = explanations(ran)
    assert ingest.last is not None
    assert ingest.last.outcome == "skipped"
    assert ingest.runs_now
    # printf 'stamps\n' | md5sum; printf 'digits\n' | md5sum
    assert ingest.reasons == (Reason("data", "data/raw.txt", "md5 5f788618", "md5 ae381caa"),)
    assert ingest.alone == ""
    assert validate.follows == ("ingest",)
    assert json.loads(json.dumps(ingest.values()))["reasons"][0]["kind"] == "data"


def test_one_stage(ran: Workspace) -> None:
    (only,) = explanations(ran, "validate")
    assert (only.stage, only.last, only.runs_now) == ("validate", None, False)
    with pytest.raises(InputError, match="no stage 'nope'"):
        explanations(ran, "nope")


def test_a_stage_that_ran_by_itself_says_so(ran: Workspace) -> None:
    path = ran.mlruns / "last" / "ingest.json"
    path.write_text(path.read_text().replace('"run0"', '""'))
    ingest, _ = explanations(ran)
    assert ingest.alone.startswith("20")


def test_another_environment_is_named_but_no_reason_to_run(ran: Workspace) -> None:
    log_run(ran, "ingest", "data/manifest.parquet", {})
    change(ran, "requirements.lock", "2.3.5", "2.3.6")
    ingest, validate = explanations(ran)
    (drift,) = ingest.drift
    # b3sum of the two versions of the file
    assert (drift.kind, drift.what) == ("environment", "lock")
    assert str(drift.old).startswith("blake3 ")
    assert drift.old != drift.new
    assert not ingest.runs_now
    assert validate.reasons[0].what == "requirements.lock"
