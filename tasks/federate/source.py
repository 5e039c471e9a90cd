"""What the stage reads: the data, the centralised model to compare with, the fleet."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from models.batches import Data, Examples
from models.federated.multimodal import Local, MultimodalLearner, Workshop
from models.federated.seeds import mix
from models.multimodal import Multimodal, build
from models.objective import Weights
from models.spec import Spec
from provenance import Artifact
from tasks.errors import InputError
from tasks.params.encoders import EncoderParams
from tasks.params.federate import FederateParams
from tasks.params.train import TrainParams
from tasks.progress import say
from tasks.search.source import read_source
from tasks.train.features import class_names
from tasks.upstream import upstream
from tasks.workspace import Workspace

FEWEST_ROWS = 2
"""To learn from: the contrastive loss compares at least two."""


@dataclass(frozen=True)
class Source:
    """What the rounds start from.

    Args:
        manifest: all rows.
        examples: aligned with the manifest.
        train, validation: rows of the splits.
        spec: of the model, the centralised one's.
        encoders: as it was trained with.
        names: vectors of class names, as the model takes them.
        central: figures of the centralised model on test rows.
        central_model: that model, to score it on validation rows.
        inputs: what was read, for the provenance entry.
    """

    manifest: pd.DataFrame
    examples: Examples
    train: Tensor
    validation: Tensor
    spec: Spec
    encoders: EncoderParams
    names: Tensor | None
    central: dict[str, Any]
    central_model: Multimodal
    inputs: tuple[Artifact, ...]

    def blank(self, seed: int) -> Multimodal:
        """The model before it learned anything."""
        return build(self.spec, seed=seed, class_names=self.names)


def read_federated(workspace: Workspace) -> Source:
    """Read the outputs of ingest and train.

    Raises:
        InputError: one is missing.
        TamperedError: one was changed after it was logged.
    """
    found = read_source(workspace)
    metrics = upstream(workspace, workspace.stage("train") / "metrics.json")
    return Source(
        manifest=found.manifest,
        examples=found.examples,
        train=found.train,
        validation=found.validation,
        spec=found.model.spec,
        encoders=found.encoders,
        names=class_names(workspace, found.encoders),
        central=json.loads(metrics.verified().read_text(encoding="utf-8")),
        central_model=found.model,
        inputs=(*found.inputs, metrics),
    )


def clients_of(
    source: Source, params: FederateParams, train: TrainParams
) -> list[MultimodalLearner]:
    """One client for each part of the data, in the order of their names.

    Raises:
        InputError: fewer than two parts have rows to learn from.
    """
    workshop = Workshop(lambda: source.blank(params.seed))
    column = parts_of(source, params)
    found = []
    for name in sorted({str(value) for value in column[source.train.numpy()]}):
        own = Data(
            source.examples,
            source.train[column[source.train.numpy()] == name],
            source.validation[column[source.validation.numpy()] == name],
        )
        if len(own.train) >= FEWEST_ROWS:
            judged = params.privacy.level == "none"
            found.append(MultimodalLearner(name, own, local_of(params, train), workshop, judged))
    if len(found) < 2:
        raise InputError(
            f"`federate.partition: {params.partition}` gives {len(found)} clients with at least "
            f"{FEWEST_ROWS} rows to learn from, 2 are needed: lower `federate.shards` or add data"
        )
    return found


def parts_of(source: Source, params: FederateParams) -> NDArray[np.str_]:
    """Of every row, the name of the client that has it; whole groups stay together.

    Where a column has one value only, there is nothing to part by: groups are dealt out.
    """
    if params.partition != "shards":
        column = source.manifest[params.partition].astype(str).to_numpy(dtype=str)
        if len(set(column)) > 1:
            return column
        say(f"all data have the {params.partition} {column[0]!r}: groups are dealt to clients")
    groups = source.manifest["group"].astype(str)
    mixed = sorted(set(groups), key=lambda group: mix(params.seed, "shard", group))
    dealt = {group: f"shard {place % params.shards}" for place, group in enumerate(mixed)}
    return np.array([dealt[group] for group in groups])


def local_of(params: FederateParams, train: TrainParams) -> Local:
    """How clients train: the optimiser is theirs, the objective that of the train stage."""
    return Local(
        optimizer=params.local.optimizer,
        momentum=params.local.momentum,
        epochs=params.local.epochs,
        batch_size=params.local.batch_size,
        weight_decay=params.local.weight_decay,
        smoothing=train.smoothing,
        modality_dropout=train.modality_dropout,
        clip=train.clip,
        weights=Weights(**train.loss.model_dump()),
    )
