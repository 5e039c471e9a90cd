"""A model that was exported and deployed answers as it did in torch."""

import json
from dataclasses import fields, replace
from itertools import combinations
from pathlib import Path

import pytest

from models.batches import VIEWS
from models.compression.artifact import written
from models.compression.graphs.export import export, export_fusion
from models.compression.graphs.openvino import to_openvino
from models.compression.student import example, in_parts
from services.deployed.runtime import Deployed, load
from services.loading import load as load_trained
from services.predict import Predictor
from services.question import Question
from tests.services.conftest import ENCODERS
from tests.services.deployed.conftest import write

SUBSETS = [views for size in range(1, 5) for views in combinations(VIEWS, size)]


@pytest.mark.slow
def test_every_subset_gets_the_answer_that_torch_gives(
    folder: Path, digests: dict[str, str], tmp_path: Path, everything: Question
) -> None:
    predictor = Predictor(load_trained(folder, digests))
    for backend, deployed in _deployed(predictor, tmp_path).items():
        for views in SUBSETS:
            gone = {f.name: None for f in fields(everything) if f.name not in views}
            asked = replace(everything, **gone)
            expected, found = predictor.answer(asked), deployed.answer(asked)
            assert found.label == expected.label, (backend, views)
            # The tolerance of the exported graphs themselves; training keeps sound in float16.
            assert found.probabilities == pytest.approx(expected.probabilities, abs=2e-4)
            assert found.weights == pytest.approx(expected.weights, abs=2e-4)


def _deployed(predictor: Predictor, tmp_path: Path) -> dict[str, Deployed]:
    student = in_parts(predictor.loaded.model, settings=ENCODERS, encoders={}, tokenizer=None)
    graphs = {view: export(m, example(m, student)) for view, m in student.views.items()}
    graphs["fusion"] = export_fusion(student.fusion, len(student.spec.classes))
    files: dict[str, bytes] = {}
    for graph in graphs.values():
        files |= graph.data
        files |= {f"openvino/{name}": data for name, data in to_openvino(graph).data.items()}
    files["student.json"] = json.dumps(written(student)[1]).encode()
    write(tmp_path, files)
    return {backend: load(tmp_path, backend=backend, threads=1) for backend in ("onnx", "openvino")}
