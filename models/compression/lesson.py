"""One lesson of a student: which part learns, from which samples, and how wrong it is.

Shapes: K samples, B batch, C classes, D width, X width of a tower's detail.
"""

from contextlib import ExitStack
from typing import Any, Literal

import torch
from torch import Tensor, nn

from models.compression.attention_maps import attention_loss, watched
from models.compression.calibration import Calibration, CalibrationError
from models.compression.distil_losses import DistilWeights, apart, feature_error, soft_scores
from models.compression.samples import Batch, Samples, joined
from models.compression.student import ViewModel
from models.losses import category

Part = Literal["head", "all"]
"""What learns: the head only, behind an encoder that stays as it is; or everything."""

JUDGED = 512
"""Samples that are judged at once."""


class Lesson:
    """A student, what it learns from, and the loss.

    Args:
        student: changed by whoever steps on the loss.
        calibration: training samples, to check and to size the learned map by.
        teacher, train, weights, temperature: as `distil`.
    """

    def __init__(
        self,
        student: ViewModel,
        calibration: Calibration,
        *,
        teacher: ViewModel | None,
        train: Part,
        weights: DistilWeights,
        temperature: float,
    ) -> None:
        if temperature <= 0:
            raise ValueError(f"temperature={temperature}: must be above 0")
        if train not in ("head", "all"):
            raise ValueError(f"train={train!r}: allowed are 'head' and 'all'")
        calibration.check(student)
        self.student, self.teacher, self.train = student, teacher, train
        self.weights, self.temperature = weights, temperature
        for name, weight in (("features", weights.features), ("attention", weights.attention)):
            if weight and teacher is None:
                raise ValueError(f"weights.{name}={weight}: needs the teacher's module; give it")
            if weight and train == "head" and student.encoder is not None:
                raise ValueError(
                    f"weights.{name}={weight} with train='head': nothing that could follow it "
                    "learns; set it to 0, or train 'all'"
                )
        student.requires_grad_(False)
        (student.head if train == "head" else student).requires_grad_(True)
        self.map = self._map(calibration) if weights.features else None

    def learning(self) -> list[nn.Parameter]:
        """All weights that learn, the learned map's among them."""
        found = [*self.student.parameters(), *(self.map.parameters() if self.map else ())]
        return [weight for weight in found if weight.requires_grad]

    def train_mode(self) -> None:
        """Dropout and batch statistics on, where something learns."""
        self.student.eval()
        (self.student.head if self.train == "head" else self.student).train()

    def prepared(self, calibration: Calibration) -> Samples:
        """Samples joined; those of a frozen encoder are encoded here, once.

        Raises:
            CalibrationError: no samples, targets or labels, though they count.
        """
        calibration.check(self.student)
        if self.weights.hard and calibration.label is None:
            raise CalibrationError(
                f"view {calibration.view}: weights.hard={self.weights.hard}, but the samples have "
                "no labels; set it to 0, or give labels"
            )
        self.student.eval()
        return joined(calibration, self.student.encoder if self.train == "head" else None)

    def loss(self, samples: Samples, batch: Batch) -> Tensor:
        """How wrong the student is about a batch, all parts weighed."""
        weights, teacher = self.weights, self.teacher
        with ExitStack() as stack:
            seen, mine = None, None
            if weights.attention:
                seen = stack.enter_context(watched(self.student))
            if weights.features:
                mine = stack.enter_context(_Detail(self.student))
            answer = self._ask(self.student, batch.inputs)
        loss = self._outer(answer, samples, batch.rows)
        if teacher is None or (seen is None and mine is None):
            return loss
        with torch.no_grad(), ExitStack() as stack:
            shown = stack.enter_context(watched(teacher)) if seen is not None else None
            theirs = stack.enter_context(_Detail(teacher))
            self._ask(teacher, batch.inputs)
        if mine is not None and self.map is not None:
            error = feature_error(self.map(mine.found), theirs.found)
            loss = loss + weights.features * error
        if seen is not None and shown is not None:
            loss = loss + weights.attention * attention_loss(seen, shown, self._mask(batch))
        return loss

    @torch.no_grad()
    def judge(self, module: ViewModel, samples: Samples) -> float:
        """Mean loss of scores, vectors and labels over samples, nothing dropped out.

        Raises:
            ValueError: none of the three counts.
        """
        weights = self.weights
        if not (weights.logits or weights.vectors or weights.hard):
            raise ValueError(
                "weights: validation judges logits, vectors and hard, and all are 0; raise one, "
                "or give no validation samples"
            )
        module.eval()
        total = 0.0
        for batch in samples.batches(JUDGED, None):
            loss = self._outer(self._ask(module, batch.inputs), samples, batch.rows)
            total += loss.item() * len(batch.rows)
        return total / len(samples.targets.scores)

    def _outer(self, answer: tuple[Tensor, Tensor], samples: Samples, rows: Tensor) -> Tensor:
        weights, (scores, vectors) = self.weights, answer
        told, shown = samples.targets.scores[rows], samples.targets.vectors[rows]
        loss = scores.sum() * 0.0
        if weights.logits:
            _same(scores, told, "scores")
            loss = loss + weights.logits * soft_scores(scores, told, temperature=self.temperature)
        if weights.vectors:
            _same(vectors, shown, "vectors")
            loss = loss + weights.vectors * apart(vectors, shown)
        if weights.hard and samples.label is not None:
            loss = loss + weights.hard * category(scores, samples.label[rows], smoothing=0.0)
        return loss

    def _ask(self, module: ViewModel, inputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        if self.train == "head" and self.student.encoder is not None:
            scores, vectors = module.head(inputs[0])
            return scores, vectors
        answer: tuple[Tensor, Tensor] = module(*inputs)
        return answer

    def _mask(self, batch: Batch) -> Tensor | None:
        names = self.student.inputs
        return batch.inputs[names.index("mask")] if "mask" in names else None

    def _map(self, calibration: Calibration) -> nn.Linear:
        """From the student's detail to the teacher's; learned along, then thrown away."""
        widths = []
        for module in (self.student, self.teacher):
            assert module is not None  # noqa: S101  # checked by the constructor
            with torch.no_grad(), _Detail(module) as seen:
                module.eval()(*calibration.inputs[0])
            widths.append(seen.found.shape[-1])
        return nn.Linear(widths[0], widths[1])


class _Detail:
    """A context in which the detail of a view's tower is noted, (B, X)."""

    def __init__(self, module: ViewModel) -> None:
        self.module = module
        self.found = torch.empty(0)

    def __enter__(self) -> "_Detail":
        self.hook = self.module.head.tower.register_forward_hook(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        self.hook.remove()

    def _note(self, _: nn.Module, __: object, out: Any) -> None:
        self.found = out[1]


def _same(ours: Tensor, theirs: Tensor, what: str) -> None:
    if ours.shape != theirs.shape:
        raise CalibrationError(
            f"the student's {what} are {ours.shape[1]} wide, the teacher's {theirs.shape[1]}; "
            "give the student the teacher's width"
        )
