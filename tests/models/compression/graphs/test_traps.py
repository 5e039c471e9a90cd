"""Min-max int8 over all operators collapses where an attention mask is a very large number."""

import numpy as np
import onnx
import pytest
import torch
from onnxruntime.quantization import CalibrationDataReader, quantize_static
from torch import nn
from torch.nn import functional as F

from models.compression.calibration import Calibration, ask
from models.compression.graphs.export import export_module
from models.compression.graphs.graph import Graph
from models.compression.graphs.traps import (
    Agreement,
    CollapsedError,
    agreement,
    check_agreement,
    guarded_int8,
    losses,
)

LOWEST = torch.finfo(torch.float32).min
FLOOR = Agreement(cosine=0.97, same=0.9)
AXES = {"ids": {0: "batch", 1: "length"}, "mask": {0: "batch", 1: "length"}}


class Masked(nn.Module):
    """One layer of attention whose padding is masked by float's lowest number, as BERT does it."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(40, 32)
        self.query, self.key, self.value = (nn.Linear(32, 32) for _ in range(3))
        self.norm = nn.LayerNorm(32)
        self.wide, self.narrow = nn.Linear(32, 96), nn.Linear(96, 32)
        self.expert, self.project = nn.Linear(32, 3), nn.Linear(32, 16)

    def forward(self, ids_BL, mask_BL):
        x = self.embedding(ids_BL)
        # Sharp attention: everything hangs on who looks at whom.
        logits = 2 * self.query(x) @ self.key(x).transpose(1, 2)
        logits = logits + (1 - mask_BL[:, None].to(x.dtype)) * LOWEST
        x = self.norm(logits.softmax(-1) @ self.value(x))
        x = (x + self.narrow(F.gelu(self.wide(x))))[:, 0]
        return self.expert(x), F.normalize(self.project(x), dim=-1)


@pytest.fixture(scope="module")
def module() -> Masked:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = Masked()
        for layer in (made.query, made.key):
            nn.init.normal_(layer.weight, std=0.3)
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    random = torch.Generator().manual_seed(1)
    inputs = []
    for length in torch.randint(3, 10, (40,), generator=random).tolist():
        mask = torch.tensor([[1] * length + [0] * 2])
        inputs.append((torch.randint(0, 40, mask.shape, generator=random) * mask, mask))
    return Calibration(view="caption", inputs=inputs, label=None, targets=None)


@pytest.fixture(scope="module")
def graph(module, calibration) -> Graph:
    example = tuple(torch.cat([part, part]) for part in calibration.inputs[0])
    return export_module(module, example, name="caption", axes=AXES, outputs=("scores", "vectors"))


class Reader(CalibrationDataReader):
    def __init__(self, calibration: Calibration) -> None:
        self.left = iter(calibration.inputs)

    def get_next(self):
        found = next(self.left, None)
        return found and {"ids": found[0].numpy(), "mask": found[1].numpy()}


def test_the_defaults_of_onnxruntime_collapse_and_it_is_noticed(
    module, graph, calibration, tmp_path
):
    onnx.save(graph.proto(), tmp_path / "float.onnx")
    quantize_static(tmp_path / "float.onnx", tmp_path / "int8.onnx", Reader(calibration))
    naive = Graph("caption", "onnx", {"caption.onnx": (tmp_path / "int8.onnx").read_bytes()})
    found = agreement(naive, ask(module, calibration), calibration)
    assert found.cosine < 0.7
    with pytest.raises(CollapsedError, match=r"caption: the quantised graph says something else"):
        check_agreement(naive, module, calibration, floor=FLOOR)
    exact = check_agreement(graph, module, calibration, floor=Agreement(cosine=0.9999, same=1.0))
    assert exact.cosine == pytest.approx(1.0, abs=1e-5)


def test_a_collapse_is_undone_step_by_step(module, graph, calibration):
    result = guarded_int8(
        graph, module, calibration, reduce_range=True, floor=FLOOR, operators=None
    )
    assert result.agreement.reaches(FLOOR)
    # Judged again from outside.
    assert agreement(result.graph, ask(module, calibration), calibration) == result.agreement
    assert result.steps[0].startswith("static int8 of all operators: cosine")
    assert len(result.steps) > 1
    integer = {node.op_type for node in result.graph.proto().graph.node}
    assert integer & {"QuantizeLinear", "DynamicQuantizeLinear"}, "fell back further than needed"


def test_products_alone_do_not_collapse(module, graph, calibration):
    result = guarded_int8(graph, module, calibration, reduce_range=True, floor=FLOOR)
    assert len(result.steps) == 1
    assert result.steps[0].startswith("static int8 of MatMul, Gemm, Conv: cosine")


def test_the_masked_logits_are_what_is_lost(graph, module, calibration):
    from models.compression.graphs.ort_quantize import static_int8

    naive = static_int8(graph, calibration, reduce_range=True, operators=None)
    lost = losses(graph, naive, calibration)
    kinds = {node.name: node.op_type for node in graph.proto().graph.node}
    worst = {kinds[name] for name, share in lost.items() if share > 0.5}
    assert worst & {"Add", "Softmax"}
    assert all(0 <= share <= 1 for share in lost.values())


def test_a_graph_of_another_module_ends_in_a_refusal(graph, calibration):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(9)
        other = Masked().eval()
    with pytest.raises(CollapsedError, match=r"nothing reaches .*half precision: cosine"):
        guarded_int8(graph, other, calibration, reduce_range=True, floor=FLOOR)


def test_numbers_that_are_not_numbers_agree_with_nothing(graph, module, calibration):
    told = ask(module, calibration)
    proto = graph.proto()
    for tensor in proto.graph.initializer:
        if tensor.name == "expert.bias":
            tensor.CopyFrom(
                onnx.numpy_helper.from_array(np.full(3, np.nan, np.float32), tensor.name)
            )
    found = agreement(Graph.of("caption", proto), told, calibration)
    assert (found.cosine, found.same) == (-1.0, 0.0)
