"""Contents of the data set as a compressed model takes them: pixels, tokens, letters, mel frames.

Pictures and recordings are decoded once and kept in memory; one number a pixel, four a mel bin.
"""

from collections.abc import Callable, Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

from models.compression.answers import Answers
from models.compression.calibration import Calibration
from models.compression.student import RAW, Student
from models.encoders.audio_frontend import FrontEnd, WhisperLogMel
from models.encoders.audio_whisper import POSITION, TAIL
from models.encoders.text_chars import Vocabulary
from models.media import pixels, samples
from tasks.compress.source import Source
from tasks.train.parallel import on_every_core

Sample = tuple[Tensor, ...]

FRAMES = 64
"""Clips are filled up to a multiple of these, which changes no answer: clips of one length are
learned from together, and of the exact lengths there are hundreds."""


class Prepared:
    """Inputs by view and content.

    Args:
        source: the data.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._kept: dict[tuple[str, int], dict[int, Tensor]] = {}
        self._mel = WhisperLogMel()

    def inputs(self, student: Student, view: str, contents: Tensor) -> list[Sample]:
        """What the student's view takes, one batch of 1 for each of some contents.

        Args:
            student: its settings and tokenizer decide how inputs are made.
            view: a name in VIEWS.
            contents: long (K,), numbers of contents.

        Raises:
            OSError, ValueError: a file of the data set cannot be decoded any more.
        """
        wanted = contents.tolist()
        match student.views[view].inputs:
            case ("pixels",):
                return [(x[None].float(),) for x in self._pictures(student, wanted)]
            case ("ids", "mask"):
                return self.read(student, [self.source.captions[i] for i in wanted])
            case ("mel", "positions"):
                return self._sounds(student, wanted)
            case ("letters",):
                return [(self.source.examples.contents["text"][i : i + 1],) for i in wanted]
        return self._raw(student, view, wanted)

    def calibration(self, student: Student, view: str, contents: Tensor) -> Calibration:
        """Inputs with the teacher's answers."""
        told = self.source.answers[view]
        return Calibration(
            view,
            self.inputs(student, view, contents),
            label=None,
            targets=Answers(told.scores[contents], told.vectors[contents]),
        )

    def _pictures(self, student: Student, wanted: list[int]) -> list[Tensor]:
        side = student.settings["image_pixels"]
        files = self.source.media["image"]
        return self._all(("image", side), wanted, lambda i: pixels(files[i].read_bytes(), side))

    def read(self, student: Student, texts: Sequence[str]) -> list[Sample]:
        """Any captions as the student takes them.

        Args:
            student: its tokenizer decides; where it has none, captions are read by letter.
            texts: one line each.
        """
        if student.views["caption"].inputs == RAW:
            ids = Vocabulary(student.spec.characters).encode(
                list(texts), length=student.settings["text_characters"]
            )
            return [(row[None],) for row in ids]
        tokenizer = Tokenizer.from_str(student.tokenizer or "")
        rows = [torch.tensor([tokenizer.encode(text).ids]) for text in texts]
        return [(ids, torch.ones_like(ids)) for ids in rows]

    def _sounds(self, student: Student, wanted: list[int]) -> list[Sample]:
        seconds = student.settings["audio_seconds"]
        files = self.source.media["audio"]

        def mel(content: int) -> Tensor:
            wave = samples(files[content].read_bytes(), seconds)
            end = len(wave) + TAIL
            frames = self._mel(F.pad(wave, (0, end + -end % POSITION - len(wave))))
            heard = torch.full((1, frames.shape[1]), float(-(-len(wave) // POSITION)))
            return torch.cat([frames, heard])  # one more row: how many positions are valid

        found = self._all(("audio", 0), wanted, mel)
        return [(x[None, :-1], x[-1, :1].long()) for x in found]

    def _raw(self, student: Student, view: str, wanted: list[int]) -> list[Sample]:
        """What encoders learned from scratch take."""
        if view == "image":
            return [(x[None].float(),) for x in self._pictures(student, wanted)]
        if view == "caption":
            return self.read(student, [self.source.captions[i] for i in wanted])
        files, seconds = self.source.media["audio"], student.settings["audio_seconds"]
        front_end = FrontEnd(student.settings["front_end"])

        def frames(content: int) -> Tensor:
            made = front_end(samples(files[content].read_bytes(), seconds))
            return F.pad(made, (0, 0, 0, -len(made) % FRAMES))

        return [(x[None],) for x in self._all(("frames", 0), wanted, frames)]

    def _all(
        self, kind: tuple[str, int], wanted: list[int], make: Callable[[int], Tensor]
    ) -> list[Tensor]:
        kept = self._kept.setdefault(kind, {})
        missing = sorted(set(wanted) - set(kept))
        if missing:
            what = "reading pictures" if kind[0] == "image" else "listening to clips"
            kept.update(zip(missing, on_every_core(make, missing, what), strict=True))
        return [kept[i] for i in wanted]
