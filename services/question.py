"""What may be asked, and what is answered. Imports no library: the small runtimes share it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Question:
    """What is known of one thing; at least one of these.

    Args:
        image: bytes of a picture file.
        caption: English text.
        text: text in the language of the recording.
        audio: bytes of a sound file.
    """

    image: bytes | None = None
    caption: str | None = None
    text: str | None = None
    audio: bytes | None = None

    @property
    def views(self) -> tuple[str, ...]:
        """Names of what is given, in the order of VIEWS; empty texts and files are not."""
        return tuple(view for view in VIEWS if getattr(self, view))


VIEWS = tuple(field.name for field in fields(Question))
"""As `models.batches.VIEWS`, which would import torch; a test holds the two together."""


class UnreadableError(ValueError):
    """A picture or a recording that cannot be decoded, or nothing to answer from."""

    exit_code = 2


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

    @classmethod
    def of(
        cls,
        question: Question,
        *,
        classes: Sequence[str],
        probability: Sequence[float],
        shares: Sequence[float],
        model: str,
    ) -> "Answer":
        """From the numbers of a model.

        Args:
            question: what was asked; only what it gave is weighed.
            classes: names, in the order of the model's outputs.
            probability: of each class.
            shares: of each view, in the order of VIEWS.
            model: BLAKE3 of its weights.
        """
        named: Mapping[str, float] = dict(zip(classes, probability, strict=True))
        ranked = sorted(named.items(), key=lambda pair: (-pair[1], pair[0]))
        weights = dict(zip(VIEWS, shares, strict=True))
        return cls(
            label=ranked[0][0],
            confidence=ranked[0][1],
            probabilities=dict(ranked),
            weights={view: weights[view] for view in question.views},
            model=model,
        )

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return vars(self)


def require_something(question: Question) -> None:
    """Refuse a question that gives nothing.

    Raises:
        UnreadableError: it does.
    """
    if not question.views:
        raise UnreadableError(f"nothing to answer from: give at least one of {', '.join(VIEWS)}")
