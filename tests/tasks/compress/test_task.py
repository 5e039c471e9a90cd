"""The whole stage on a tiny model: real graphs, real probes, real MLflow, small numbers."""

import json

import pytest

from models.compression.order import OrderError
from provenance import Log
from tasks.compress.pick import pick
from tasks.compress.rows import Noted
from tasks.compress.targets import Targets
from tasks.compress.task import compress_model
from tasks.errors import CheckFailed, InputError
from tasks.params import parse_params
from tasks.params.types import Params
from tasks.workspace import Workspace
from tests.tasks.compress.conftest import SPARSE, VIEWS


@pytest.mark.timeout(900)
@pytest.mark.slow
def test_a_family_is_measured_step_by_step_and_held_against_its_budgets(
    searched: Workspace, params: Params
) -> None:
    compress_model.fn(params.compress, params.train, searched)
    folder = searched.stage("compress")
    members = json.loads((folder / "family" / "family.json").read_text())["members"]
    rows = [Noted.of(row) for row in json.loads((folder / "rows.json").read_text())["rows"]]

    # What ships is what the card says, file by file, and a runtime without torch answers from it.
    assert {name for name, told in members.items() if told["shipped"]} == {
        "server",
        "laptop",
        "microcontroller",
    }
    from services.deployed.runtime import load
    from services.question import Question

    for name in ("server", "laptop", "microcontroller"):
        for backend in ("onnx", "openvino"):
            deployed = load(folder / "family" / name, backend=backend, threads=1)
            answer = deployed.answer(Question(caption="animals 3"))
            assert abs(sum(answer.probabilities.values()) - 1) < 1e-5
    card = json.loads((folder / "family" / "server" / "card.json").read_text())
    assert [step["technique"] for step in card["recipe"]] == ["onnx", "ort_dynamic_int8"]
    assert card["measured"]["onnx"]["machine"]["flags"]

    # A kilobyte is out of reach: the refusal says so, and which point came closest.
    assert "no deployable keeps to 0.001 MB" in members["phone"]["refusal"]
    assert "the closest is" in members["phone"]["refusal"]

    # What loses more than the recipe allows is rolled back, and the next best is taken.
    medium = [row for row in rows if row.level == "medium"]
    assert [(row.settings["sparsity"], row.kept) for row in medium] == [(0.99, False), (0.01, True)]
    assert medium[0].loss > 0

    # Every step left a row with all four timings, and an artifact that the store gives back.
    for row in rows:
        assert len(row.row.measured.latency) >= 3
        assert row.row.measured.rss_bytes > 0
    assert rows[0].level == "teacher"

    log = Log.open(searched.provenance)
    newest = log.newest("mlruns/stages/compress/family")
    assert newest is not None

    found = pick(
        searched,
        params.compress,
        Targets(bytes=1e9, latency_ms=None, memory_bytes=None, max_drop=1.0),
        output=searched.root / "deployables" / "any",
        tries=0,
    )
    assert found.tried == 0
    assert (searched.root / "deployables" / "any" / "card.json").is_file()
    with pytest.raises(InputError, match="exists already"):
        pick(
            searched,
            params.compress,
            Targets(bytes=1e9, latency_ms=None, memory_bytes=None, max_drop=1.0),
            output=searched.root / "deployables" / "any",
            tries=0,
        )
    with pytest.raises(CheckFailed, match=r"no deployable keeps to 0\.0001 MB.*the closest is"):
        pick(
            searched,
            params.compress,
            Targets(bytes=100.0, latency_ms=None, memory_bytes=None, max_drop=1.0),
            output=searched.root / "deployables" / "none",
            tries=1,
        )


def test_a_recipe_out_of_order_is_refused_before_anything_is_done(
    workspace: Workspace, params: Params
) -> None:
    level = {
        "max_drop": 1.0,
        "steps": [{"technique": "onnx", "views": VIEWS}, SPARSE],
    }
    values = params.compress.model_dump(mode="json")
    values["levels"]["light"] = level
    wrong = type(params.compress).model_validate(values)
    with pytest.raises(OrderError, match="magnitude"):
        compress_model.fn(wrong, params.train, workspace)
    assert not (workspace.mlruns / "stages").exists()


def test_an_unknown_technique_names_those_that_there_are(workspace: Workspace) -> None:
    text = workspace.params_file.read_text().replace("technique: zstd", "technique: gzip")
    with pytest.raises(InputError, match=r"gzip.*'zstd'"):
        parse_params(text)
