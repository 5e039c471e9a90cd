"""A student small enough to export in seconds, and its graphs."""

import json

import pytest
import torch
from torch import nn

from models.compression.graphs.export import export, export_fusion
from models.compression.student import Pooled, Student, example, in_parts
from models.encoders.audio_whisper import WhisperEncoder
from models.encoders.image_efficientnet import MBConv, SameConv2d
from models.encoders.text_minilm import MiniLM
from models.multimodal import build
from models.spec import Spec, TowerSpec

WORDS = 50
SIDE = 24
TOKENIZER = json.dumps(
    {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"},
    }
)
BERT = {
    "vocab_size": WORDS,
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 160,
    "max_position_embeddings": 64,
}


class SmallNet(nn.Module):
    """EfficientNet's parts and tricks (odd padding, memory layout), in three layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, 16, kernel=3, stride=2)
        self.norm = nn.BatchNorm2d(16)
        self.block = MBConv(inputs=16, outputs=24, kernel=5, stride=2, expansion=4)

    def forward(self, pixels_B3SS):
        x = pixels_B3SS.contiguous(memory_format=torch.channels_last) / 128 - 1
        return self.block(self.norm(self.stem(x)).relu()).mean((2, 3))


@pytest.fixture(scope="session")
def student() -> Student:
    spec = Spec(
        classes=["animals", "food", "town"],
        languages=["bg", "ca"],
        characters="abcdef",
        towers={
            "image": TowerSpec("blocks", {"sizes": [8, 16], "names": 5}),
            "caption": TowerSpec("blocks", {"sizes": [128, 128], "names": 0}),
            "text": TowerSpec(
                "spelling",
                {"width": 32, "layers": 2, "kernel": 3, "segments": 3, "dropout": 0.1},
            ),
            "audio": TowerSpec("segments", {"segments": 3, "width": 64}),
        },
        width=8,
        hidden=32,
        dropout=0.1,
        trust=dict.fromkeys(("image", "caption", "text", "audio"), 1.0),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        names = torch.randn(16, 5)
        encoders = {
            "image": SmallNet(),
            "caption": MiniLM(config=BERT, tokenizer=TOKENIZER),
            "audio": Pooled(WhisperEncoder(width=64, layers=1, positions=200), segments=3),
        }
    settings = {
        "image_pixels": SIDE,
        "text_characters": 12,
        "audio_seconds": 2.0,
        "audio_segments": 3,
    }
    model = build(spec, seed=3, class_names=names).eval()
    return in_parts(model, settings=settings, encoders=encoders, tokenizer=TOKENIZER)


class Lazily(dict):
    """View to graph, each exported when it is first asked for: an export takes seconds."""

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student

    def __missing__(self, view: str):
        if view == "fusion":
            made = export_fusion(self.student.fusion, len(self.student.spec.classes))
        else:
            module = self.student.views[view]
            made = export(module, example(module, self.student))
        return self.setdefault(view, made)


@pytest.fixture(scope="session")
def graphs(student):
    return Lazily(student)


def sample(view: str, *, batch: int = 1, length: int = 7, seed: int = 0):
    """Random inputs of a view: real lengths differ within a batch, padding comes last."""
    random = torch.Generator().manual_seed(seed)
    real = torch.randint(1, length + 1, (batch,), generator=random)
    mask = (torch.arange(length) < real[:, None]).long()
    match view:
        case "image":
            return (torch.rand(batch, 3, SIDE, SIDE, generator=random) * 255,)
        case "caption":
            return torch.randint(0, WORDS, (batch, length), generator=random) * mask, mask
        case "text":
            return (torch.randint(1, 8, (batch, length), generator=random) * mask,)
    return torch.randn(batch, 80, 2 * length, generator=random), real
