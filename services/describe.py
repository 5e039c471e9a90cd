"""One picture, caption, text or recording as the model wants it: as training saw it.

Encoders load when they are first needed: a question without a picture needs no picture encoder.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import soundfile
import torch
from torch import Tensor

from models.batches import VIEWS, Batch
from models.encoders.audio_frontend import BINS, FrontEnd
from models.encoders.audio_whisper import WhisperSegments
from models.encoders.image_efficientnet import EfficientNetLite0
from models.encoders.packaged import load_efficientnet, load_minilm, load_whisper
from models.encoders.text_chars import Vocabulary
from models.encoders.text_minilm import MiniLM
from models.media import pixels, samples
from models.spec import Spec
from services.question import Question, UnreadableError, require_something

__all__ = ["Describer", "Question", "UnreadableError"]


class Describer:
    """Questions to batches.

    Args:
        settings: `train.encoders` of params.yaml as it was when the model was trained.
        spec: the model's, with its vocabulary and towers.
    """

    def __init__(self, settings: Mapping[str, Any], spec: Spec) -> None:
        self.settings = settings
        self.spec = spec
        self.vocabulary = Vocabulary(spec.characters)

    @torch.inference_mode()
    def batch(self, question: Question) -> Batch:
        """A batch of one row.

        Raises:
            UnreadableError: nothing is given, or something cannot be decoded.
        """
        require_something(question)
        inputs = {}
        for view in VIEWS:
            given = getattr(question, view)
            # Absent views are ignored by the model; zeros of the right shape keep it simple.
            inputs[view] = self._describe(view, given) if given else self._absent(view)
        present = torch.tensor([[view in question.views for view in VIEWS]])
        return Batch({v: x[None] for v, x in inputs.items()}, present, torch.tensor([-1]))

    def _describe(self, view: str, given: bytes | str) -> Tensor:
        try:
            found: Tensor = getattr(self, f"_{view}")(given)
        except (OSError, ValueError, soundfile.LibsndfileError) as error:
            raise UnreadableError(f"the {view} cannot be read: {error}") from error
        return found

    def _image(self, data: bytes) -> Tensor:
        picture = pixels(data, self.settings["image_pixels"])
        if self.settings["image"] == "resnet":
            return picture
        found: Tensor = self.image_encoder(picture[None].float())[0]
        return found

    def _caption(self, text: str) -> Tensor:
        if self.settings["text"] == "chars":
            return self._text(text)
        return self.sentence_encoder.encode([text])[0]

    def _text(self, text: str) -> Tensor:
        return self.vocabulary.encode([text], length=self.settings["text_characters"])[0]

    def _audio(self, data: bytes) -> Tensor:
        heard = samples(data, self.settings["audio_seconds"])
        found: Tensor = self.audio_encoder(heard).half()  # as the features that training saw
        return found

    def _absent(self, view: str) -> Tensor:
        tower = self.spec.towers[view]
        sizes: Any = tower.settings  # each tower knows the types of its own settings
        match tower.name:
            case "blocks":
                return torch.zeros(sum(sizes["sizes"]))
            case "segments":
                return torch.zeros(sizes["segments"], sizes["width"])
            case "chars" | "spelling":
                return torch.zeros(self.settings["text_characters"], dtype=torch.long)
            case "resnet":
                side = self.settings["image_pixels"]
                return torch.zeros(3, side, side, dtype=torch.uint8)
            case _:
                return torch.zeros(1, BINS)

    @cached_property
    def image_encoder(self) -> EfficientNetLite0:
        """Describes pictures, unless the model's own tower sees the pixels."""
        return load_efficientnet()

    @cached_property
    def sentence_encoder(self) -> MiniLM:
        """Describes captions, unless they are read by letter."""
        return load_minilm()

    @cached_property
    def audio_encoder(self) -> WhisperSegments | FrontEnd:
        """Describes recordings, or makes the frames that the model's own tower hears."""
        if self.settings["audio"] == "whisper-tiny":
            return WhisperSegments(load_whisper(), segments=self.settings["audio_segments"])
        return FrontEnd(self.settings["front_end"])
