"""Answer: which category, how sure, from whatever was given."""

from dataclasses import dataclass
from typing import Any

import torch

from models.batches import VIEWS
from models.encoders.packaged import weights_digest
from provenance import Reason, TamperedError
from services.describe import Describer, Question
from services.loading import Loaded


@dataclass(frozen=True)
class Answer:
    """What the model says about one thing.

    Args:
        label: the likeliest category.
        confidence: its probability.
        probabilities: of every category, likeliest first.
        weights: how much each thing that was given counted, in shares of 1.
        model: BLAKE3 of the weights that answered.
    """

    label: str
    confidence: float
    probabilities: dict[str, float]
    weights: dict[str, float]
    model: str

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return vars(self)


class Predictor:
    """A loaded model with the encoders in front of it.

    Args:
        loaded: from `services.loading`.

    Raises:
        TamperedError: a packaged encoder is not the one that the model was trained on.
    """

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        for name, digest in loaded.config["weights"].items():
            if (found := weights_digest(name)) != digest:
                raise TamperedError(
                    f"the model was trained on {name} with blake3 {digest[:8]}..., here it is "
                    f"{found[:8]}...: install the version of Cairn that trained it",
                    Reason.ARTIFACT_CHANGED,
                )
        self.describer = Describer(loaded.config["encoders"], loaded.model.spec)

    @torch.inference_mode()
    def answer(self, question: Question) -> Answer:
        """Name the category.

        Raises:
            UnreadableError: nothing is given, or something cannot be decoded.
        """
        output = self.loaded.model(self.describer.batch(question))
        probability = output.log_probability[0].exp().tolist()
        gates = output.gates[0]
        shares = (gates / gates.sum()).tolist()
        named = zip(self.loaded.model.spec.classes, probability, strict=True)
        ranked = sorted(named, key=lambda pair: (-pair[1], pair[0]))
        return Answer(
            label=ranked[0][0],
            confidence=ranked[0][1],
            probabilities=dict(ranked),
            weights={
                view: share
                for view, share in zip(VIEWS, shares, strict=True)
                if view in question.views
            },
            model=self.loaded.digest,
        )
