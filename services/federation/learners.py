"""From a node's partition to its learner, by the kind that the partition names.

Each kind is imported where it is needed: a NumPy learner must not pay for torch.
"""

from collections.abc import Callable
from pathlib import Path

from models.federated.learner import Learner
from services.federation.partitions import Partition, PartitionError, read_partition


def load_learner(folder: Path) -> Learner:
    """The learner of a partition.

    Raises:
        PartitionError: it cannot be read, or its kind is unknown.
    """
    partition = check_partition(folder)
    return LEARNERS[partition.kind](partition)


def check_partition(folder: Path) -> Partition:
    """What a learner is made of.

    Raises:
        PartitionError: it cannot be read, or its kind is unknown.
    """
    partition = read_partition(folder)
    if partition.kind not in LEARNERS:
        raise PartitionError(f"{folder}: kind {partition.kind!r}; known are {', '.join(LEARNERS)}")
    return partition


def _softmax(partition: Partition) -> Learner:
    """Rows x, y and, to judge by, x_validation, y_validation."""
    from models.federated.softmax import SoftmaxLearner

    rows, settings = partition.rows, partition.settings
    judge = (rows["x_validation"], rows["y_validation"]) if "x_validation" in rows else None
    return SoftmaxLearner(partition.name, rows["x"], rows["y"], validation=judge, **settings)


def _torch_mlp(partition: Partition) -> Learner:
    import torch

    from services.federation.torch_mlp import TorchMlpLearner

    torch.set_num_threads(1)  # else the result depends on the machine
    rows = partition.rows
    return TorchMlpLearner(partition.name, rows["x"], rows["y"], **partition.settings)


def _quantum(partition: Partition) -> Learner:
    """Rows as those of `_softmax`; settings are the head's, and how a client trains."""
    import torch

    from models.federated.heads import HeadLearner
    from models.quantum.head import HeadConfig, QuantumHead

    torch.set_num_threads(1)  # else the result depends on the machine
    rows, settings = partition.rows, dict(partition.settings)
    config = HeadConfig(**settings.pop("head"))
    judge = (rows["x_validation"], rows["y_validation"]) if "x_validation" in rows else None

    def build() -> QuantumHead:
        return QuantumHead(config, seed=0)  # any seed: the weights come from the server

    return HeadLearner(partition.name, rows["x"], rows["y"], build, validation=judge, **settings)


def _multimodal(partition: Partition) -> Learner:
    from services.federation.multimodal import multimodal_learner

    return multimodal_learner(partition)


LEARNERS: dict[str, Callable[[Partition], Learner]] = {
    "softmax": _softmax,
    "torch-mlp": _torch_mlp,
    "quantum": _quantum,
    "multimodal": _multimodal,
}
"""Kinds of learners."""
