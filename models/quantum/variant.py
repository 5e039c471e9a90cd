"""The multimodal model with a head of its own for the category: what is released after a gain.

Everything but the category stays the frozen model's: gates, experts and vectors for retrieval.
"""

from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import load as read_tensors
from safetensors.torch import save as write_tensors
from torch import Tensor, nn

from models.batches import Batch
from models.multimodal import Multimodal, Output
from models.quantum.embedding import Components, summaries
from models.quantum.head import QuantumHead
from models.quantum.stored import restore, store
from models.spec import Spec

HEAD, COMPONENTS, HEAD_CONFIG = "head.safetensors", "components.safetensors", "head.json"
"""Files of a head beside those of the model that it is for."""


class Variant(nn.Module):
    """A frozen model and a head on what it knows.

    Args:
        backbone: the model; it is not trained any more.
        components: from its summaries to the head's features.
        head: (B, D) to scores (B, C).
    """

    mean: Tensor
    axes: Tensor

    def __init__(self, backbone: Multimodal, components: Components, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone.eval().requires_grad_(False)
        self.head = head
        self.register_buffer("mean", components.mean)
        self.register_buffer("axes", components.axes)

    @property
    def spec(self) -> Spec:
        """Of the frozen model: classes, languages, towers."""
        return self.backbone.spec

    def forward(self, batch: Batch, present: Tensor | None = None) -> Output:
        """As the frozen model answers, but for the category.

        Args:
            batch: inputs; absent views are ignored.
            present: bool (B, V), replaces `batch.present`.
        """
        shown = batch if present is None else Batch(batch.inputs, present, batch.language)
        said = self.backbone(shown)
        features = Components(self.mean, self.axes)(summaries(self.backbone, shown))
        scores = self.head(features)
        return Output(torch.log_softmax(scores, -1), said.experts, said.gates, said.vectors)


def pack(
    head: QuantumHead, components: Components, *, backbone: str
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """A head as contents of safetensors files, by name, and as JSON types.

    Args:
        head: with its weights.
        components: in front of it.
        backbone: BLAKE3 of the weights of the model that it is for.
    """
    weights, told = store(head)
    before = write_tensors({"mean": components.mean, "axes": components.axes.contiguous()})
    return {HEAD: weights, COMPONENTS: before}, {"backbone": backbone, "head": told}


def unpack(files: Mapping[str, bytes], told: Mapping[str, Any], backbone: Multimodal) -> Variant:
    """The variant again, on the model that the head is for.

    Raises:
        ValueError: the description is of another version, or does not fit the weights.
    """
    components = Components(**read_tensors(files[COMPONENTS]))
    return Variant(backbone, components, restore(files[HEAD], told["head"]))
