"""A compressed model that answers: no torch, no training code, a quarter of the memory or less.

Shapes: B batch, V views, C classes, D width.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.compression.graphs.graph import FUSION
from models.compression.graphs.session import Session
from services.deployed.freed import hand_back
from services.deployed.frontend import FrontEnd, Inputs
from services.deployed.loading import STUDENT, TOKENIZER, DeployError, Files
from services.deployed.sessions import BACKENDS, open_session
from services.question import VIEWS, Answer, Question

Array = NDArray[np.float32]


class Deployed:
    """A folder ready to answer. Make it with `load`.

    Graphs open when they are first needed: a question without sound opens no sound.

    Args:
        files: of the folder.
        backend: which runtime.
        threads: that one graph may use.
    """

    def __init__(self, files: Files, *, backend: str, threads: int) -> None:
        self.backend, self.threads = backend, threads
        student = _student(files)
        self.classes: list[str] = student["spec"]["classes"]
        self.views: dict[str, Any] = student["views"]
        self.front_end = FrontEnd(
            settings=student["settings"],
            characters=student["spec"]["characters"],
            inputs={view: tuple(told["inputs"]) for view, told in self.views.items()},
            tokenizer=files.take(TOKENIZER).decode() if TOKENIZER in files else None,
        )
        self.digest = files.digest
        self._files = files
        self._sessions: dict[str, Session] = {}
        self.fallbacks: dict[str, str] = {}
        """Graphs that run otherwise than asked, of those opened so far, and why."""

    def scores(self, view: str, inputs: Inputs) -> tuple[Array, Array]:
        """What one view says: scores (B, C) and unit vectors (B, D)."""
        scores, vectors = self._session(view)(
            *(inputs[name] for name in self.views[view]["inputs"])
        )
        return scores, vectors

    def fuse(self, scores: Mapping[str, Array]) -> tuple[Array, Array]:
        """Scores (B, C) of views that are there, to log-probabilities (B, C) and gates (B, V)."""
        given = next(iter(scores.values()))
        joint = np.zeros((len(given), len(VIEWS), given.shape[1]), np.float32)
        present = np.zeros(joint.shape[:2], np.bool_)
        for view, found in scores.items():
            joint[:, VIEWS.index(view)], present[:, VIEWS.index(view)] = found, True
        log_probability, gates = self._session(FUSION)(joint, present)
        return log_probability, gates

    def judge(self, inputs: Mapping[str, Inputs]) -> tuple[Array, Array]:
        """Inputs of some views to log-probabilities (B, C) and gates (B, V)."""
        return self.fuse({view: self.scores(view, named)[0] for view, named in inputs.items()})

    def answer(self, question: Question) -> Answer:
        """Name the category.

        Raises:
            UnreadableError: nothing is given, or something cannot be decoded.
            DeployError: a graph that it needs is missing or cannot be run.
            TamperedError: a file changed since the folder was opened.
        """
        log_probability, gates = self.judge(self.front_end.describe(question))
        probability = np.exp(log_probability[0].astype(np.float64))
        return Answer.of(
            question,
            classes=self.classes,
            probability=probability.tolist(),
            shares=(gates[0] / gates[0].sum()).tolist(),
            model=self.digest,
        )

    def _session(self, name: str) -> Session:
        if name not in self._sessions:
            self._sessions[name], lacking = open_session(
                self._files, name, backend=self.backend, threads=self.threads
            )
            hand_back()
            if lacking:
                self.fallbacks[name] = lacking
        return self._sessions[name]


def load(
    folder: Path, *, backend: str, threads: int, digests: Mapping[str, str] | None = None
) -> Deployed:
    """Open a deployable folder.

    Args:
        folder: as `services.deployed.loading` describes it.
        backend: "onnx" or "openvino".
        threads: that one graph may use, at least 1.
        digests: file name to BLAKE3, from a source that is trusted; None believes card.json.

    Raises:
        DeployError: the folder is none, or the backend unknown.
        TamperedError: a file is not the one that was promised.
    """
    if backend not in BACKENDS:
        raise DeployError(f"backend={backend!r}: allowed are {', '.join(BACKENDS)}")
    if threads < 1:
        raise DeployError(f"threads={threads}: at least 1 is needed")
    return Deployed(
        Files(folder, digests=digests, backend=backend), backend=backend, threads=threads
    )


def _student(files: Files) -> dict[str, Any]:
    try:
        student: dict[str, Any] = json.loads(files.take(STUDENT))
        needed = {
            "spec": student["spec"].keys() >= {"classes", "characters"},
            "settings": isinstance(student["settings"], dict),
            "views": sorted(student["views"]) == sorted(VIEWS),
        } | {view: "inputs" in told for view, told in student["views"].items()}
        if wrong := [name for name, whole in needed.items() if not whole]:
            raise ValueError(f"{', '.join(wrong)} incomplete")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        place = files.folder / STUDENT
        raise DeployError(f"{place}: not the description of a student ({error})") from None
    return student
