"""A recipe with mixed bits on a tiny model: real graphs, judged on its validation clips."""

import pytest
import yaml

from models.compression.graphs.graph import nbytes
from models.compression.order import OrderError
from tasks.compress.bench import Bench
from tasks.compress.engine import carry_out, check_recipe
from tasks.compress.folder import files
from tasks.compress.front import Front
from tasks.compress.judge import Judge
from tasks.compress.machine import machine_class
from tasks.compress.prepared import Prepared
from tasks.compress.source import read_source
from tasks.params import parse_params
from tasks.params.compress import LevelParams
from tasks.params.train import TrainParams
from tasks.params.types import Params
from tasks.train.fit import train_model
from tasks.workspace import Workspace
from tests.tasks.compress.conftest import EXPORT, VIEWS, _of

SOME = ["caption", "text", "audio"]
"""The tiny picture view is all convolutions, which no step of this kind is about."""


def level(*steps: object) -> LevelParams:
    return LevelParams.model_validate({"max_drop": 1.0, "steps": list(steps)})


def mixed(mean_bits: float, views: list[str]) -> dict[str, object]:
    return {"technique": "ort_mixed", "views": views, "mean_bits": mean_bits}


def wider(workspace: Workspace) -> TrainParams:
    """The tiny model with layers of a thousand weights and more: fewer are left alone."""
    values = yaml.safe_load(workspace.params_file.read_text(encoding="utf-8"))
    model = values["train"]["model"]
    model |= {"width": 32, "hidden": 64}
    model["spelling"] |= {"width": 32}
    model["chars"] |= {"embedding": 32, "channels": 32, "width": 64}
    model["scratch_audio"] |= {"width": 32}
    return parse_params(yaml.safe_dump(values)).train


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_recipe_in_mixed_bits(workspace: Workspace, params: Params) -> None:
    _of("tests/tasks/train/conftest.py").ingest_and_validate(workspace)
    train_model.fn(wider(workspace), workspace)
    source = read_source(workspace)
    prepared = Prepared(source)
    bench = Bench(
        source, prepared, Judge(prepared), Front([], {}), params.compress, machine_class()
    )
    made = {
        bits: carry_out(f"{bits} bits", level(EXPORT, mixed(bits, SOME)), bench, lambda _: None)
        for bits in (4.0, 6.0)
    }
    for view in SOME:
        sizes = [nbytes(made[bits].state.onnx[view]) for bits in (4.0, 6.0)]
        assert sizes[0] < sizes[1] < 0.5 * nbytes(made[6.0].state.plain[view])
    (told,) = [note for note in made[6.0].state.notes if note.startswith("caption: ")]
    assert "layers in 4 bits, the others in 8" in told
    assert "taken from exact" in told
    assert "greedy +" in told
    assert made[6.0].kept[-1].quality.agreement >= made[4.0].kept[-1].quality.agreement - 0.05
    assert {name for name in files(made[6.0].state) if name.endswith(".onnx")} >= {
        f"{view}.onnx" for view in VIEWS
    }


def test_mixed_bits_are_a_graph_step() -> None:
    with pytest.raises(OrderError, match="ort_mixed without onnx before it"):
        check_recipe(level(mixed(5.0, VIEWS)))
    again = {"technique": "ort_int4", "views": VIEWS, "embedding_bits": 4}
    with pytest.raises(OrderError, match="ort_int4 after ort_mixed: this would quantise twice"):
        check_recipe(level(EXPORT, mixed(5.0, VIEWS), again))


def test_mean_bits_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="less than or equal to 8"):
        level(EXPORT, mixed(9.0, VIEWS))
