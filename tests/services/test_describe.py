"""A served question becomes the very tensors that training saw."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from blake3 import blake3

from models.batches import VIEWS
from models.encoders.image_efficientnet import SIZES
from models.spec import Spec, TowerSpec
from services.describe import Describer, Question
from tasks.params.encoders import EncoderParams
from tasks.train.features import encode
from tasks.workspace import Workspace
from tests.services.conftest import ENCODERS, SPEC, picture, sound

PACKAGED = {**ENCODERS, "image": "efficientnet-lite0", "text": "minilm", "audio": "whisper-tiny"}
PACKAGED_TOWERS = {
    **SPEC.towers,
    "image": TowerSpec("blocks", {"sizes": list(SIZES), "names": 0}),
    "caption": TowerSpec("blocks", {"sizes": [384, 384], "names": 0}),
    "audio": TowerSpec("segments", {"segments": 2, "width": 384}),
}


def spec(characters: str, towers: dict[str, TowerSpec]) -> Spec:
    return Spec(**{**vars(SPEC), "characters": characters, "towers": towers})


@pytest.fixture
def manifest(bare_workspace: Workspace) -> pd.DataFrame:
    """One row as ingest writes it, with its media."""
    row: dict[str, Any] = {"split": "train", "caption": "a red cab", "text": "bread"}
    for kind, name, data in (("image", "a.png", picture()), ("audio", "a.wav", sound())):
        path: Path = bare_workspace.media / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        row |= {kind: name, f"{kind}_blake3": blake3(data).hexdigest()}
    return pd.DataFrame([row])


@pytest.mark.parametrize(
    ("settings", "towers"),
    [(ENCODERS, SPEC.towers), (PACKAGED, PACKAGED_TOWERS)],
    ids=["from scratch", "packaged"],
)
def test_describing_one_is_encoding_a_data_set_of_one(
    bare_workspace: Workspace,
    manifest: pd.DataFrame,
    everything: Question,
    settings: dict[str, Any],
    towers: dict[str, TowerSpec],
) -> None:
    features = encode(manifest, bare_workspace, EncoderParams(**settings))
    trained = {
        "image": features.image,
        "caption": features.caption,
        "text": features.text_ids,
        "audio": features.audio,
    }
    served = Describer(settings, spec(features.characters, towers)).batch(everything)
    for view in VIEWS:
        assert served.inputs[view].dtype == trained[view].dtype, view
        # One thread or several may add up in another order.
        torch.testing.assert_close(served.inputs[view], trained[view], rtol=1e-4, atol=1e-5)
    assert served.present.all()


@pytest.mark.parametrize(
    ("settings", "towers"),
    [(ENCODERS, SPEC.towers), (PACKAGED, PACKAGED_TOWERS)],
    ids=["from scratch", "packaged"],
)
def test_what_is_absent_has_the_shape_of_what_is_there(
    everything: Question, settings: dict[str, Any], towers: dict[str, TowerSpec]
) -> None:
    describer = Describer(settings, spec(SPEC.characters, towers))
    full = describer.batch(everything)
    for view in VIEWS:
        given = next(other for other in VIEWS if other != view)
        part = describer.batch(Question(**{given: getattr(everything, given)}))
        assert not part.inputs[view].any()
        # Frames of a recording may be as many as it lasts.
        assert part.inputs[view].shape[2:] == full.inputs[view].shape[2:]
        assert part.present.tolist() == [[other == given for other in VIEWS]]
