"""The trained model with the packaged encoders that stand before it: where compression starts."""

from typing import Any

from torch import nn

from models.compression.student import Pooled, Student, in_parts
from models.encoders.packaged import (
    PACKAGED,
    load_efficientnet,
    load_minilm,
    load_whisper,
    weights_digest,
)
from models.multimodal import Multimodal
from provenance import Reason, TamperedError


def teacher(model: Multimodal, config: dict[str, Any]) -> Student:
    """A trained model with the packaged encoders that stand before it, in parts.

    Args:
        model: trained.
        config: what the train stage wrote beside it.

    Raises:
        TamperedError: a packaged encoder is not the one that the model was trained on.
    """
    for name, digest in config["weights"].items():
        if (found := weights_digest(name)) != digest:
            raise TamperedError(
                f"the model was trained on {name} with blake3 {digest[:8]}..., here it is "
                f"{found[:8]}...: install the version of Cairn that trained it",
                Reason.ARTIFACT_CHANGED,
            )
    settings = config["encoders"]
    encoders: dict[str, nn.Module] = {}
    tokenizer = None
    if settings["image"] in PACKAGED:
        encoders["image"] = load_efficientnet()
    if settings["text"] in PACKAGED:
        encoders["caption"] = sentences = load_minilm()
        tokenizer = sentences.tokenizer.to_str()
    if settings["audio"] in PACKAGED:
        encoders["audio"] = Pooled(load_whisper(), segments=settings["audio_segments"])
    return in_parts(model, settings=settings, encoders=encoders, tokenizer=tokenizer)
