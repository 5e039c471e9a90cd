"""What came out: the global model on test rows, each client's own version, and who gained."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.calibration import fit_gates
from models.federated.arrays import Arrays
from models.federated.learner import Work
from models.federated.multimodal import MultimodalLearner, load
from models.federated.seeds import mix
from models.multimodal import Multimodal
from models.retrieval import search
from tasks.federate.source import Source, parts_of
from tasks.params.federate import FederateParams
from tasks.params.train import TrainParams
from tasks.train.evaluate import Evaluation, evaluate


@dataclass(frozen=True)
class Own:
    """A client beside the global model, on the test rows of its own part of the data."""

    client: str
    rows: int
    accuracy: float
    own_accuracy: float
    r10: float
    own_r10: float

    def plain(self) -> dict[str, Any]:
        return dict(vars(self))


def finished(
    source: Source,
    arrays: Arrays,
    clients: Sequence[MultimodalLearner],
    params: FederateParams,
    train: TrainParams,
) -> Multimodal:
    """The global model. Its gates are the mean of what clients fit on their own validation rows,
    weighed by rows; under noise they stay as they are, as no one accounts for them."""
    model = source.blank(params.seed).eval()
    load(model, arrays)
    if params.privacy.level != "none":
        return model
    sums: dict[str, Tensor] = {}
    rows = 0
    for client in clients:
        own = copy.deepcopy(model)
        mine = client.data.validation
        fit_gates(own, source.examples, mine, decay=train.gate_decay)
        for name, value in own.fusion.state_dict().items():
            sums[name] = sums.get(name, torch.zeros_like(value)) + value * len(mine)
        rows += len(mine)
    if rows:
        model.fusion.load_state_dict({name: value / rows for name, value in sums.items()})
    return model


def judged(source: Source, model: Multimodal, train: TrainParams) -> Evaluation:
    """The model on the test rows, as the train stage judges its own."""
    test = torch.from_numpy((source.manifest["split"] == "test").to_numpy().nonzero()[0])
    return evaluate(model, source.examples, source.manifest, test, train)


def personalised(
    source: Source,
    model: Multimodal,
    arrays: Arrays,
    clients: Sequence[MultimodalLearner],
    params: FederateParams,
) -> list[Own]:
    """Each client's own version against the global model, on test rows of its part of the data."""
    column = parts_of(source, params)
    test = (source.manifest["split"] == "test").to_numpy()
    found = []
    for place, client in enumerate(clients):
        rows = torch.from_numpy((test & (column == client.name)).nonzero()[0])
        if not len(rows):
            continue
        own = copy.deepcopy(model)
        if params.personalise.epochs:
            work = Work(
                round=0,
                seed=mix(params.seed, "own", place),
                rate=params.personalise.learning_rate,
            )
            own_arrays = client.personal(
                arrays, work, epochs=params.personalise.epochs, part=params.personalise.part
            )
            load(own, own_arrays)
        before, after = _figures(source, model, rows), _figures(source, own, rows)
        found.append(Own(client.name, len(rows), before[0], after[0], before[1], after[1]))
    return found


@torch.no_grad()
def _figures(source: Source, model: Multimodal, rows: Tensor) -> tuple[float, float]:
    """Accuracy of the category and recall at 10 from speech to text."""
    label = source.examples.label[rows]
    known = rows[label >= 0]
    accuracy = float("nan")
    if len(known):
        answer = model(source.examples.batch(known)).log_probability.argmax(1)
        accuracy = float((answer == label[label >= 0]).double().mean())
    found = search(model, source.examples, rows, "speech_to_text")
    return accuracy, float(np.mean(found.recall(10))) if found is not None else float("nan")
