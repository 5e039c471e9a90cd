"""A data set small enough to read: every view tells the class, some rows lack some views."""

import pytest
import torch

from models.batches import Data, Examples
from models.multimodal import Multimodal, build
from models.objective import Weights
from models.spec import Spec, TowerSpec
from models.training import Settings

CLASSES = ["animals", "food", "town"]
ROWS = 48


@pytest.fixture
def spec() -> Spec:
    return Spec(
        classes=CLASSES,
        languages=["bg", "ca"],
        characters="abc",
        towers={
            "image": TowerSpec("blocks", {"sizes": [6, 4], "names": 3}),
            "caption": TowerSpec("blocks", {"sizes": [8], "names": 0}),
            "text": TowerSpec(
                "chars", {"embedding": 4, "channels": 4, "kernels": [1, 2], "width": 8}
            ),
            "audio": TowerSpec("segments", {"segments": 2, "width": 5}),
        },
        width=8,
        hidden=16,
        dropout=0.1,
        trust={"image": 1.0, "caption": 1.0, "text": 1.0, "audio": 1.0},
    )


@pytest.fixture
def model(spec: Spec) -> Multimodal:
    return build(spec, seed=3)


@pytest.fixture
def examples() -> Examples:
    """48 rows, 3 classes, 2 languages; the last 3 rows have no class, row 0 has no picture."""
    generator = torch.Generator().manual_seed(1)
    label = torch.arange(ROWS) % 3
    shapes = {"image": (10,), "caption": (8,), "audio": (2, 5)}
    contents, place = {}, {}
    for view, shape in shapes.items():
        centres = 2 * torch.randn(3, *shape, generator=generator)
        contents[view] = centres[label] + torch.randn(ROWS, *shape, generator=generator)
        place[view] = torch.arange(ROWS)
    contents["text"] = torch.randint(2, 5, (ROWS, 6), generator=generator)
    contents["text"][:, 0] = label + 2
    place["text"] = torch.arange(ROWS)
    place["image"][0] = -1
    place["text"][1] = -1
    label[-3:] = -1
    return Examples(contents, place, torch.arange(ROWS) // 3 % 2, label)


@pytest.fixture
def data(examples: Examples) -> Data:
    return Data(examples, torch.arange(0, 36), torch.arange(36, ROWS))


@pytest.fixture
def settings() -> Settings:
    return Settings(
        epochs=4,
        patience=4,
        batch_size=8,
        learning_rate=1e-2,
        weight_decay=0.01,
        smoothing=0.05,
        modality_dropout=0.3,
        average=0.9,
        clip=5.0,
        weights=Weights(experts=1.0, sound=0.5, meaning=0.5),
        seed=5,
    )
