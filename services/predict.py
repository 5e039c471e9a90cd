"""Answer: which category, how sure, from whatever was given."""

import torch

from models.encoders.packaged import weights_digest
from provenance import Reason, TamperedError
from services.describe import Describer
from services.loading import Loaded
from services.question import Answer, Question

__all__ = ["Answer", "Predictor"]


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
        gates = output.gates[0]
        return Answer.of(
            question,
            classes=self.loaded.model.spec.classes,
            probability=output.log_probability[0].exp().tolist(),
            shares=(gates / gates.sum()).tolist(),
            model=self.loaded.digest,
        )
