"""Clipping and Gaussian noise, tied to each other.

Sources: Dwork & Roth 2014 (https://doi.org/10.1561/0400000042), appendix A; with clients as the
unit, McMahan et al. 2018 (https://arxiv.org/abs/1710.06963); noise in shares that add
up under secure aggregation, Kairouz et al. 2021 (https://arxiv.org/abs/2102.06387).
"""

import secrets
from collections.abc import Callable, Iterable

import numpy as np
from flwr.app import Context, Message, MessageType, MetricRecord, RecordDict
from flwr.clientapp.typing import ClientAppCallable, Mod

from models.federated.arrays import Arrays, add, arrays_of, norm, record_of, subtract
from models.federated.client import ARRAYS, CONFIG, METRICS, partition_of
from models.federated.fold import WEIGHT
from models.federated.privacy import Adaptive, Privacy
from models.federated.seeds import generator

BELOW = "below"
"""Whether a client's update was within the clip: counted with noise, shown to no one."""

Source = Callable[..., np.random.Generator]
"""Where noise comes from: called with round and who draws."""


def source_of(privacy: Privacy, seed: int) -> Source:
    """Seeded noise for experiments that repeat, else the operating system's."""
    if privacy.noise == "system":
        return lambda *_: np.random.default_rng(secrets.randbits(256))
    return lambda *who: generator(seed, "noise", *who)


def clipped(update: Arrays, most: float) -> tuple[Arrays, bool]:
    """The update with a norm of at most `most`, and whether it had that already."""
    length = norm(update)
    if length <= most:
        return update, True
    scale = np.float32(most / length)
    return {name: value * scale for name, value in update.items()}, False


def noisy(update: Arrays, deviation: float, rng: np.random.Generator) -> Arrays:
    """The update with Gaussian noise of this standard deviation on every coordinate."""
    return {
        name: (value + deviation * rng.standard_normal(value.shape)).astype(value.dtype)
        for name, value in update.items()
    }


def private_mod(privacy: Privacy, source: Source, *, share_of: int) -> Mod:
    """A mod that clips a client's update and adds what noise its level asks of clients.

    Figures other than the number of examples are taken out: no one accounts for them. All clients
    then count alike, or clipping would not bound what one of them does to the mean.

    Args:
        privacy: the level; nothing is changed for none and plain secure aggregation.
        source: of noise.
        share_of: under secure aggregation, clients whose noise together must suffice: the fewest
            that a round may end with.
    """

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        sent = arrays_of(message.content[ARRAYS])
        config = message.content[CONFIG]
        round_ = int(config["server-round"])
        clip = float(config.get("clip", privacy.clip))
        reply = call_next(message, context)
        if reply.has_error() or not privacy.noisy:
            return reply
        update, below = clipped(subtract(arrays_of(reply.content[ARRAYS]), sent), clip)
        rng = source(round_, partition_of(context))
        if privacy.level == "local_dp":
            # Two updates of norm `clip` are at most twice that apart: whatever the client has.
            update = noisy(update, privacy.noise_multiplier * 2 * clip, rng)
        elif privacy.level == "secure_aggregation+dp":
            update = noisy(update, privacy.noise_multiplier * clip / np.sqrt(share_of), rng)
        reply.content[ARRAYS] = record_of(add(sent, update))
        told: dict[str, float] = {WEIGHT: 1, "steps": 1.0}
        if privacy.adaptive:
            told[BELOW] = float(below)
        reply.content[METRICS] = MetricRecord(told)
        return reply

    return mod


class CentralNoise:
    """The server's half of central DP: clips again, sums, adds noise, divides by a fixed number.

    Args:
        privacy: level central_dp.
        source: of noise.
        expected: clients in a round, as many as are expected to take part. Dividing by the number
            that did would tell whether one was there.
    """

    def __init__(self, privacy: Privacy, source: Source, expected: float) -> None:
        self.privacy, self.source, self.expected = privacy, source, expected
        self.clip = privacy.clip

    def fold(self, replies: Iterable[Message], weights: Arrays, round_: int) -> list[Message]:
        """One message with the noisy mean; of no one too, or it would tell that no one was drawn.

        Args:
            replies: checked ones, with float32 weights.
            weights: what the clients' updates are relative to.
            round_: for seeded noise.
        """
        total = {name: np.zeros(value.shape) for name, value in weights.items()}
        last, below = None, 0.0
        for reply in replies:
            last = reply
            update, was_below = clipped(
                subtract(arrays_of(reply.content[ARRAYS]), weights), self.clip
            )
            # Whoever clipped its update already says how it was before.
            was_below = was_below and reply.content[METRICS].get(BELOW, 1.0) > 0.5
            below += was_below - 0.5  # so that no client moves the sum by more than a half
            for name, value in update.items():
                total[name] += value
        rng = self.source(round_, "server")
        deviation = sum_multiplier(self.privacy) * self.clip
        mean = {
            name: ((value + deviation * rng.standard_normal(value.shape)) / self.expected)
            for name, value in total.items()
        }
        arrays = {n: (weights[n] + value).astype(np.float32) for n, value in mean.items()}
        if self.privacy.adaptive:
            self.clip *= _step(self.privacy.adaptive, below, self.expected, rng)
        content = RecordDict(
            {ARRAYS: record_of(arrays), METRICS: MetricRecord({WEIGHT: 1, "clip": self.clip})}
        )
        if last is None:
            return [Message(content, 0, MessageType.TRAIN)]
        return [Message(content=content, metadata=last.metadata)]


def sum_multiplier(privacy: Privacy) -> float:
    """Noise on the sum, over the clip: higher where a noisy count is released beside it, so that
    both together cost what `noise_multiplier` says (Andrew et al. 2021, theorem 1)."""
    if privacy.adaptive is None:
        return privacy.noise_multiplier
    spent = (2 * privacy.adaptive.count_noise) ** -2
    left: float = privacy.noise_multiplier**-2 - spent
    if left <= 0:
        least = privacy.noise_multiplier / 2
        raise ValueError(
            f"adaptive.count_noise ({privacy.adaptive.count_noise:g}) must be above half of "
            f"noise_multiplier ({least:g}): the counts alone would cost more than the whole"
        )
    return float(left**-0.5)


def _step(adaptive: Adaptive, below: float, expected: float, rng: np.random.Generator) -> float:
    share = 0.5 + (below + adaptive.count_noise * rng.standard_normal()) / expected
    return float(np.exp(-adaptive.rate * (share - adaptive.quantile)))
