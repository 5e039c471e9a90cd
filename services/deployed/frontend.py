"""A question to the arrays that exported graphs take, without torch.

The same arithmetic as models/media.py and models/encoders; tests hold the two together.

Shapes: S pixels a side, L tokens or letters, F mel frames.
"""

import io
import math
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from services.deployed import sound
from services.question import Question, UnreadableError, require_something

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Inputs = dict[str, NDArray[Any]]
"""Arrays by input name, each with a batch axis in front."""

MARGIN = 0.04
UNKNOWN, FIRST = 1, 2
LONGEST = 256
"""As models.media.MARGIN, models.encoders.text_chars and models.encoders.text_minilm.LONGEST."""


class FrontEnd:
    """Questions to inputs, view by view.

    Args:
        settings: `train.encoders` of params.yaml as the model was trained, with the changes of its
            compression (a smaller picture, say).
        characters: the vocabulary of the views that read letters.
        inputs: view to the names of what its graph takes.
        tokenizer: the text of the caption graph's tokenizer.json; None where it reads letters.
    """

    def __init__(
        self,
        *,
        settings: Mapping[str, Any],
        characters: str,
        inputs: Mapping[str, tuple[str, ...]],
        tokenizer: str | None,
    ) -> None:
        self.settings = settings
        self.inputs = inputs
        self._ids = {character: FIRST + i for i, character in enumerate(characters)}
        self._written = tokenizer
        self._tokenizer: Tokenizer | None = None

    def describe(self, question: Question) -> dict[str, Inputs]:
        """Inputs of each view that is given, with a batch axis of 1.

        Raises:
            UnreadableError: nothing is given, or something cannot be decoded.
        """
        require_something(question)
        return {view: self._described(view, getattr(question, view)) for view in question.views}

    def _described(self, view: str, given: Any) -> Inputs:
        try:
            match view:
                case "image":
                    return {self.inputs[view][0]: picture(given, self.settings["image_pixels"])}
                case "audio":
                    return self._heard(given)
                case "caption" if self.inputs[view] == ("ids", "mask"):
                    ids = self._tokens(given)
                    return {"ids": ids, "mask": np.ones_like(ids)}
                case _:
                    return {self.inputs[view][0]: self._letters(given)}
        except (OSError, ValueError, RuntimeError) as error:
            # libsndfile's errors are RuntimeErrors; naming their class would import it.
            raise UnreadableError(f"the {view} cannot be read: {error}") from error

    def _heard(self, data: bytes) -> Inputs:
        wave = sound.samples(data, self.settings["audio_seconds"])
        if self.inputs["audio"] == ("mel", "positions"):
            mel, positions = sound.whisper_mel(wave)
            return {"mel": mel[None], "positions": np.array([positions], np.int64)}
        (name,) = self.inputs["audio"]
        return {name: sound.frames(wave, self.settings["front_end"])[None]}

    def _letters(self, text: str) -> NDArray[np.int64]:
        """(1, L): no longer than the text, since padding changes nothing and costs time."""
        normalised = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        cut = normalised[: self.settings["text_characters"]]
        return np.array([[self._ids.get(c, UNKNOWN) for c in cut] or [0]], np.int64)

    def _tokens(self, text: str) -> NDArray[np.int64]:
        if self._tokenizer is None:
            from tokenizers import Tokenizer  # here: a question without a caption needs none

            if self._written is None:
                raise ValueError("the folder holds no tokenizer.json")
            self._tokenizer = Tokenizer.from_str(self._written)
            self._tokenizer.enable_truncation(LONGEST)
            self._tokenizer.no_padding()
        return np.array([self._tokenizer.encode(text).ids], np.int64)


def picture(data: bytes, side: int) -> NDArray[np.float32]:
    """Decode, crop to what is not transparent, paste on a white square, resize.

    Args:
        data: bytes of a PNG, JPEG or anything else that Pillow reads.
        side: S.

    Returns:
        (1, 3, S, S), 0 to 255, RGB.

    Raises:
        OSError: Pillow cannot decode the bytes.
    """
    from PIL import Image  # here: a question without a picture needs none

    with Image.open(io.BytesIO(data)) as opened:
        drawn = opened.convert("RGBA")
    box = drawn.getchannel("A").getbbox()
    if box is not None:  # None: wholly transparent, and then it is a white square
        drawn = drawn.crop(box)
    longer = max(drawn.size)
    whole = longer + 2 * math.ceil(MARGIN * longer)
    square = Image.new("RGBA", (whole, whole), "white")
    square.alpha_composite(drawn, ((whole - drawn.width) // 2, (whole - drawn.height) // 2))
    resized = square.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(resized, dtype=np.float32).transpose(2, 0, 1)[None].copy()
