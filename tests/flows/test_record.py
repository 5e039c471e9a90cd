"""A stage notes how it ended, also when it could not say goodbye."""

import json

import pytest

from flows.record import Failure, last_record, recorded
from tasks.errors import BusyError, CheckFailed, InputError, UnreachableError
from tasks.tracked import PIPELINE
from tasks.workspace import Workspace


def test_done(bare_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PIPELINE, "abc")
    assert last_record(bare_workspace, "train") is None
    with recorded(bare_workspace, "train"):
        during = last_record(bare_workspace, "train")
        assert during is not None
        assert during.state == "running"
    record = last_record(bare_workspace, "train")
    assert record is not None
    assert (record.stage, record.pipeline, record.state) == ("train", "abc", "done")
    assert record.failure is None
    assert record.seconds >= 0.0


def test_failed_goes_on_raising(bare_workspace: Workspace) -> None:
    with pytest.raises(CheckFailed, match="too low"), recorded(bare_workspace, "release"):
        raise CheckFailed("accuracy 0.5 is too low")
    record = last_record(bare_workspace, "release")
    assert record is not None
    assert record.state == "failed"
    assert record.pipeline == ""
    assert record.failure == Failure("CheckFailed", "accuracy 0.5 is too low", 1, False)


@pytest.mark.parametrize(
    ("error", "code", "passing"),
    [
        (InputError("x"), 2, False),
        (BusyError("x"), 3, True),  # a database that is locked now
        (UnreachableError("x"), 2, True),
        (ConnectionResetError("x"), 1, True),
        (TimeoutError("x"), 1, True),
        (ValueError("x"), 1, False),
        (KeyboardInterrupt(), 1, False),
    ],
)
def test_which_failures_may_pass(error: BaseException, code: int, passing: bool) -> None:
    failure = Failure.of(error)
    assert (failure.exit_code, failure.passing) == (code, passing)
    assert failure.message in ("x", "KeyboardInterrupt")


def test_the_file_is_plain_json(bare_workspace: Workspace) -> None:
    with recorded(bare_workspace, "train"):
        pass
    text = (bare_workspace.mlruns / "last" / "train.json").read_text()
    assert json.loads(text)["state"] == "done"
    assert [path.name for path in (bare_workspace.mlruns / "last").iterdir()] == ["train.json"]
