"""How `python -m flows.<stage>` runs a stage's flow."""

import signal
import sys
import types
from collections.abc import Iterator

import pytest

from flows.record import last_record
from flows.stage import arguments, run_stage
from tasks.errors import CheckFailed
from tasks.params import IngestParams, Params, ValidateParams, load_params
from tasks.tracked import PIPELINE
from tasks.workspace import Workspace


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_flow_gets_what_it_asks_for_by_type(bare_workspace: Workspace) -> None:
    params = load_params(bare_workspace.params_file)

    def some(known: IngestParams, own: ValidateParams, all_of_it: Params, here: Workspace) -> None:
        pass

    assert arguments(some, params, bare_workspace) == {
        "known": params.ingest,
        "own": params.validation,
        "all_of_it": params,
        "here": bare_workspace,
    }


def test_a_flow_cannot_ask_for_anything_else(bare_workspace: Workspace) -> None:
    def odd(path: str) -> None:
        pass

    with pytest.raises(TypeError, match="a stage's flow cannot ask for `path: <class 'str'>`"):
        arguments(odd, load_params(bare_workspace.params_file), bare_workspace)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A stage named `gate`, a real Prefect flow, that refuses little data; returns what it saw."""
    from prefect import flow

    seen: list[int] = []

    @flow(name="gate")
    def gate(params: ValidateParams) -> None:
        seen.append(params.min_rows)
        if params.min_rows > 200:
            raise CheckFailed(f"{params.min_rows} rows wanted")

    module = types.ModuleType("flows.gate")
    module.gate = gate  # type: ignore[attr-defined]  # that is how a stage's module looks
    monkeypatch.setitem(sys.modules, "flows.gate", module)
    return seen


@pytest.mark.flow
@pytest.mark.usefixtures("prefect_api")
def test_a_stage_that_succeeds(
    bare_workspace: Workspace, gate: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAIRN_ROOT", str(bare_workspace.root))
    with pytest.raises(SystemExit) as ended:
        run_stage("gate")
    assert ended.value.code == 0
    assert gate == [200]
    record = last_record(bare_workspace, "gate")
    assert record is not None
    assert record.state == "done"


@pytest.mark.flow
@pytest.mark.usefixtures("prefect_api")
@pytest.mark.parametrize(("pipeline", "told"), [("", "cairn: 201 rows wanted\n"), ("run1", "")])
def test_a_stage_that_fails_is_told_once(
    bare_workspace: Workspace,
    gate: list[int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pipeline: str,
    told: str,
) -> None:
    text = bare_workspace.params_file.read_text()
    bare_workspace.params_file.write_text(text.replace("min_rows: 200", "min_rows: 201"))
    monkeypatch.setenv("CAIRN_ROOT", str(bare_workspace.root))
    if pipeline:
        monkeypatch.setenv(PIPELINE, pipeline)
    with pytest.raises(SystemExit) as ended:
        run_stage("gate")
    assert ended.value.code == 1
    assert capsys.readouterr().err == told
    record = last_record(bare_workspace, "gate")
    assert record is not None
    assert record.failure is not None
    assert record.failure.message == "201 rows wanted"


def test_dvc_and_this_room_name_the_same_stages() -> None:
    import importlib.util
    from pathlib import Path

    import yaml

    from flows.stages import STAGES

    root = Path(__file__).resolve().parent.parent.parent
    described = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    assert [stage.name for stage in STAGES] == list(described)
    for stage in STAGES:
        assert described[stage.name]["cmd"] == f"python -m flows.{stage.name}"
        assert importlib.util.find_spec(f"flows.{stage.name}"), f"no flows/{stage.name}.py"
        # DVC writes an out with options as a mapping of its path.
        outs = [
            name
            for out in described[stage.name]["outs"]
            for name in ([out] if isinstance(out, str) else out)
        ]
        assert stage.output in outs, f"{stage.name}: {stage.output} is none of its outs {outs}"
    docs = (root / "flows" / "pipeline.py").read_text().split('"""')[1]
    assert ", ".join(stage.name for stage in STAGES) in docs
