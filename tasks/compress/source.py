"""What compression starts from: the trained model in parts, its data, and what it says of them."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load as read_tensors
from torch import Tensor

from models.batches import VIEWS, Examples
from models.compression.answers import Answers
from models.compression.student import Student
from models.compression.teacher import teacher
from models.multimodal import Multimodal, build
from models.spec import Spec
from provenance import Artifact
from provenance.releases import CONFIG, WEIGHTS
from tasks.params.encoders import EncoderParams
from tasks.train.examples import assemble, rows_of
from tasks.train.features import distinct_captions, distinct_media, encode
from tasks.upstream import upstream
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

    def contents(self, view: str, rows: Tensor) -> Tensor:
        """Distinct contents of a view that some rows have, sorted."""
        place = self.examples.place[view][rows]
        return torch.unique(place[place >= 0])


def read_source(workspace: Workspace, encoders: EncoderParams) -> Source:
    """Read the train stage's outputs and ask the model about every content.

    Raises:
        InputError: something upstream is missing.
        TamperedError: it was changed, or a packaged encoder is not the one of the training.
    """
    folder = workspace.stage("train")
    weights, config = (upstream(workspace, folder / name) for name in (WEIGHTS, CONFIG))
    table = upstream(workspace, workspace.manifest)
    media = upstream(workspace, workspace.media)
    plain = json.loads(config.verified().read_text(encoding="utf-8"))
    model = build(Spec.of(plain["model"]), seed=0)  # any seed: every weight is replaced
    model.load_state_dict(read_tensors(weights.verified().read_bytes()), strict=True)
    model.eval().requires_grad_(False)
    manifest = pd.read_parquet(table.verified())
    features = encode(manifest, workspace, encoders)
    examples = assemble(manifest, features, model.spec)
    return Source(
        teacher=teacher(model, plain),
        manifest=manifest,
        examples=examples,
        answers=answers_of(model, examples),
        media={
            view: list(distinct_media(manifest, workspace, view)[0].values())
            for view in ("image", "audio")
        },
        captions=distinct_captions(manifest),
        train=rows_of(manifest, "train"),
        validation=rows_of(manifest, "val"),
        test=rows_of(manifest, "test"),
        inputs=(weights, config, table, media),
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
