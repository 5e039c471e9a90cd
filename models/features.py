"""What the encoders say about a data set, as tensors aligned with the manifest's rows.

Shapes: N rows, I distinct pictures, T distinct captions, A distinct recordings, L characters.
"""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Features:
    """Distinct contents once each, and which of them every row has.

    Args:
        image: (I, 1584) float32 from a frozen encoder, or (I, 3, S, S) uint8 pixels.
        image_row: (N,) long, index into `image`, -1 where a row has no picture.
        caption: (T, 384) float32 from a frozen encoder, or (T, L) long character ids.
        caption_row: (N,) long, index into `caption` or -1.
        audio: (A, segments, 384) float16 from a frozen encoder, or (A, frames, 80) float16 frames,
            zero after a clip's end.
        audio_row: (N,) long, index into `audio` or -1.
        text_ids: (N, L) long, characters of the text in the row's language; all 0 where absent.
        characters: the vocabulary behind the ids, made of the training rows; the i-th character
            has id i + 2, 0 is padding and 1 any other character.
    """

    image: Tensor
    image_row: Tensor
    caption: Tensor
    caption_row: Tensor
    audio: Tensor
    audio_row: Tensor
    text_ids: Tensor
    characters: str

    def __post_init__(self) -> None:
        rows = len(self.text_ids)
        for name in ("image", "caption", "audio"):
            row, contents = getattr(self, f"{name}_row"), len(getattr(self, name))
            if row.shape != (rows,):
                raise ValueError(f"{name}_row has shape {tuple(row.shape)}: must be ({rows},)")
            if rows and (int(row.min()) < -1 or int(row.max()) >= contents):
                raise ValueError(
                    f"{name}_row reaches from {int(row.min())} to {int(row.max())}: must stay "
                    f"between -1 and {contents - 1}"
                )

    def __len__(self) -> int:
        return len(self.text_ids)
