"""What compression starts from: the trained model in parts, its data, and what it says of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from models.batches import VIEWS, Examples
from models.compression.answers import Answers
from models.compression.student import Student
from models.compression.teacher import teacher
from models.multimodal import Multimodal
from provenance import Artifact
from provenance.releases import CONFIG
from tasks.search.source import read_source as read_trained
from tasks.train.examples import rows_of
from tasks.train.features import distinct_captions, distinct_media, sounds_at_every_depth
from tasks.workspace import Workspace


@dataclass(frozen=True)
class Source:
    """The teacher and its data.

    Args:
        teacher: the trained model, in parts.
        manifest: one row a clip.
        examples: the data set as the teacher's towers take it, aligned with the manifest.
        answers: by view, what the teacher says of every content.
        media: files of the contents of the views image and audio, in their order.
        captions: contents of the view caption, in their order.
        train, validation, test: rows of the manifest.
        inputs: what was read, for the provenance entry.
        depths: from the cache that training filled, every recording (A, depths, S, D) after each
            block of Whisper.
    """

    teacher: Student
    manifest: pd.DataFrame
    examples: Examples
    answers: dict[str, Answers]
    media: dict[str, list[Path]]
    captions: list[str]
    train: Tensor
    validation: Tensor
    test: Tensor
    inputs: tuple[Artifact, ...]
    depths: Callable[[], Tensor]

    def contents(self, view: str, rows: Tensor) -> Tensor:
        """Distinct contents of a view that some rows have, rising."""
        place = self.examples.place[view][rows]
        found: Tensor = torch.unique(place[place >= 0])
        return found


def read_source(workspace: Workspace) -> Source:
    """Read the train stage's outputs and ask the model about every content.

    Raises:
        InputError: something upstream is missing.
        TamperedError: it was changed, or a packaged encoder is not the one of the training.
    """
    trained = read_trained(workspace)
    config = json.loads((workspace.stage("train") / CONFIG).read_text(encoding="utf-8"))
    return Source(
        teacher=teacher(trained.model, config),
        manifest=trained.manifest,
        examples=trained.examples,
        answers=answers_of(trained.model, trained.examples),
        media={
            view: list(distinct_media(trained.manifest, workspace, view)[0].values())
            for view in ("image", "audio")
        },
        captions=distinct_captions(trained.manifest),
        train=trained.train,
        validation=trained.validation,
        test=rows_of(trained.manifest, "test"),
        inputs=trained.inputs,
        depths=lambda: sounds_at_every_depth(trained.manifest, workspace, trained.encoders)[0],
    )


@torch.no_grad()
def answers_of(model: Multimodal, examples: Examples) -> dict[str, Answers]:
    """What the model says of every content, from the features that it was trained on."""
    found = {}
    for view in VIEWS:
        parts = [model.views[view](some) for some in torch.split(examples.contents[view], 512)]
        scores, vectors = zip(*parts, strict=True)
        found[view] = Answers(torch.cat(scores), torch.cat(vectors))
    return found
