import logging

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from models.compression.calibration import Calibration, CalibrationError, ask
from models.compression.graphs.graph import Graph, GraphError, nbytes
from models.compression.graphs.ort_quantize import dynamic_int8, fp16, int4, static_int8
from models.compression.graphs.products import gemm_as_matmul
from models.compression.graphs.session import run
from models.compression.graphs.stored import block_of, packed, stored_embeddings
from models.compression.graphs.traps import agreement
from tests.models.compression.graphs.conftest import sample


def calibration(view: str, count: int = 12) -> Calibration:
    """Samples of differing lengths, as captions and recordings are."""
    inputs = [sample(view, length=5 + seed % 4, seed=seed) for seed in range(count)]
    return Calibration(view=view, inputs=inputs, label=None, targets=None)


def of(graph: Graph) -> dict[str, int]:
    kinds = [node.op_type for node in graph.proto().graph.node]
    return {kind: kinds.count(kind) for kind in kinds}


def test_dynamic_int8_of_a_sentence_encoder(student, graphs):
    graph = graphs["caption"]
    small = dynamic_int8(graph, reduce_range=True)
    # 6 linear layers in each of 2 blocks, expert, and two of the projection.
    assert of(small)["MatMulInteger"] == 15
    assert of(small)["GatherBlockQuantized"] == 2  # words and positions
    assert nbytes(small) < 0.32 * nbytes(graph)  # a quarter, and what is not weights
    told = ask(student.views["caption"], calibration("caption"))
    assert agreement(small, told, calibration("caption")).cosine > 0.99
    assert dynamic_int8(graph, reduce_range=True) == small


def test_reduced_range_keeps_weights_in_seven_bits(graphs):
    def largest(graph: Graph) -> int:
        return max(
            np.abs(numpy_helper.to_array(tensor).astype(int)).max()
            for tensor in graph.proto().graph.initializer
            if tensor.data_type == TensorProto.INT8 and len(tensor.dims) == 2
        )

    assert largest(dynamic_int8(graphs["text"], reduce_range=True)) <= 64
    assert largest(dynamic_int8(graphs["text"], reduce_range=False)) > 64
    data = calibration("text")
    assert largest(static_int8(graphs["text"], data, reduce_range=True)) <= 64
    assert largest(static_int8(graphs["text"], data, reduce_range=False)) > 64


@pytest.mark.parametrize("method", ["min-max", "percentile", "entropy"])
def test_static_int8_of_samples_that_differ_in_length(student, graphs, method):
    data = calibration("text")
    small = static_int8(graphs["text"], data, reduce_range=True, method=method)
    assert of(small)["QuantizeLinear"] == 5  # the inputs of 5 linear layers, nothing else
    told = ask(student.views["text"], data)
    assert agreement(small, told, data).cosine > 0.97
    assert static_int8(graphs["text"], data, reduce_range=True, method=method) == small


def test_static_int8_of_pictures(student, graphs):
    data = calibration("image")
    small = static_int8(graphs["image"], data, reduce_range=True)
    filters = {
        tensor.name: tensor.data_type
        for tensor in small.proto().graph.initializer
        if len(tensor.dims) == 4
    }
    assert len(filters) == 4
    assert set(filters.values()) == {TensorProto.INT8}
    assert agreement(small, ask(student.views["image"], data), data).cosine > 0.97


def test_excluded_nodes_stay_floats(graphs):
    # The third multiplies two activations: pooling by weights that depend on the lengths.
    names = [n.name for n in graphs["text"].proto().graph.node if n.op_type == "MatMul"][:2]
    data = calibration("text")
    small = static_int8(graphs["text"], data, reduce_range=True, excluded=names)
    everything = static_int8(graphs["text"], data, reduce_range=True)
    assert of(everything)["QuantizeLinear"] - of(small)["QuantizeLinear"] == len(names)


def test_int4_with_embeddings(student, graphs):
    graph = graphs["caption"]
    small = int4(graph)
    assert of(small)["MatMulNBits"] == 15
    assert of(small)["GatherBlockQuantized"] == 2
    assert "MatMul" not in of(small) or of(small)["MatMul"] == 4  # attention of 2 blocks
    assert nbytes(small) < 0.25 * nbytes(graph)  # an eighth, its scales, and what is not weights
    data = calibration("caption")
    assert agreement(small, ask(student.views["caption"], data), data).cosine > 0.95
    assert int4(graph) == small


def test_half_precision_is_half_the_bytes_and_cannot_overflow(student, graphs):
    graph = graphs["caption"]
    half = fp16(graph)
    assert 0.5 < nbytes(half) / nbytes(graph) < 0.53
    (letters, mask) = sample("caption", batch=3, seed=5)
    for ours, exact in zip(run(half, letters, mask), run(graph, letters, mask), strict=True):
        # Weights are rounded to 11 bits: 2 ** -11 = 5e-4 each, averaged over hundreds.
        np.testing.assert_allclose(ours, exact, atol=3e-3)


def test_what_is_quantised_is_refused(graphs):
    for small in (
        dynamic_int8(graphs["text"], reduce_range=True),
        int4(graphs["text"]),
        fp16(graphs["text"]),
    ):
        for again in (lambda g: dynamic_int8(g, reduce_range=True), int4, fp16):
            with pytest.raises(GraphError, match=r"text: is already quantised \(it holds .*\)"):
                again(small)


def test_bad_requests(graphs):
    with pytest.raises(CalibrationError, match="1 samples"):
        static_int8(graphs["text"], calibration("text", 1), reduce_range=True)
    with pytest.raises(CalibrationError, match="view text: the calibration data is of view audio"):
        static_int8(graphs["text"], calibration("audio"), reduce_range=True)
    with pytest.raises(ValueError, match="method='kl': allowed are min-max, percentile, entropy"):
        static_int8(graphs["text"], calibration("text"), reduce_range=True, method="kl")
    with pytest.raises(ValueError, match="block=24: a power of 2 from 16 up"):
        int4(graphs["text"], block=24)
    with pytest.raises(ValueError, match="embedding_bits=5: allowed are 4, 8"):
        dynamic_int8(graphs["text"], reduce_range=True, embedding_bits=5)


def test_quantisers_leave_logging_and_output_alone(graphs, capfd):
    root = logging.getLogger()
    before = (list(root.handlers), list(root.filters), root.level)
    int4(graphs["text"])
    static_int8(graphs["text"], calibration("text"), reduce_range=True, operators=None)
    assert (list(root.handlers), list(root.filters), root.level) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("bits", [4, 8])
def test_packed_tables_are_read_back_by_onnxruntime(bits):
    random = np.random.default_rng(0)
    table = random.normal(size=(64, 96)).astype(np.float32)
    table[3] = 0
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 96])
    proto = helper.make_model(
        helper.make_graph(
            [helper.make_node("Gather", ["table", "ids"], ["rows"])],
            "look-up",
            [ids],
            [rows],
            [numpy_helper.from_array(table, "table")],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    assert stored_embeddings(proto, bits=bits) == 1
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    (found,) = session.run(None, {"ids": np.arange(64)})
    block = block_of(96)
    assert block == 32
    whole, scales = packed(table, bits=bits, block=block)
    assert whole.nbytes == table.size * bits // 8
    assert scales.shape == (64, 3)
    # Rounding to the nearest step is off by half a step, and one side lacks the last step.
    step = np.abs(scales).repeat(block, 1)
    assert (np.abs(found - table) <= (1.01 if bits == 8 else 3.0) * step).all()
    assert not found[3].any()
    # Mean squared error of rounding is step^2 / 12.
    error = ((found - table) ** 2).mean()
    assert error < 1.3 * (step**2).mean() / 12


def test_searching_the_scale_never_makes_the_error_larger():
    random = np.random.default_rng(1)
    table = random.standard_t(3, size=(50, 64)).astype(np.float32)
    whole, scales = packed(table, bits=4, block=64)
    steps = np.stack([whole & 15, whole >> 4], -1).reshape(50, 64).astype(np.float32) - 8
    searched = ((steps * scales - table) ** 2).sum(1)
    # The plain way: the largest weight on the last step.
    peak = table[np.arange(50), np.abs(table).argmax(1)][:, None] / -8
    plain = ((np.clip(np.round(table / peak), -8, 7) * peak - table) ** 2).sum(1)
    assert (searched <= plain + 1e-5).all()
    assert searched.sum() < 0.95 * plain.sum()


def test_gemm_becomes_matmul_and_says_the_same(graphs):
    before = graphs["text"].proto()
    after = gemm_as_matmul(graphs["text"].proto())
    kinds = [node.op_type for node in after.graph.node]
    assert "Gemm" in [node.op_type for node in before.graph.node]
    assert "Gemm" not in kinds
    inputs = sample("text", batch=4, seed=3)
    for ours, exact in zip(
        run(Graph.of("text", after), *inputs), run(graphs["text"], *inputs), strict=True
    ):
        np.testing.assert_allclose(ours, exact, atol=1e-6)


@pytest.mark.slow
def test_the_real_sentence_encoder_reaches_its_sizes():
    """MiniLM, 22.7M parameters: the figures that the size target rests on."""
    from models.compression.graphs.equal import check_equal
    from models.compression.graphs.export import export_module
    from models.encoders.packaged import load_minilm

    encoder = load_minilm()
    words = ["A frog.", "A red stamp with a steam train on it.", "Two children fly a kite."]

    class Twice(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, ids, mask):
            found = self.encoder(ids, mask)
            return found, torch.nn.functional.normalize(found, dim=-1)

    axes = {"ids": {0: "batch", 1: "length"}, "mask": {0: "batch", 1: "length"}}
    ones = torch.ones(2, 8, dtype=torch.long)
    graph = export_module(
        Twice(), (ones, ones), name="caption", axes=axes, outputs=("scores", "vectors")
    )
    rows = [torch.tensor([encoder.tokens(text)]) for text in words]
    inputs = [(row, torch.ones_like(row)) for row in rows]
    check_equal(graph, Twice(), inputs, tolerance=1e-4)
    data = Calibration(view="caption", inputs=inputs, label=None, targets=None)
    told = ask(Twice(), data)
    for small, share, cosine in (
        (dynamic_int8(graph, reduce_range=True), 0.26, 0.98),
        (dynamic_int8(graph, reduce_range=True, embedding_bits=4), 0.20, 0.97),
        (int4(graph), 0.155, 0.93),
    ):
        assert nbytes(small) < share * nbytes(graph)
        assert agreement(small, told, data).cosine > cosine
