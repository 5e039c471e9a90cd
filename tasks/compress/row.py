"""One measured row: what a model weighs, how fast it answers and how good it still is."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tasks.compress.machine import Machine
from tasks.compress.probe import Latency, Measured

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Drop:
    """The part of the data that lost most accuracy against the teacher.

    Args:
        name: of the class or the language.
        points: accuracy lost, as a share of 1; below 0 where it gained.
    """

    name: str
    points: float


@dataclass(frozen=True)
class Row:
    """Everything that is measured after a step.

    Args:
        name: of the model or the step, for people.
        file_bytes: of what one runtime needs, as it lies on disk.
        compressed_bytes: the same entropy-coded: what a download costs. Zeros among the weights
            show here, never in speed.
        measured: memory, cold start, latencies.
        accuracy: share of the clips whose category is named, all modalities given.
        recall: direction to depth to share, as `speech_to_text`: {1: ..., 10: ...}.
        agreement: share of the clips on which it says what the teacher says.
        worst_class, worst_language: where it lost most.
        machine: that memory and time were measured on.
    """

    name: str
    file_bytes: int
    compressed_bytes: int
    measured: Measured
    accuracy: float
    recall: Mapping[str, Mapping[int, float]]
    agreement: float
    worst_class: Drop
    worst_language: Drop
    machine: Machine

    def plain(self) -> dict[str, Any]:
        """As JSON types."""
        return {
            **asdict(self),
            "measured": self.measured.plain(),
            "recall": {
                direction: {f"r{depth}": share for depth, share in sorted(found.items())}
                for direction, found in sorted(self.recall.items())
            },
            "machine": self.machine.plain(),
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Row":
        """From what `plain` made."""
        recall = {
            direction: {int(depth.removeprefix("r")): share for depth, share in found.items()}
            for direction, found in plain["recall"].items()
        }
        made = {
            "measured": Measured.of(plain["measured"]),
            "recall": recall,
            "worst_class": Drop(**plain["worst_class"]),
            "worst_language": Drop(**plain["worst_language"]),
            "machine": Machine.of(plain["machine"]),
        }
        return cls(**{**plain, **made})

    def flat(self) -> dict[str, float]:
        """Figures by dotted name, for MLflow's metrics, which hold numbers alone."""
        figures: dict[str, float] = {
            "bytes.file": self.file_bytes,
            "bytes.compressed": self.compressed_bytes,
            "memory.rss_bytes": self.measured.rss_bytes,
            "memory.rss_over_bare_bytes": self.measured.rss_over_bare_bytes,
            "cold_start.s": self.measured.cold_start_s,
            "cold_start.cpu_s": self.measured.cold_start_cpu_s,
            "accuracy": self.accuracy,
            "agreement": self.agreement,
            "worst_drop.class": self.worst_class.points,
            "worst_drop.language": self.worst_language.points,
        }
        for found in self.measured.latency:
            prefix = f"latency.batch{found.batch}.threads{found.threads}"
            for name in ("p50_ms", "p99_ms", "cpu_p50_ms", "cpu_p99_ms"):
                figures[f"{prefix}.{name}"] = getattr(found, name)
            figures[f"{prefix}.throughput_per_s"] = found.throughput_per_s
        for direction, shares in self.recall.items():
            for depth, share in shares.items():
                figures[f"{direction}.r{depth}"] = share
        return {name: float(value) for name, value in figures.items()}


SPEECH = "speech_to_text"
"""The direction of retrieval that budgets are about."""


def columns(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Heading to cells; only latencies that every row has."""
    asked = [
        (one.batch, one.threads)
        for one in (rows[0].measured.latency if rows else ())
        if all(_has(row, one) for row in rows)
    ]
    made = {
        "model": [row.name for row in rows],
        "runtime": [row.measured.backend for row in rows],
        "file MB": [f"{row.file_bytes / 1e6:.2f}" for row in rows],
        "packed MB": [f"{row.compressed_bytes / 1e6:.2f}" for row in rows],
        "RSS MB": [f"{row.measured.rss_bytes / 1e6:.0f}" for row in rows],
        "cold s": [f"{row.measured.cold_start_s:.2f}" for row in rows],
    }
    for batch, threads in asked:
        found = [row.measured.at(batch=batch, threads=threads) for row in rows]
        title = f"batch {batch}, {threads} thread{'s' if threads > 1 else ''}"
        made[f"{title}: p50 / p99 ms"] = [f"{one.p50_ms:.1f} / {one.p99_ms:.1f}" for one in found]
        made[f"{title}: a second"] = [f"{one.throughput_per_s:.1f}" for one in found]
    return made | {
        "accuracy": [f"{row.accuracy:.3f}" for row in rows],
        "speech R@1 / R@10": [
            f"{row.recall[SPEECH][1]:.3f} / {row.recall[SPEECH][10]:.3f}" for row in rows
        ],
        "agrees": [f"{row.agreement:.3f}" for row in rows],
        "worst class": [_shown(row.worst_class) for row in rows],
        "worst language": [_shown(row.worst_language) for row in rows],
        "machine": [row.machine.name for row in rows],
    }


def table(rows: Sequence[Row], *, title: str) -> "Table":
    """For a terminal."""
    from rich.table import Table

    made = Table(title=title, title_justify="left")
    held = columns(rows)
    for heading in held:
        text = heading in ("model", "runtime", "machine", "worst class", "worst language")
        made.add_column(heading, justify="left" if text else "right")
    for cells in zip(*held.values(), strict=True):
        made.add_row(*cells)
    return made


def markdown(rows: Sequence[Row]) -> str:
    """For a document."""
    held = columns(rows)
    lines = [list(held), ["---"] * len(held), *zip(*held.values(), strict=True)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def _has(row: Row, wanted: Latency) -> bool:
    return any(
        (one.batch, one.threads) == (wanted.batch, wanted.threads) for one in row.measured.latency
    )


def _shown(drop: Drop) -> str:
    return f"{drop.name} {-100 * drop.points:+.1f}"
