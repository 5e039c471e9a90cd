"""Graphs in mixed bits: sizes as predicted, errors as measured, between all in 4 and all in 8."""

import numpy as np
import pytest

from models.compression.bit_allocation import Layer, total_bytes
from models.compression.calibration import Calibration, CalibrationError
from models.compression.graphs.graph import Graph, GraphError, nbytes
from models.compression.graphs.mixed import decided, mixed_bits, stored_in
from models.compression.graphs.ort_quantize import int4
from models.compression.graphs.products import gemm_as_matmul
from models.compression.graphs.session import run
from models.compression.graphs.widths import Place, layers, places, stored
from tests.models.compression.graphs.conftest import sample


def calibration(view: str, count: int = 6) -> Calibration:
    inputs = [sample(view, length=5 + seed % 4, seed=seed) for seed in range(count)]
    return Calibration(view=view, inputs=inputs, label=None, targets=None)


def divergence(graph: Graph, exact: Graph, data: Calibration) -> float:
    """KL of the scores and half the squared distance of the vectors, by torch's own functions."""
    import torch
    from torch.nn import functional as F

    total = 0.0
    for inputs in data.inputs:
        (scores, vectors), (true, wanted) = run(graph, *inputs), run(exact, *inputs)
        log_q, log_p = (torch.tensor(x).double().log_softmax(-1) for x in (scores, true))
        total += float(F.kl_div(log_q, log_p, log_target=True, reduction="batchmean"))
        apart = F.mse_loss(torch.tensor(vectors).double(), torch.tensor(wanted).double())
        total += float(apart) * vectors.shape[-1] / 2
    return total / len(data.inputs)


@pytest.fixture(scope="module")
def caption(graphs) -> list[Layer]:
    return layers(graphs["caption"], calibration("caption"), samples=6)


def test_layers_of_a_sentence_encoder(graphs, caption) -> None:
    # 12 linear layers of 2 blocks, the projection's first; the class head has 3 x 256 weights and
    # the last of the projection 32 x 8: too few. Of the tables, words and positions.
    kinds = [place.kind for place in places(gemm_as_matmul(graphs["caption"].proto()))]
    assert (kinds.count("product"), kinds.count("table")) == (13, 2)
    for layer in caption:
        assert 0.5 < layer.bytes[4] / layer.bytes[8] < 0.65  # half, and the scales
    # A step of 4 bits is 17 of 8: errors, while small, grow with its square.
    ratios = [layer.errors[4] / layer.errors[8] for layer in caption]
    assert 17**2 / 3 < np.median(ratios) < 17**2 * 3


@pytest.mark.parametrize("bits", [4, 8])
def test_a_layers_error_is_that_of_the_graph_with_it_alone_rounded(graphs, bits) -> None:
    """Through what a runtime makes of the weights: put back into the graph as floats."""
    from onnx import numpy_helper

    data = calibration("text", 4)
    found = {layer.name: layer for layer in layers(graphs["text"], data, samples=4)}
    proto = gemm_as_matmul(graphs["text"].proto())
    place = places(proto)[1]
    for tensor in proto.graph.initializer:
        if tensor.name == place.weight:
            back, _ = stored(numpy_helper.to_array(tensor), place, bits)
            tensor.CopyFrom(numpy_helper.from_array(back, tensor.name))
    expected = divergence(Graph.of("text", proto), graphs["text"], data)
    assert found[place.node].errors[bits] == pytest.approx(expected, rel=1e-3, abs=1e-8)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("inputs", [32, 96, 40])
def test_rounded_products_are_those_of_the_runtime(bits: int, inputs: int) -> None:
    """x W by MatMulNBits with float inputs, against x times the weights that `stored` gives."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    rng = np.random.default_rng(bits)
    weight = rng.normal(size=(inputs, 24)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, 24])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    quantizer = MatMulNBitsQuantizer(model, bits=bits, block_size=32, is_symmetric=False)
    quantizer.process()
    session = onnxruntime.InferenceSession(
        onnx.load_model_from_string(quantizer.model.model.SerializeToString()).SerializeToString(),
        providers=["CPUExecutionProvider"],
    )
    x = rng.normal(size=(3, inputs)).astype(np.float32)
    back, size = stored(weight, Place("product", "w", "product"), bits)
    np.testing.assert_allclose(session.run(None, {"x": x})[0], x @ back, rtol=1e-4, atol=1e-4)
    held = quantizer.model.model.graph.initializer
    assert size == sum(numpy_helper.to_array(one).nbytes for one in held if one.name != "w")


def test_between_all_in_four_and_all_in_eight(graphs, caption) -> None:
    graph, data = graphs["caption"], calibration("caption")
    made = {bits: decided(graph, caption, mean_bits=bits, seed=1) for bits in (4.0, 6.0, 8.0)}
    sizes = [nbytes(made[bits].graph) for bits in (4.0, 6.0, 8.0)]
    assert sizes == sorted(sizes)
    assert set(made[4.0].bits.values()) == {4}
    assert set(made[8.0].bits.values()) == {8}
    assert set(made[6.0].bits.values()) == {4, 8}
    assert made[6.0].bytes <= made[6.0].budget
    # What the layers take is what the file grows by, but for names of nodes.
    grown = sizes[1] - sizes[0]
    assert abs(grown - (made[6.0].bytes - made[4.0].bytes)) < 200
    errors = [divergence(made[bits].graph, graph, data) for bits in (4.0, 6.0, 8.0)]
    assert errors[0] > errors[1] > errors[2]
    # Half of the room between them, and far more than half of the error is gone.
    assert errors[1] - errors[2] < 0.4 * (errors[0] - errors[2])
    assert "of 15 layers in 4 bits" in made[6.0].sentence()
    assert made[6.0].table.solver == "exact"
    again = mixed_bits(graph, data, mean_bits=6.0, seed=1, samples=6)
    assert again.graph == made[6.0].graph


def test_the_best_layers_are_better_than_the_worst(graphs, caption) -> None:
    """The same bytes spent on the layers that were not chosen."""
    graph, data = graphs["caption"], calibration("caption")
    made = decided(graph, caption, mean_bits=6.0, seed=1)
    swapped = {name: 12 - bits for name, bits in made.bits.items()}
    assert total_bytes(caption, swapped) >= made.bytes * 0.9
    assert divergence(made.graph, graph, data) < 0.5 * divergence(
        stored_in(graph, swapped), graph, data
    )


@pytest.mark.parametrize("view", ["text", "audio"])
def test_other_views(graphs, view) -> None:
    data = calibration(view)
    made = mixed_bits(graphs[view], data, mean_bits=6.0, seed=0)
    kinds = {node.op_type for node in made.graph.proto().graph.node}
    assert "MatMulNBits" in kinds
    assert nbytes(made.graph) < 0.6 * nbytes(graphs[view])
    assert divergence(made.graph, graphs[view], data) < 0.1


def test_bad_input_is_named(graphs) -> None:
    data = calibration("text")
    with pytest.raises(ValueError, match="mean_bits=3: from 4 to 8"):
        mixed_bits(graphs["text"], data, mean_bits=3, seed=0)
    with pytest.raises(GraphError, match="already quantised"):
        mixed_bits(int4(graphs["text"]), data, mean_bits=5, seed=0)
    with pytest.raises(CalibrationError, match="of view text"):
        mixed_bits(graphs["caption"], data, mean_bits=5, seed=0)
    with pytest.raises(GraphError, match="image: no matrix product or table"):
        mixed_bits(graphs["image"], calibration("image"), mean_bits=5, seed=0)
