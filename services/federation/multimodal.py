"""A node's part of the multimodal data: only the contents that its own rows point at."""

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.batches import VIEWS, Data, Examples
from models.federated.multimodal import Local, MultimodalLearner, Workshop
from models.multimodal import Multimodal, build
from models.objective import Weights
from models.spec import Spec
from services.federation.partitions import Partition

KIND = "multimodal"


def multimodal_partition(learner: MultimodalLearner, spec: Spec, names: Tensor | None) -> Partition:
    """What a node with this client's rows needs on its disk.

    Args:
        learner: the client; its data may be a part of a larger set.
        spec: of the model.
        names: vectors of class names, as `models.multimodal.build` takes them.
    """
    data = learner.data
    mine = torch.cat([data.train, data.validation])
    rows: dict[str, NDArray[Any]] = {
        "language": data.examples.language[mine].numpy(),
        "label": data.examples.label[mine].numpy(),
        "train": np.arange(len(data.train)),
        "validation": np.arange(len(data.train), len(mine)),
    }
    for view in VIEWS:
        place = data.examples.place[view][mine]
        kept, own = torch.unique(place[place >= 0], return_inverse=True)
        moved = torch.full_like(place, -1)
        moved[place >= 0] = own
        rows[f"place.{view}"] = moved.numpy()
        rows[f"contents.{view}"] = data.examples.contents[view][kept].numpy()
    if names is not None:
        rows["names"] = names.numpy()
    settings = {"spec": spec.plain(), "local": asdict(learner.local), "judge": learner.judge}
    return Partition(KIND, learner.name, settings, rows)


def multimodal_learner(partition: Partition) -> MultimodalLearner:
    """The client again, with one model that stays built."""
    rows = {name: torch.from_numpy(np.array(value)) for name, value in partition.rows.items()}
    settings = partition.settings
    spec, told = Spec.of(settings["spec"]), dict(settings["local"])
    local = Local(**told | {"weights": Weights(**told["weights"])})
    examples = Examples(
        contents={view: rows[f"contents.{view}"] for view in VIEWS},
        place={view: rows[f"place.{view}"] for view in VIEWS},
        language=rows["language"],
        label=rows["label"],
    )
    names = rows.get("names")

    def blank() -> Multimodal:
        return build(spec, seed=0, class_names=names)  # any seed: the weights come from the server

    torch.set_num_threads(1)  # else the result depends on the machine
    return MultimodalLearner(
        partition.name,
        Data(examples, rows["train"], rows["validation"]),
        local,
        Workshop(blank),
        bool(settings["judge"]),
    )
