"""What a deployable may cost, held against what was measured; and the closest point to a miss."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.errors import InputError

SIZES = {"B": 1.0, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KIB": 2.0**10, "MIB": 2.0**20, "GIB": 2.0**30}
TIMES = {"US": 1e-3, "MS": 1.0, "S": 1e3}


@dataclass(frozen=True)
class Point:
    """One deployable and what was measured of it.

    Args:
        name: level and step, for people.
        digest: of its files in the store.
        bytes: that one runtime needs.
        latency_ms: of one question with all views on one thread, median.
        memory_bytes: resident set of the process that answers.
        loss: relative to the teacher, of accuracy or R@10, whichever is larger.
        machine: class that latency and memory were measured on.
    """

    name: str
    digest: str
    bytes: float
    latency_ms: float
    memory_bytes: float
    loss: float
    machine: str

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class Targets:
    """Limits; None where there is none.

    Args:
        bytes: of the deployable.
        latency_ms: of one question.
        memory_bytes: of the process.
        max_drop: relative loss of quality.
    """

    bytes: float | None
    latency_ms: float | None
    memory_bytes: float | None
    max_drop: float

    def misses(self, point: Point) -> dict[str, float]:
        """Limits that a point breaks, and by what share; a loss above 0 where none is allowed is
        as far away as can be."""
        pairs = {
            "size": (point.bytes, self.bytes),
            "latency": (point.latency_ms, self.latency_ms),
            "memory": (point.memory_bytes, self.memory_bytes),
            "loss": (point.loss, self.max_drop),
        }
        return {
            name: found / limit - 1 if limit else float("inf")
            for name, (found, limit) in pairs.items()
            if limit is not None and found > limit
        }

    def best(self, points: Iterable[Point]) -> Point | None:
        """Of the points that keep to all limits the one that loses least; the smaller of two."""
        good = [point for point in points if not self.misses(point)]
        return min(good, key=lambda p: (p.loss, p.bytes, p.name), default=None)

    def closest(self, points: Iterable[Point]) -> Point | None:
        """The point whose worst miss is smallest."""
        return min(
            points,
            key=lambda p: (max(self.misses(p).values(), default=0.0), p.loss, p.name),
            default=None,
        )

    def refusal(self, points: Iterable[Point]) -> str:
        """Why nothing is shipped, with the closest point found."""
        closest = self.closest(points)
        wanted = f"no deployable keeps to {self}"
        if closest is None:
            return f"{wanted}: there is none at all"
        broken = ", ".join(f"{name} by {share:.0%}" for name, share in self.misses(closest).items())
        found = f"the closest is {closest.name} ({describe(closest)})"
        return f"{wanted}: {found}, which misses {broken}"

    def __str__(self) -> str:
        parts = [
            f"{self.bytes / 1e6:.3g} MB" if self.bytes is not None else "",
            f"{self.latency_ms:.3g} ms" if self.latency_ms is not None else "",
            f"{self.memory_bytes / 1e6:.3g} MB of memory" if self.memory_bytes is not None else "",
            f"a loss of at most {self.max_drop:.1%}",
        ]
        return ", ".join(part for part in parts if part)


def describe(point: Point) -> str:
    """A point in a few words."""
    return (
        f"{point.bytes / 1e6:.2f} MB, {point.latency_ms:.2f} ms on {point.machine}, "
        f"{point.memory_bytes / 1e6:.0f} MB of memory, loss {point.loss:.1%}"
    )


def size(text: str) -> float:
    """Bytes of a text such as `8MB` or `512 KiB`.

    Raises:
        InputError: it is none; says what is.
    """
    return _measure(text, SIZES, "a size such as 8MB, 512KiB or 1.5GB")


def duration(text: str) -> float:
    """Milliseconds of a text such as `5ms`.

    Raises:
        InputError: it is none; says what is.
    """
    return _measure(text, TIMES, "a time such as 5ms, 800us or 0.1s")


def _measure(text: str, units: Mapping[str, float], wanted: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*", text)
    if found is None or found[2].upper() not in units or float(found[1]) <= 0:
        raise InputError(f"{text!r}: give {wanted}, above 0")
    return float(found[1]) * units[found[2].upper()]
