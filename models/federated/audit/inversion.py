"""Gradient inversion: what a client's update gives away of its row, and what protection leaves.

A client that learns from one row moves a first linear layer by multiples of that row: the gradient
of weight (D, C) is x d^T, that of the bias is d. Any column of the one over the same entry of the
other is the row itself, exactly. Sources: Phong et al. 2018 (https://eprint.iacr.org/2017/715);
Geiping et al. 2020 (https://arxiv.org/abs/2003.14053, proposition 3.1).

More rows, more clients in a sum, or noise spoil it; masks leave nothing but random numbers. Attacks
that optimise towards an update do better on batches and are not tried here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flwr.app import ConfigRecord, Message
from flwr.common import bytes_to_ndarray
from flwr.common.secure_aggregation.secaggplus_constants import Key
from numpy.typing import NDArray

from models.federated.arrays import Arrays, arrays_of, flat, shaped, subtract
from models.federated.audit.stack import plan_for, trained
from models.federated.client import ABOUT, ARRAYS
from models.federated.grid import FIRST_NODE
from models.federated.privacy import Privacy
from models.federated.secure import Secure
from models.federated.softmax import BIAS, WEIGHT, SoftmaxLearner, blank

REACH = 8.0
"""Largest coordinate of a masked update: a few gradient steps stay far below it."""


@dataclass(frozen=True)
class Seen:
    """What a server saw in one round.

    Args:
        uploads: (client, update) of each client, as it came: masked where it is masked.
        mean: the update that all of them made together.
    """

    uploads: list[Arrays]
    mean: Arrays


def invert(weight_DC: NDArray[np.floating], bias_C: NDArray[np.floating]) -> NDArray[np.float64]:
    """The row (D,) that an update of a linear layer stems from, if it stems from one.

    Args:
        weight_DC: change of the weight; of torch's layers, transposed.
        bias_C: change of the bias. The entry that moved most is divided by: noise hurts least.

    Raises:
        ValueError: the bias did not move.
    """
    column = int(np.abs(bias_C).argmax())
    if bias_C[column] == 0:
        raise ValueError("the bias did not move: an update without a trace of a row has no inverse")
    row: NDArray[np.float64] = weight_DC[:, column].astype(np.float64) / float(bias_C[column])
    return row


def likeness(row: NDArray[np.floating], found: NDArray[np.floating]) -> dict[str, float]:
    """Cosine of two rows (1 is the same direction, 0 none) and their mean squared difference."""
    lengths = float(np.linalg.norm(row) * np.linalg.norm(found))
    return {
        "cosine": float(row @ found) / lengths if lengths else 0.0,
        "mse": float(np.square(row - found).mean()),
    }


def inversion(
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    privacy: Privacy,
    *,
    classes: int,
    seed: int,
    rate: float = 0.1,
    epochs: int = 1,
) -> dict[str, list[dict[str, float]]]:
    """One round of clients with one row each, then an inversion of all that the server saw.

    Args:
        x, y: (N, D) and (N,): the row of each client, N at least 2.
        privacy: level and noise.
        classes: C.
        seed: of masks' rounding and of noise.
        rate, epochs: of the clients' training.

    Returns:
        lists of N with cosine and mse: `upload` of each client's own upload; `mean` of the mean
        update against each row; `guess` of the mean of the others' rows: what one who saw no
        update, but similar data, would say.
    """
    seen = _one_round(x, y, privacy, classes=classes, seed=seed, rate=rate, epochs=epochs)
    return {
        "upload": [_against(row, sent) for row, sent in zip(x, seen.uploads, strict=True)],
        "mean": [_against(row, seen.mean) for row in x],
        "guess": [likeness(row, np.delete(x, i, axis=0).mean(0)) for i, row in enumerate(x)],
    }


def _against(row: NDArray[np.float32], update: Arrays) -> dict[str, float]:
    return likeness(row, invert(update[WEIGHT], update[BIAS]))


def _one_round(
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    privacy: Privacy,
    *,
    classes: int,
    seed: int,
    rate: float,
    epochs: int,
) -> Seen:
    learners = [
        SoftmaxLearner(f"c{i}", x[[i]], y[[i]], classes, batch_size=1, epochs=epochs)
        for i in range(len(y))
    ]
    start = blank(x.shape[1], classes)
    uploads: dict[int, Arrays] = {}

    def spy(message: Message, reply: Message) -> None:
        if (update := _upload(reply, start)) is not None:
            uploads[message.metadata.dst_node_id - FIRST_NODE] = update

    plan = plan_for(
        privacy,
        rounds=1,
        rate=rate,
        seed=seed,
        secure=Secure(reach=REACH, threshold=len(y), most_examples=1),
    )
    moved = trained(learners, plan, start, masked=True, spy=spy)
    return Seen([uploads[i] for i in range(len(y))], subtract(moved, start))


def _upload(reply: Message, start: Arrays) -> Arrays | None:
    """The update in a reply; what stands in its place, if it is masked; None in other replies."""
    if not reply.has_content():
        return None
    if ARRAYS in reply.content and ABOUT in reply.content:
        return subtract(arrays_of(reply.content[ARRAYS]), start)
    for record in reply.content.values():
        if isinstance(record, ConfigRecord) and Key.MASKED_PARAMETERS in record:
            return _unpacked(record[Key.MASKED_PARAMETERS], start)
    return None


def _unpacked(masked: Any, start: Arrays) -> Arrays:
    """Masked integers around zero, in the shapes of the weights; their first array is a count."""
    parts: Sequence[NDArray[Any]] = [bytes_to_ndarray(part) for part in masked[1:]]
    vector = np.concatenate([part.ravel() for part in parts]).astype(np.float64)
    middle = (vector - vector.mean()).astype(np.float32)
    if len(middle) != len(flat(start)):
        raise ValueError(f"{len(middle)} masked numbers for {len(flat(start))} weights")
    return shaped(middle, start)
