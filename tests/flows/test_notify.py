"""Webhooks, against a real HTTP server on the loopback address."""

from typing import Any

import pytest

from flows.notify import WEBHOOK, notify
from flows.summary import Row, Summary
from tasks.params.pipeline import PipelineParams
from tests.flows.conftest import Hook

PARAMS = PipelineParams(
    retry_seconds=[],
    api_startup_seconds=1.0,
    stop_seconds=1.0,
    notify_on=["completed", "failed"],
    notify_seconds=0.3,
)
RAN = Row("ingest", "ran", "forced", 12.4, "ab" * 32, "clips 7150")
SKIPPED = Row("train", "skipped", "nothing it reads has changed", 0.0, "", "")
FAILED = Row("train", "failed", "loss is NaN at step 3", 1.0, "", "")


def summary(*rows: Row) -> Summary:
    return Summary("run1", "2026-01-01T00:00:00+00:00", rows, "cd" * 32)


@pytest.mark.parametrize(
    ("status", "rows", "text"),
    [
        ("completed", (RAN, SKIPPED), "Cairn run run1 completed: ran ingest in 12 s"),
        ("completed", (SKIPPED,), "Cairn run run1 completed: everything is up to date"),
        ("failed", (RAN, FAILED), "Cairn run run1 failed: stage train: loss is NaN at step 3"),
    ],
)
def test_posts_text_and_summary(
    hook: type[Hook], status: Any, rows: tuple[Row, ...], text: str
) -> None:
    notify(status, summary(*rows), PARAMS)
    (got,) = hook.got
    assert got["text"] == text
    assert got["status"] == status
    assert got["type"] == "application/json"
    assert got["run"]["rows"][0]["stage"] == rows[0].stage
    assert got["run"]["model"] == "cd" * 32


def test_only_what_is_wanted(hook: type[Hook]) -> None:
    quiet = PARAMS.model_copy(update={"notify_on": ["failed"]})
    notify("completed", summary(RAN), quiet)
    assert hook.got == []
    notify("failed", summary(FAILED), quiet)
    assert len(hook.got) == 1


def test_no_url_no_post(hook: type[Hook], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WEBHOOK)
    notify("completed", summary(RAN), PARAMS)
    assert hook.got == []


@pytest.mark.parametrize(
    ("status", "delay", "said"), [(500, 0.0, "(500)"), (200, 1.0, "(TimeoutError)")]
)
def test_a_failing_webhook_is_said_and_changes_nothing(
    hook: type[Hook], capsys: pytest.CaptureFixture[str], status: int, delay: float, said: str
) -> None:
    hook.status, hook.delay = status, delay
    notify("completed", summary(RAN), PARAMS)
    err = capsys.readouterr().err
    assert f"the notification was not delivered {said}" in err
    assert "secret-token" not in err


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9/secret-token", "(ConnectionRefusedError)"),
        ("file:///etc/passwd", "CAIRN_WEBHOOK_URL is not an http(s) URL"),
        ("http://bad host/secret-token", "(InvalidURL)"),
    ],
)
def test_an_unusable_url(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, said: str
) -> None:
    monkeypatch.setenv(WEBHOOK, url)
    notify("failed", summary(FAILED), PARAMS)
    err = capsys.readouterr().err
    assert said in err
    assert "secret-token" not in err
