"""Which deployable goes onto which kind of device, as a QUBO.

energy = sum over kinds of share * (loss + latency_weight * latency + wait_weight * download)
         - sharing_weight * share_a * share_b for each pair of kinds that get the same member,

one member a kind; members that do not fit into a kind's memory are no choices; and what all devices
download together stays within a budget. Latency and download are shares of the longest among all
choices, so that weights compare them with a loss.

Shapes: K kinds of devices, M members of the family.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.quantum.qubo.answer import Answer
from models.quantum.qubo.constraints import AtMost, Constraint, OneOf
from models.quantum.qubo.feasible import InfeasibleError
from models.quantum.qubo.problem import QuboProblem

UNITS = 255
"""Parts that traffic above the least is counted in, rounded up: eight bits of slack."""
TRAFFIC = "traffic"
"""Name of the constraint."""
ROUNDING = 1e-9
"""Of quotients that are whole numbers but for their last bits."""


@dataclass(frozen=True)
class Member:
    """A deployable of the family.

    Args:
        name: unique.
        bytes: to download.
        latency_ms: of one answer where it was measured.
        memory_bytes: of the process that answers.
        loss: of quality, relative to the trained model.
    """

    name: str
    bytes: float
    latency_ms: float
    memory_bytes: float
    loss: float


@dataclass(frozen=True)
class Kind:
    """A kind of device.

    Args:
        name: unique.
        share: of all devices.
        memory_bytes: that answering may take.
        slower: times that an answer takes longer than where latencies were measured.
        bytes_per_second: of its download.
    """

    name: str
    share: float
    memory_bytes: float
    slower: float
    bytes_per_second: float


@dataclass(frozen=True)
class Weights:
    """What counts how much, against a loss of 1."""

    latency: float = 0.1
    wait: float = 0.05
    sharing: float = 0.05


def placement(
    members: Sequence[Member],
    kinds: Sequence[Kind],
    *,
    devices: int = 1000,
    traffic_bytes: float | None = None,
    weights: Weights | None = None,
) -> QuboProblem:
    """The problem; a variable for each kind and each member that fits into its memory.

    Args:
        members: of the family that ship, at least one.
        kinds: of devices, at least one.
        devices: in the field, which download once.
        traffic_bytes: that they may download together; None for no limit.
        weights: of latency, download and sharing.

    Raises:
        InfeasibleError: a kind whose memory holds no member, or a traffic budget that even the
            smallest ones exceed; says by how much.
        ValueError: no members or kinds, a name twice.
    """
    if not members or not kinds:
        raise ValueError(f"{len(members)} members on {len(kinds)} kinds: at least one of each")
    told = weights or Weights()
    fits = {kind.name: _fitting(kind, members) for kind in kinds}
    pairs = [(kind, member) for kind in kinds for member in fits[kind.name]]
    names = [variable(kind.name, member.name) for kind, member in pairs]
    answers = [member.latency_ms * kind.slower for kind, member in pairs]
    waits = [member.bytes / kind.bytes_per_second for kind, member in pairs]
    linear = {
        name: kind.share
        * (
            member.loss
            + told.latency * answer / (max(answers) or 1.0)
            + told.wait * wait / (max(waits) or 1.0)
        )
        for name, (kind, member), answer, wait in zip(names, pairs, answers, waits, strict=True)
    }
    quadratic = {
        (variable(a.name, member.name), variable(b.name, member.name)): -told.sharing
        * a.share
        * b.share
        for place, a in enumerate(kinds)
        for b in kinds[:place]
        for member in fits[a.name]
        if member in fits[b.name]
    }
    groups: list[Constraint] = [
        OneOf(
            f"one member for {kind.name}",
            tuple(variable(kind.name, m.name) for m in fits[kind.name]),
        )
        for kind in kinds
    ]
    if traffic_bytes is not None:
        groups += _traffic(kinds, fits, devices, traffic_bytes)
    return QuboProblem.of(names, linear=linear, quadratic=quadratic, constraints=groups)


def variable(kind: str, member: str) -> str:
    """Name of the variable for a kind and a member."""
    return f"{member} on {kind}"


def placed(answer: Answer, members: Sequence[Member], kinds: Sequence[Kind]) -> dict[str, str]:
    """Kind to the member that a feasible answer puts onto it."""
    chosen = set(answer.chosen)
    return {
        kind.name: member.name
        for kind in kinds
        for member in members
        if variable(kind.name, member.name) in chosen
    }


def _fitting(kind: Kind, members: Sequence[Member]) -> list[Member]:
    found = [member for member in members if member.memory_bytes <= kind.memory_bytes]
    if not found:
        least = min(members, key=lambda member: member.memory_bytes)
        raise InfeasibleError(
            f"no member fits on {kind.name}: the least that one takes is "
            f"{least.memory_bytes / 1e6:.0f} MB of memory ({least.name}), it has "
            f"{kind.memory_bytes / 1e6:.0f} MB: compress further, or leave this kind out"
        )
    return found


def _traffic(
    kinds: Sequence[Kind],
    fits: Mapping[str, Sequence[Member]],
    devices: int,
    traffic_bytes: float,
) -> list[Constraint]:
    """The limit, where it limits anything."""
    smallest = {kind.name: min(m.bytes for m in fits[kind.name]) for kind in kinds}
    least = sum(devices * kind.share * smallest[kind.name] for kind in kinds)
    if least > traffic_bytes:
        raise InfeasibleError(
            f"traffic of {traffic_bytes / 1e6:.6g} MB: the smallest member on every device already "
            f"takes {least / 1e6:.6g} MB: allow more"
        )
    most = sum(devices * kind.share * max(m.bytes for m in fits[kind.name]) for kind in kinds)
    if traffic_bytes >= most:
        return []
    room = traffic_bytes - least
    unit = max(room / UNITS, 1.0)
    budget = math.floor(room / unit + ROUNDING)
    weights = {}
    for kind in kinds:
        for member in fits[kind.name]:
            extra = devices * kind.share * (member.bytes - smallest[kind.name])
            weight = math.ceil(extra / unit - ROUNDING)
            weights[variable(kind.name, member.name)] = min(weight, budget + 1)
    return [AtMost.of(TRAFFIC, weights, budget)]
