import re

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from models.batches import VIEWS
from models.compression.graphs.equal import check_equal
from models.compression.graphs.export import (
    UnsupportedOperatorError,
    export,
    export_fusion,
    export_module,
)
from models.compression.graphs.graph import ExportError, Graph, GraphError, nbytes
from models.compression.graphs.session import Session, run
from models.compression.student import ViewModel, example
from models.encoders.audio_conformer import AudioConformer
from models.encoders.audio_conv import AudioConv
from models.encoders.image_resnet import ResNet
from models.encoders.text_chars import CharEncoder
from models.multimodal import View
from models.towers import Encoded
from tests.models.compression.graphs.conftest import sample


@pytest.mark.parametrize("view", VIEWS)
def test_says_what_torch_says_for_any_batch_and_length(student, graphs, view):
    # The example had a batch of 2 and another length: nothing of it may have stuck.
    samples = [
        sample(view, batch=batch, length=length, seed=batch)
        for batch, length in [(1, 1), (1, 9), (3, 12), (5, 30)]
    ]
    assert check_equal(graphs[view], student.views[view], samples, tolerance=1e-5) > 0


def test_an_empty_text_is_answered_as_torch_answers_it_alone(student, graphs):
    empty, padded = torch.zeros(1, 5, dtype=torch.long), torch.zeros(1, 12, dtype=torch.long)
    check_equal(graphs["text"], student.views["text"], [(empty,), (padded,)], tolerance=1e-5)
    together = torch.cat([padded, sample("text", length=12)[0]])
    np.testing.assert_allclose(
        run(graphs["text"], together)[0][:1], run(graphs["text"], padded)[0], atol=1e-5
    )


def test_padding_changes_nothing(graphs):
    (letters,) = sample("text", length=6, seed=2)
    longer = torch.nn.functional.pad(letters, (0, 9))
    for short, long in zip(run(graphs["text"], letters), run(graphs["text"], longer), strict=True):
        np.testing.assert_allclose(short, long, atol=1e-5)


def test_fusion_says_what_torch_says_with_views_absent(student, graphs):
    random = torch.Generator().manual_seed(1)
    scores = torch.randn(6, 4, 3, generator=random)
    scores[0, 1] = float("nan")  # of an absent view
    present = torch.rand(6, 4, generator=random) > 0.4
    present[0] = torch.tensor([True, False, True, True])
    present[1] = False
    check_equal(graphs["fusion"], student.fusion, [(scores, present)], tolerance=1e-6)
    # One present view alone: its own probabilities, whatever the gate (models/fusion.py).
    alone = torch.tensor([[False, False, True, False]])
    found, _ = run(graphs["fusion"], scores[2:3], alone)
    np.testing.assert_allclose(found, scores[2:3, 2].log_softmax(-1).numpy(), atol=1e-5)


@pytest.mark.parametrize("view", VIEWS)
def test_holds_no_trace_of_this_machine(graphs, view):
    data = graphs[view].onnx()
    assert not re.search(
        rb"/(root|home|work|tmp|usr|Users)/|\.py\b|pkg\.torch|20\d\d-\d\d-\d\d", data
    )
    proto = graphs[view].proto()
    onnx.checker.check_model(proto)
    assert {tensor.data_location for tensor in proto.graph.initializer} == {0}  # in the file
    axes = proto.graph.input[0].type.tensor_type.shape.dim
    assert axes[0].dim_param == "batch"
    assert [value.name for value in proto.graph.output] == ["scores", "vectors"]
    assert nbytes(graphs[view]) == len(data)


def test_same_module_same_bytes(student, graphs):
    again = export(student.views["text"], example(student.views["text"], student))
    assert again == graphs["text"]
    assert export_fusion(student.fusion, 3) == graphs["fusion"]


SCRATCH = {
    "resnet": ("image", lambda: ResNet(channels=[8, 16], depths=[1, 1]), (3, 32, 32)),
    "chars": (
        "text",
        lambda: CharEncoder(vocabulary=9, embedding=4, channels=6, kernels=[1, 3], width=8),
        (10,),
    ),
    "conv": (
        "audio",
        lambda: AudioConv(width=16, layers=1, segments=2, kernel=3, dropout=0.1),
        (40, 80),
    ),
    "conformer": (
        "audio",
        lambda: AudioConformer(width=16, layers=1, heads=2, segments=2, kernel=3, dropout=0.1),
        (40, 80),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRATCH)
def test_towers_from_scratch_are_exported_too(student, name):
    view, make, shape = SCRATCH[name]
    encoder = make()
    segments = getattr(encoder, "segments", 1)
    head = View(Encoded(encoder, width=encoder.width, segments=segments), student.spec)
    module = ViewModel(view=view, encoder=None, head=head).eval()

    def content(batch: int, length: int, seed: int) -> torch.Tensor:
        random = torch.Generator().manual_seed(seed)
        if name == "resnet":
            return torch.rand(batch, *shape, generator=random) * 255
        real = torch.arange(length) < torch.randint(1, length, (batch, 1), generator=random)
        if name == "chars":
            return torch.randint(1, 9, (batch, length), generator=random) * real
        return torch.randn(batch, length, 80, generator=random) * real[..., None]

    graph = export(module, (content(2, 20, 0),))
    samples = [(content(batch, length, batch),) for batch, length in [(1, 12), (4, 33)]]
    check_equal(graph, module, samples, tolerance=1e-5)


class Inner(nn.Module):
    def __init__(self, odd: nn.Module) -> None:
        super().__init__()
        self.plain = nn.Linear(4, 4)
        self.parts = nn.ModuleDict({"odd": odd})

    def forward(self, x):
        return self.parts["odd"](self.plain(x)), x


class Eigen(nn.Module):
    def forward(self, x):
        return torch.linalg.eigh(x @ x.transpose(-1, -2))[0]


class Branch(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("odd", "operator", "backend"),
    [(Eigen, r"aten\._linalg_eigh", "ONNX"), (Branch, r"Tensor\.__bool__", r"torch\.export")],
)
def test_what_cannot_be_said_is_named_with_its_layer(odd, operator, backend):
    wanted = rf"^parts\.odd of image: {backend} has no \S*{operator}\S*; replace that layer"
    with pytest.raises(UnsupportedOperatorError, match=wanted) as caught:
        export_module(
            Inner(odd()),
            (torch.ones(2, 4, 4),),
            name="image",
            axes={"x": {0: "batch"}},
            outputs=("scores", "vectors"),
        )
    assert caught.value.module == "parts.odd"
    assert re.search(operator, caught.value.operator)
    assert re.search(backend, caught.value.backend)


def test_a_graph_of_another_module_is_refused(student, graphs):
    other = export_fusion(type(student.fusion)(trust=[2.0, 1, 1, 1], classes=3), 3)
    inputs = (torch.randn(4, 4, 3), torch.ones(4, 4, dtype=torch.bool))
    with pytest.raises(ExportError, match=r"fusion: onnx and torch differ by .* allowed is 1e-05"):
        check_equal(other, student.fusion, [inputs], tolerance=1e-5)
    with pytest.raises(ExportError, match="fusion: no samples"):
        check_equal(other, student.fusion, [], tolerance=1e-5)


def test_bad_requests_say_what_is_wrong(student, graphs):
    with pytest.raises(ExportError, match="text: the example is a batch of 1"):
        export(student.views["text"], (torch.ones(1, 5, dtype=torch.long),))
    with pytest.raises(ValueError, match="caption: 1 inputs; it takes ids, mask"):
        Session(graphs["caption"])(torch.ones(1, 5, dtype=torch.long))
    with pytest.raises(ValueError, match="threads=0"):
        Session(graphs["text"], threads=0)
    with pytest.raises(GraphError, match="format='tflite': allowed are onnx, openvino"):
        Graph("text", "tflite", {})
