"""Small random views of every kind that the packaged ones are: the same classes, tiny sizes."""

import json
import string

import pytest
import torch

from models.compression.calibration import Calibration, ask, samples
from models.compression.student import Pooled, Student, ViewModel
from models.encoders.audio_whisper import WhisperEncoder
from models.encoders.text_minilm import MiniLM
from models.fusion import GatedProduct
from models.multimodal import View
from models.spec import Spec, TowerSpec
from models.towers import build_tower

CLASSES = ["animals", "food", "town"]
WORDS = ["a", "red", "stamp", "with", "dog", "##s", "house", "tree", "##house", "zebra"]


@pytest.fixture(scope="session")
def small_spec() -> Spec:
    return Spec(
        classes=CLASSES,
        languages=["bg", "ca"],
        characters="abcdef",
        towers={
            "image": TowerSpec("resnet", {"channels": [4, 8], "depths": [1, 1]}),
            "caption": TowerSpec("blocks", {"sizes": [32, 32], "names": 0}),
            "text": TowerSpec(
                "spelling", {"width": 8, "layers": 2, "kernel": 3, "segments": 2, "dropout": 0.1}
            ),
            "audio": TowerSpec("segments", {"segments": 2, "width": 128}),
        },
        width=8,
        hidden=16,
        dropout=0.1,
        trust={"image": 1.0, "caption": 1.0, "text": 1.0, "audio": 1.0},
    )


@pytest.fixture(scope="session")
def word_pieces() -> str:
    """A tokenizer.json as BERT's: special tokens, letters, their continuations, words."""
    letters = [*string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    pieces += [word for word in WORDS if word not in pieces]
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    made = Tokenizer(models.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(pieces[:5])
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.enable_padding(length=128)  # as the published file does
    return str(made.to_str())


@pytest.fixture
def small_caption(small_spec: Spec, word_pieces: str) -> ViewModel:
    config = {
        "vocab_size": len(json.loads(word_pieces)["model"]["vocab"]),
        "hidden_size": 32,
        "num_hidden_layers": 6,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
        "pad_token_id": 0,
    }
    return _view("caption", small_spec, lambda: MiniLM(config=config, tokenizer=word_pieces))


@pytest.fixture
def small_audio(small_spec: Spec) -> ViewModel:
    def encoder() -> Pooled:
        whisper = WhisperEncoder(width=128, layers=4, positions=40)
        return Pooled(whisper, segments=2)

    return _view("audio", small_spec, encoder)


@pytest.fixture
def small_image(small_spec: Spec) -> ViewModel:
    return _view("image", small_spec, None)


@pytest.fixture
def small_text(small_spec: Spec) -> ViewModel:
    return _view("text", small_spec, None)


@pytest.fixture
def small_student(
    small_spec: Spec,
    word_pieces: str,
    small_image: ViewModel,
    small_caption: ViewModel,
    small_text: ViewModel,
    small_audio: ViewModel,
) -> Student:
    views = {m.view: m for m in (small_image, small_caption, small_text, small_audio)}
    settings = {
        "image_pixels": 16,
        "text_characters": 6,
        "audio_seconds": 0.8,
        "audio_segments": 2,
        "front_end": "log-mel",
    }
    fusion = GatedProduct(trust=[1.0] * 4, classes=len(CLASSES)).eval().requires_grad_(False)
    return Student(small_spec, settings, views, fusion, word_pieces)


@pytest.fixture
def small_samples(small_student: Student) -> dict[str, Calibration]:
    """By view: 12 samples with labels and what the random teacher says of them."""
    generator = torch.Generator().manual_seed(4)

    def whole(low: int, high: int, *shape: int) -> torch.Tensor:
        return torch.randint(low, high, shape, generator=generator)

    captions = [whole(5, 60, 1, length) for length in (3, 5, 8, 5, 3, 8, 5, 3, 5, 5, 4, 4)]
    inputs = {
        "image": samples(torch.rand(12, 3, 16, 16, generator=generator) * 255),
        "caption": [(ids, torch.ones_like(ids)) for ids in captions],
        "text": samples(whole(0, 8, 12, 6).clamp(min=1)),
        "audio": [
            (torch.randn(1, 80, frames, generator=generator), torch.tensor([frames // 2 - 3]))
            for frames in (30, 40, 50) * 4
        ],
    }
    label = torch.arange(12) % 3
    found = {}
    for view, given in inputs.items():
        bare = Calibration(view, given, label, None)
        found[view] = Calibration(view, given, label, ask(small_student.views[view], bare))
    return found


def _view(view: str, spec: Spec, encoder) -> ViewModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(len(view))
        tower = build_tower(spec.towers[view], vocabulary=2 + len(spec.characters))
        module = ViewModel(
            view=view, encoder=encoder() if encoder else None, head=View(tower, spec)
        )
    return module.eval().requires_grad_(False)
