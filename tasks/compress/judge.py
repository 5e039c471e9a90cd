"""How good a compressed model is: the same questions as the teacher's, one by one as in use.

Recipes are decided on validation rows; the test rows are looked at once, when a family is finished.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.batches import VIEWS, Examples
from models.compression.answers import Answered, Answers, with_answers
from models.compression.drops import agreement, worst_drop
from models.compression.graphs.session import Session
from models.retrieval import search
from tasks.compress.prepared import Prepared, Sample
from tasks.compress.state import State
from tasks.train.evaluate import FUSED, predict
from tasks.train.parallel import on_every_core


@dataclass(frozen=True)
class Quality:
    """Figures of a model on some rows.

    Args:
        accuracy: share of the labelled rows whose category it names, all views given.
        r1, r10: speech -> text recall, mean over languages.
        agreement: share of the labelled rows on which it says what the teacher says.
        worst_class, worst_language: largest loss of accuracy in a class or a language, in points
            of 1, and its name.
    """

    accuracy: float
    r1: float
    r10: float
    agreement: float
    worst_class: tuple[str, float]
    worst_language: tuple[str, float]

    def loss(self, teacher: "Quality") -> float:
        """Relative loss against the teacher: of accuracy or of R@10, whichever is larger."""
        pairs = ((self.accuracy, teacher.accuracy), (self.r10, teacher.r10))
        return max((old - new) / old if old > 0 else 0.0 for new, old in pairs)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "accuracy": self.accuracy,
            "r1": self.r1,
            "r10": self.r10,
            "agreement": self.agreement,
            "worst_class": list(self.worst_class),
            "worst_language": list(self.worst_language),
        }


class Judge:
    """Asks models and keeps what each view answered, by the digest of what answered.

    Args:
        prepared: the data.
    """

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.source = prepared.source
        self._answers: dict[tuple[str, str], Answers] = {}
        self._known: dict[tuple[str, str], set[int]] = {}

    def teacher(self, rows: Tensor) -> Quality:
        """The teacher on some rows."""
        return self._quality(self.source.answers, rows)

    def quality(self, state: State, rows: Tensor) -> Quality:
        """A state of a recipe on some rows."""
        return self._quality(self.answers(state, rows), rows)

    def answered(self, state: State, rows: Tensor) -> tuple[Answered, Examples]:
        """Model and data for `tasks.train.evaluate.evaluate`."""
        return self._model(), with_answers(self.source.examples, self.answers(state, rows))

    def answers(self, state: State, rows: Tensor) -> dict[str, Answers]:
        """What each view says of the contents of some rows; zeros for all other contents."""
        return {view: self._view(state, view, rows) for view in VIEWS}

    def _view(self, state: State, view: str, rows: Tensor) -> Answers:
        key = (view, state.digest(view))
        told = self.source.answers[view]
        empty = Answers(torch.zeros_like(told.scores), torch.zeros_like(told.vectors))
        found = self._answers.setdefault(key, empty)
        known = self._known.setdefault(key, set())
        wanted = [i for i in self.source.contents(view, rows).tolist() if i not in known]
        if wanted:
            contents = torch.tensor(wanted)
            inputs = self.prepared.inputs(state.student, view, contents)
            width = told.scores.shape[1]
            said = torch.stack(on_every_core(_asking(state, view), inputs, f"asking {view}"))
            found.scores[contents], found.vectors[contents] = said[:, :width], said[:, width:]
            known.update(wanted)
        return found

    def _model(self) -> Answered:
        return Answered(self.source.teacher.spec, self.source.teacher.fusion).eval()

    def _quality(self, answers: dict[str, Answers], rows: Tensor) -> Quality:
        source, model = self.source, self._model()
        labelled = rows[source.examples.label[rows] >= 0]
        truth = source.examples.label[labelled].numpy()
        said, by_teacher = (
            predict(model, with_answers(source.examples, found), labelled)[FUSED].argmax(1)
            for found in (answers, source.answers)
        )
        examples = with_answers(source.examples, answers)
        recalls = []
        for language in torch.unique(examples.language[rows]):
            own = rows[examples.language[rows] == language]
            if (found := search(model, examples, own, "speech_to_text")) is not None:
                recalls.append((found.recall(1).mean(), found.recall(10).mean()))
        r1, r10 = np.mean(recalls, axis=0) if recalls else (0.0, 0.0)
        languages = source.examples.language[labelled].numpy()
        return Quality(
            accuracy=float((said == truth).mean()),
            r1=float(r1),
            r10=float(r10),
            agreement=agreement(said, by_teacher),
            worst_class=worst_drop(said, by_teacher, truth, truth, model.spec.classes),
            worst_language=worst_drop(said, by_teacher, truth, languages, model.spec.languages),
        )


def _asking(state: State, view: str) -> Callable[[Sample], Tensor]:
    """A function from one content's inputs to scores and vector side by side."""
    if state.exported:
        session = Session(state.onnx[view], threads=1)

        def by_graph(inputs: Sample) -> Tensor:
            parts = session(*inputs)
            return torch.cat([torch.from_numpy(part[0]) for part in parts])

        return by_graph
    module = state.student.views[view]

    def by_module(inputs: Sample) -> Tensor:
        scores, vectors = module(*inputs)
        return torch.cat([scores[0], vectors[0]])

    return by_module
