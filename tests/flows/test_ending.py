"""One clear line and a documented exit code."""

import os
import signal
from collections.abc import Callable

import pytest

from flows.ending import ending
from provenance import Reason, TamperedError
from tasks.errors import BusyError, CheckFailed, InputError


@pytest.fixture(autouse=True)
def _handlers() -> object:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def raising(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (CheckFailed("the gate said no"), 1, "cairn: the gate said no\n"),
        (InputError("no such stage"), 2, "cairn: no such stage\n"),
        (BusyError("process 7 is at work"), 3, "cairn: process 7 is at work\n"),
        (TamperedError("a: changed", Reason.ARTIFACT_CHANGED), 1, "cairn: a: changed\n"),
        (ValueError("bug"), 1, "cairn: ValueError: bug (CAIRN_DEBUG=1 shows where)\n"),
        (
            KeyboardInterrupt(),
            130,
            "cairn: interrupted; the next `cairn run` goes on from there\n",
        ),
    ],
)
def test_errors(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(raising(error)) == code
    assert capsys.readouterr().err == line


def test_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert ending(lambda: None) == 0
    assert capsys.readouterr().err == ""


def test_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAIRN_DEBUG", "1")
    assert ending(raising(ValueError("bug"))) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("cairn: ValueError: bug\n")


def test_a_stage_of_a_pipeline_leaves_the_telling_to_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ending(raising(InputError("x")), tell=False) == 2
    assert capsys.readouterr().err == ""


def test_sigterm_is_an_interruption() -> None:
    assert ending(lambda: os.kill(os.getpid(), signal.SIGTERM)) == 130
