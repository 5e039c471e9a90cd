"""What the search reads: the trained model, its data, and never a test row."""

import json
from dataclasses import dataclass
from typing import cast

import pandas as pd
import torch
from safetensors.torch import load as read_tensors
from torch import Tensor

from models.batches import Examples
from models.multimodal import Multimodal, View, build
from models.spec import Spec
from provenance import Artifact
from provenance.releases import CONFIG, WEIGHTS
from tasks.errors import InputError
from tasks.params.encoders import EncoderParams
from tasks.train.examples import assemble, rows_of
from tasks.train.features import encode
from tasks.upstream import upstream
from tasks.workspace import Workspace


@dataclass(frozen=True)
class Source:
    """The trained model and what it may be judged by.

    Args:
        model: in evaluation mode, no gradients.
        encoders: as it was trained with.
        manifest: all rows; contents are looked up in it, none of the test rows is judged.
        examples: aligned with the manifest.
        train, validation: rows to learn from and to judge by.
        inputs: what was read, for the provenance entry.
    """

    model: Multimodal
    encoders: EncoderParams
    manifest: pd.DataFrame
    examples: Examples
    train: Tensor
    validation: Tensor
    inputs: tuple[Artifact, ...]

    def head(self, view: str) -> View:
        """A view of the trained model: its tower, expert and projection."""
        return cast(View, self.model.views[view])

    def contents(self, view: str, rows: Tensor) -> Tensor:
        """Distinct contents of a view that some rows have, rising."""
        place = self.examples.place[view][rows]
        found: Tensor = torch.unique(place[place >= 0])
        return found


def read_source(workspace: Workspace) -> Source:
    """Read the outputs of ingest and train.

    Raises:
        InputError: one is missing, or no validation row has a class.
        TamperedError: one was changed after it was logged.
    """
    folder = workspace.stage("train")
    weights, config = (upstream(workspace, folder / name) for name in (WEIGHTS, CONFIG))
    table, media = (upstream(workspace, path) for path in (workspace.manifest, workspace.media))
    plain = json.loads(config.verified().read_text(encoding="utf-8"))
    model = build(Spec.of(plain["model"]), seed=0)  # any seed: every weight is replaced
    model.load_state_dict(read_tensors(weights.verified().read_bytes()), strict=True)
    encoders = EncoderParams(**plain["encoders"])
    manifest = pd.read_parquet(table.verified())
    examples = assemble(manifest, encode(manifest, workspace, encoders), model.spec)
    validation = rows_of(manifest, "val")
    if not bool((examples.label[validation] >= 0).any()):
        raise InputError("no validation row has one of `ingest.labels`: nothing can be judged")
    return Source(
        model=model.eval().requires_grad_(False),
        encoders=encoders,
        manifest=manifest,
        examples=examples,
        train=rows_of(manifest, "train"),
        validation=validation,
        inputs=(weights, config, table, media),
    )
