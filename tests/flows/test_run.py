"""A whole run from a command line, as far as it needs no Prefect API."""

import json

import pytest

from flows.run import run_pipeline
from provenance import TamperedError
from tasks.errors import BusyError, InputError
from tasks.lock import HOLDER, workspace_lock
from tasks.workspace import Workspace
from tests.flows.conftest import change, log_run, tries


def test_up_to_date_needs_no_api(ran: Workspace) -> None:
    summary = run_pipeline(ran, "cairn run")
    assert summary.idle
    assert not (ran.root / ".prefect").exists()
    assert json.loads((ran.mlruns / "last" / "run.json").read_text())["id"] == summary.id


def test_a_tampered_output_is_named_before_anything_runs(ran: Workspace) -> None:
    log_run(ran, "ingest", "data/manifest.parquet", {})
    change(ran, "data/manifest.parquet", "STAMPS", "forged")
    with pytest.raises(
        TamperedError,
        match=r"data/manifest.parquet: expected blake3 [0-9a-f]{8}.*found [0-9a-f]{8}.*"
        r"`cairn run --force ingest`",
    ):
        run_pipeline(ran, "cairn run")
    assert tries(ran, "ingest") == 1


def test_an_api_that_is_down_is_named(toy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with pytest.raises(
        InputError, match=r"PREFECT_API_URL=http://127.0.0.1:9/api: no Prefect API answers there"
    ):
        run_pipeline(toy, "cairn run")
    assert tries(toy, "ingest") == 0


def test_two_runs_at_once(toy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with workspace_lock(toy, "cairn run"):
        monkeypatch.setenv(HOLDER, "1")  # as a process sees it that this one did not start
        with pytest.raises(BusyError, match=r"`cairn run` \(process \d+\) is at work"):
            run_pipeline(toy, "cairn run")


def test_wrong_settings_come_first(toy: Workspace) -> None:
    change(toy, "params.yaml", "min_rows", "min_rwos")
    with pytest.raises(InputError, match="did you mean `min_rows`"):
        run_pipeline(toy, "cairn run")
