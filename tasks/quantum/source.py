"""What the stage reads: the frozen model, and what it knows of every labelled row."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.batches import Examples
from models.multimodal import Multimodal
from models.quantum.embedding import Components, summaries_of
from models.quantum.fit import Rows
from provenance import Artifact
from tasks.errors import InputError
from tasks.params.quantum import QuantumParams
from tasks.search.source import read_source
from tasks.train.examples import rows_of
from tasks.workspace import Workspace


@dataclass(frozen=True)
class Source:
    """Embeddings of the frozen model.

    Args:
        classes: names, in the order of the heads' outputs.
        components: from the views' summaries to what heads are given, fit on training rows.
        train, validation, test: rows with a class.
        group: of each test row.
        backbone: which test rows the model itself gets right (N,).
        backbone_validation: its accuracy on validation rows.
        backbone_parameters: of the model that is compared with.
        weights: of the frozen model, its digest is part of a head's description.
        inputs: what was read, for the provenance entry.
    """

    classes: list[str]
    components: Components
    train: Rows
    validation: Rows
    test: Rows
    group: NDArray[np.str_]
    backbone: NDArray[np.bool_]
    backbone_validation: float
    backbone_parameters: int
    weights: Artifact
    inputs: tuple[Artifact, ...]

    @property
    def commonest(self) -> float:
        """Test accuracy of always naming the most frequent class of the training rows."""
        return float((self.test.y == self.train.y.mode().values).double().mean())


def read_embedded(workspace: Workspace, params: QuantumParams) -> Source:
    """Read the outputs of ingest and train, and embed every labelled row.

    Raises:
        InputError: one is missing, a split has no labelled row, or there are fewer training rows
            than components.
        TamperedError: one was changed after it was logged.
    """
    found = read_source(workspace)
    model, examples = found.model, found.examples
    test = rows_of(found.manifest, "test")
    splits = {"train": found.train, "val": found.validation, "test": test}
    labelled = {name: rows[examples.label[rows] >= 0] for name, rows in splits.items()}
    for name, rows in labelled.items():
        if not len(rows):
            raise InputError(f"no {name} row has one of `ingest.labels`: no head can be compared")
    raw = {name: summaries_of(model, examples, rows) for name, rows in labelled.items()}
    try:
        components = Components.fit(raw["train"], components=params.components, seed=params.seed)
    except ValueError as error:
        raise InputError(f"`quantum.components`: {error}") from None
    embedded = {
        name: Rows(components(raw[name]), examples.label[labelled[name]]) for name in labelled
    }
    group = found.manifest["group"].to_numpy(dtype=str)[labelled["test"].numpy()]
    right = _right(model, examples, labelled["test"])
    return Source(
        classes=list(model.spec.classes),
        components=components,
        train=embedded["train"],
        validation=embedded["val"],
        test=embedded["test"],
        group=group,
        backbone=right,
        backbone_validation=float(_right(model, examples, labelled["val"]).mean()),
        backbone_parameters=sum(value.numel() for value in model.parameters()),
        weights=found.inputs[0],
        inputs=found.inputs,
    )


@torch.no_grad()
def _right(model: Multimodal, examples: Examples, rows: Tensor) -> NDArray[np.bool_]:
    """Which rows the model's own fused answer gets right."""
    parts = [
        model(examples.batch(part)).log_probability.argmax(1) == examples.label[part]
        for part in torch.split(rows, 512)
    ]
    found: NDArray[Any] = torch.cat(parts).numpy()
    return found
