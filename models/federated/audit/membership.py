"""The canary audit of a federated run: train with canaries in it, then guess who took part."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flwr.app import Message
from numpy.typing import NDArray

from models.federated.arrays import Arrays, add, arrays_of, subtract
from models.federated.audit.canary import Canaries, memory_scores, plant, widened
from models.federated.audit.shares import Share
from models.federated.audit.stack import plan_for, trained
from models.federated.client import ABOUT, ARRAYS
from models.federated.privacy import Privacy
from models.federated.seeds import mix
from models.federated.softmax import SoftmaxLearner, blank

Scores = dict[str, NDArray[np.float64]]
MODEL, UPDATES = "model", "updates"
"""What the one who guesses has seen: the final weights, or also what each client sent."""


@dataclass(frozen=True)
class Training:
    """How clients learn.

    Args:
        rounds: of them.
        rate: of the clients' steps.
        epochs: over a client's rows in a round.
        batch_size: rows a step.
    """

    rounds: int
    rate: float = 0.1
    epochs: int = 5
    batch_size: int = 20


def membership(
    shares: Sequence[Share],
    privacy: Privacy,
    training: Training,
    *,
    slots: int,
    classes: int,
    seed: int,
    repeats: int = 1,
) -> tuple[Scores, NDArray[np.bool_]]:
    """Scores of all canaries over several independent runs, and which of them took part.

    The last `slots` clients are canaries. Where the guarantee is about replacing a client's data
    (local_dp), one that does not take part is the ordinary client that it would replace; else it
    is not there, and the server goes on dividing by the same number.

    Args:
        shares: rows of N ordinary clients.
        privacy: level and noise; budgets are not looked at, and noise is seeded.
        training: how clients learn.
        slots: canaries in a run, at most N.
        classes: C.
        seed: of everything.
        repeats: runs, each with coins and noise of its own.

    Returns:
        scores by what the guesser has seen: MODEL always; UPDATES for local_dp, whose server must
        not be trusted; (repeats * slots,) each; and the coins.
    """
    if not 0 < slots <= len(shares):
        raise ValueError(f"slots={slots}: allowed is 1 to {len(shares)}, the number of clients")
    found: dict[str, list[NDArray[np.float64]]] = {}
    coins = []
    for repeat in range(repeats):
        drawn = mix(seed, "canaries", repeat)
        features = shares[0][0].shape[1]
        canaries = plant(slots, features=features, classes=classes, seed=drawn)
        for view, scores in _run(shares, canaries, privacy, training, classes, drawn).items():
            found.setdefault(view, []).append(scores)
        coins.append(canaries.member)
    return {view: np.concatenate(one) for view, one in found.items()}, np.concatenate(coins)


def _run(
    shares: Sequence[Share],
    canaries: Canaries,
    privacy: Privacy,
    training: Training,
    classes: int,
    seed: int,
) -> Scores:
    count = len(canaries.y)
    local = privacy.level == "local_dp"
    ordinary = len(shares) - count
    learners = [_learner(widened(x, count), y, training, classes) for x, y in shares]
    place: list[int] = []  # of each canary among the clients that are there, -1 if it is not
    there = learners[:ordinary]
    for i, member in enumerate(canaries.member):
        place.append(len(there) if member or local else -1)
        if member:
            rows = learners[ordinary + i].examples  # as many as the client has that it replaces
            x, y = canaries.x[[i] * rows], canaries.y[[i] * rows]
            there.append(_learner(x, y, training, classes))
        elif local:
            there.append(learners[ordinary + i])
    start = blank(canaries.x.shape[1], classes)
    told: dict[int, Arrays] = {}

    def spy(message: Message, reply: Message) -> None:
        if ABOUT not in reply.content or ARRAYS not in reply.content:
            return
        sent, got = arrays_of(reply.content[ARRAYS]), arrays_of(message.content[ARRAYS])
        who = int(reply.content[ABOUT]["partition"])
        told[who] = add(told.get(who, start), subtract(sent, got))

    plan = plan_for(privacy, rounds=training.rounds, rate=training.rate, seed=seed)
    final = trained(there, plan, start, clients=len(shares), spy=spy if local else None)
    scores = {MODEL: memory_scores(final, canaries)}
    if local:
        each = [memory_scores(told[p], canaries)[i] for i, p in enumerate(place)]
        scores[UPDATES] = np.array(each)
    return scores


def _learner(
    x: NDArray[np.float32], y: NDArray[np.int64], training: Training, classes: int
) -> SoftmaxLearner:
    return SoftmaxLearner("client", x, y, classes, training.batch_size, training.epochs)
