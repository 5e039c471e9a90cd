"""A run and its anchors: the worker starts once at the end, and nothing waits for it."""

import os
import signal
import socket
import sys
import types
from collections.abc import Callable, Iterator

import pytest

from flows.run import run_pipeline
from flows.stage import run_stage
from provenance.anchors import receipts, start
from provenance.layout import Layout
from tasks.errors import CheckFailed
from tasks.params import Params
from tasks.params.anchor import AnchorParams
from tasks.tracked import PIPELINE
from tasks.workspace import Workspace
from tests.flows.conftest import change, log_run


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Workspace]:
    """Where a worker would have been started."""
    seen: list[Workspace] = []

    def note(workspace: Workspace, params: AnchorParams) -> None:
        assert params.enabled
        seen.append(workspace)

    monkeypatch.setattr("flows.stage.anchor_later", note)
    monkeypatch.setattr("flows.run.anchor_later", note)
    return seen


class _Flow:
    """What a stage's module offers, without Prefect."""

    def __init__(self, work: Callable[[Params], None]) -> None:
        self.fn = work

    def __call__(self, params: Params) -> None:
        self.fn(params)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize(("pipeline", "times"), [(None, 1), ("run1", 0)])
def test_a_stage_by_itself_anchors_one_of_a_pipeline_does_not(
    bare_workspace: Workspace,
    started: list[Workspace],
    monkeypatch: pytest.MonkeyPatch,
    fails: bool,
    pipeline: str | None,
    times: int,
) -> None:
    """A failure is an entry too."""

    def work(params: Params) -> None:
        if fails:
            raise CheckFailed("no")

    module = types.ModuleType("flows.plain")
    module.plain = _Flow(work)  # type: ignore[attr-defined]  # that is how a stage's module looks
    monkeypatch.setitem(sys.modules, "flows.plain", module)
    monkeypatch.setenv("CAIRN_ROOT", str(bare_workspace.root))
    if pipeline:
        monkeypatch.setenv(PIPELINE, pipeline)
    with pytest.raises(SystemExit) as ended:
        run_stage("plain")
    assert ended.value.code == int(fails)
    assert len(started) == times


def test_a_run_with_nothing_to_do_tries_again_what_is_not_anchored(
    ran: Workspace, started: list[Workspace]
) -> None:
    assert run_pipeline(ran, "cairn run").idle
    assert started == [ran]


def test_attack_50_a_run_ends_while_the_node_still_does_not_answer(
    ran: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real server that accepts and never answers; the worker is alive when the run is over."""
    monkeypatch.delenv(start.SWITCH, raising=False)
    log_run(ran, "ingest", "data/manifest.parquet", {})
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        change(ran, "params.yaml", "kind: evm ", "kind: evm #")
        change(ran, "params.yaml", "rpc_url: null", f"rpc_url: {url}")
        change(ran, "params.yaml", "chain_id: null", "chain_id: 137")
        change(ran, "params.yaml", "mode: contract ", "mode: calldata #")
        change(ran, "params.yaml", "timeout_seconds: 10.0", "timeout_seconds: 300.0")
        assert run_pipeline(ran, "cairn run").idle
        worker = start._started[-1]
        try:
            server.settimeout(120)
            connection, _ = server.accept()  # so it did ask, after the run was over
            with connection:
                assert worker.poll() is None
                assert all(one.sent is None for one in receipts(Layout(ran.provenance)))
        finally:
            worker.kill()
            worker.wait()


def test_disabled_in_params_starts_nothing(ran: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(start.SWITCH, raising=False)
    log_run(ran, "ingest", "data/manifest.parquet", {})
    before = list(start._started)
    change(ran, "params.yaml", "enabled: true", "enabled: false")
    run_pipeline(ran, "cairn run")
    assert start._started == before
    assert not (ran.provenance / "anchors").exists()
    assert os.environ.get(start.SWITCH) is None
