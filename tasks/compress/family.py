"""The family: for each kind of machine the deployable that keeps to its budget, or why none does.

A budget is held against the test clips, which no recipe has seen, and against what was measured on
this machine. Where the level's own recipe misses, the other deployables that were made are asked
too; where none keeps to the budget, nothing ships and the closest one is named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.compress.bench import Bench
from tasks.compress.card import CARD, card
from tasks.compress.engine import Carried
from tasks.compress.folder import files, json_bytes, weights
from tasks.compress.graph_steps import with_openvino
from tasks.compress.judge import Quality
from tasks.compress.probe import Measured
from tasks.compress.rows import Rows, point
from tasks.compress.state import State
from tasks.compress.targets import Point, Targets
from tasks.params.compress import BudgetParams
from tasks.params.train import TrainParams
from tasks.progress import say
from tasks.train.evaluate import evaluate, headline_figures

MODEL = "model.safetensors"


@dataclass(frozen=True)
class Member:
    """A deployable and its fate.

    Args:
        name: of the machine it is for.
        budget: what it may cost.
        level: of the recipe that made it; None where nothing ships.
        point: what was measured; of the closest one where nothing ships.
        refusal: why nothing ships; None where it does.
        card: of what ships.
        files: of what ships, by relative path, the card included.
    """

    name: str
    budget: BudgetParams
    level: str | None
    point: Point | None
    refusal: str | None
    card: dict[str, Any] | None
    files: dict[str, bytes]

    def plain(self) -> dict[str, Any]:
        """For family.json."""
        return {
            "alias": self.budget.alias,
            "shipped": self.refusal is None,
            "level": self.level,
            "point": self.point.plain() if self.point else None,
            "refusal": self.refusal,
            "card": self.card,
        }


@dataclass(frozen=True)
class Finished:
    """What a level came to, judged on the test clips.

    Args:
        level: its name.
        carried: the recipe.
        quality: on test rows.
        point: with the loss on test rows.
        measured: with ONNX Runtime.
    """

    level: str
    carried: Carried
    quality: Quality
    point: Point
    measured: Measured


def decide(
    carried: Mapping[str, Carried], rows: Rows, bench: Bench, train: TrainParams
) -> list[Member]:
    """Hold every member's budget against what was made.

    Args:
        carried: recipes by level.
        rows: what was measured of their steps.
        bench: data and judge.
        train: resamples and seed of the intervals on test clips.
    """
    finished = {
        name: _finish(name, made, rows, bench)
        for name, made in carried.items()
        if made.state.exported
    }
    return [
        _member(name, budget, finished, rows, bench, train) for name, budget in bench.params.family
    ]


def targets(budget: BudgetParams) -> Targets:
    """A budget as limits."""
    return Targets(
        bytes=None if budget.megabytes is None else 1e6 * budget.megabytes,
        latency_ms=budget.latency_ms,
        memory_bytes=None if budget.memory_mb is None else 1e6 * budget.memory_mb,
        max_drop=budget.max_drop,
    )


def _finish(name: str, made: Carried, rows: Rows, bench: Bench) -> Finished:
    test = bench.source.test
    quality = bench.judge.quality(made.state, test)
    last = next(noted for noted in reversed(rows.noted) if noted.level == name and noted.kept)
    loss = quality.loss(bench.judge.teacher(test))
    found = point(f"level {name}", last.digest, last.row, loss)
    return Finished(name, made, quality, found, last.row.measured)


def _member(
    name: str,
    budget: BudgetParams,
    finished: Mapping[str, Finished],
    rows: Rows,
    bench: Bench,
    train: TrainParams,
) -> Member:
    limits = targets(budget)
    own = finished.get(budget.level)
    chosen = own.point if own and not limits.misses(own.point) else None
    chosen = chosen or limits.best(found.point for found in finished.values())
    if chosen is None:
        points = [found.point for found in finished.values()]
        refusal = limits.refusal(points)
        say(f"{name}: {refusal}")
        return Member(name, budget, None, limits.closest(points), refusal, None, {})
    made = next(found for found in finished.values() if found.point is chosen)
    state = with_openvino(made.carried.state)
    folder = {**files(state, parts=False), MODEL: weights(state)}
    told = card(
        name=name,
        budget=budget,
        level=made.level,
        recipe=made.carried.kept,
        measured=_measured(made, state, rows, bench, train),
        teacher=bench.source.inputs[0].digest,
        notes=state.notes,
        files=folder,
    )
    say(f"{name}: level {made.level} keeps to {limits}")
    return Member(name, budget, made.level, chosen, None, told, {**folder, CARD: json_bytes(told)})


def _measured(
    made: Finished, state: State, rows: Rows, bench: Bench, train: TrainParams
) -> dict[str, Any]:
    """The rows of a member: both runtimes, and the test clips with intervals."""
    source = bench.source
    model, examples = bench.judge.answered(made.carried.state, source.test)
    found = evaluate(model, examples, source.manifest, source.test, train)
    row = rows.row(f"{made.level}, test clips", files(state), made.measured, made.quality)
    return {
        "onnx": row.plain(),
        "openvino": rows.measured(files(state, parts=False), "openvino").plain(),
        "test": headline_figures(found.metrics),
        "loss": made.point.loss,
    }
