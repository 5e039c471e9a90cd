"""Carry out a recipe: step by step, each measured, each kept or rolled back.

A step that costs more quality than the recipe allows is rolled back, and the next best option is
tried. Nothing is decided on test rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from models.batches import VIEWS
from models.compression.order import check_order
from tasks.compress.apply import apply, views_of
from tasks.compress.bench import Bench
from tasks.compress.judge import Quality
from tasks.compress.state import State
from tasks.params.compress import AnyStep, FirstOfStep, Item, LevelParams, TogetherStep
from tasks.progress import say

AS = {"architecture": "layers"}
"""What the search chose stands where other changes of structure stand."""


@dataclass(frozen=True)
class Tried:
    """One step that was carried out.

    Args:
        number: of the step in its recipe, from 1; options and parts of one item count on.
        technique: its name.
        settings: its targets, as in params.yaml.
        state: what it made.
        quality: on the validation rows.
        loss: relative to the teacher.
        kept: whether the recipe went on from it.
    """

    number: int
    technique: str
    settings: dict[str, object]
    state: State
    quality: Quality
    loss: float
    kept: bool


@dataclass(frozen=True)
class Carried:
    """A recipe that was carried out.

    Args:
        level: its name.
        state: what came out.
        tried: every step, in order; those rolled back too.
    """

    level: str
    state: State
    tried: tuple[Tried, ...]

    @property
    def kept(self) -> tuple[Tried, ...]:
        """The steps that made it."""
        return tuple(step for step in self.tried if step.kept)


def check_recipe(level: LevelParams) -> None:
    """Refuse a recipe whose steps cannot follow each other, whichever options are taken.

    Each view has its own order, and so has each runtime: OpenVINO's graphs are made beside ONNX
    Runtime's, not of them.

    Raises:
        OrderError: names the two techniques and the reason.
    """
    for steps in _ways(level.steps):
        for view in VIEWS:
            names = [AS.get(s.technique, s.technique) for s in steps if view in views_of(s)]
            for other in ("openvino_", "ort_"):
                check_order([name for name in names if not name.startswith(other)])


def carry_out(
    name: str, level: LevelParams, bench: Bench, on_step: Callable[[Tried], None]
) -> Carried:
    """Apply a recipe to the teacher.

    Args:
        name: of the level, for people.
        level: steps and limit.
        bench: data, judge and settings.
        on_step: called after every step.

    Raises:
        OrderError: the steps cannot follow each other; before anything is done.
    """
    check_recipe(level)
    state, tried = State.of(bench.source.teacher), list[Tried]()
    for item in level.steps:
        for option in item.options if isinstance(item, FirstOfStep) else [item]:
            steps = option.steps if isinstance(option, TogetherStep) else [option]
            made = list(_try(steps, state, bench, first=len(tried) + 1))
            good = made[-1].loss <= level.max_drop
            for step in made:
                told = Tried(**{**vars(step), "kept": good})
                tried.append(told)
                on_step(told)
            if good:
                state = made[-1].state
                break
            say(
                f"{name}: {' + '.join(step.technique for step in made)} loses "
                f"{made[-1].loss:.1%}, more than {level.max_drop:.1%}: rolled back"
            )
    return Carried(name, state, tuple(tried))


def _try(steps: Sequence[AnyStep], state: State, bench: Bench, *, first: int) -> Iterator[Tried]:
    rows: Tensor = bench.source.validation
    teacher = bench.judge.teacher(rows)
    for number, step in enumerate(steps, first):
        state = apply(step, state, bench)
        quality = bench.judge.quality(state, rows)
        yield Tried(
            number=number,
            technique=step.technique,
            settings=step.model_dump(mode="json", exclude={"technique"}),
            state=state,
            quality=quality,
            loss=quality.loss(teacher),
            kept=False,
        )


def _ways(items: Sequence[Item]) -> Iterator[list[AnyStep]]:
    """Every sequence of steps that a recipe may become."""
    if not items:
        yield []
        return
    item, rest = items[0], items[1:]
    options = item.options if isinstance(item, FirstOfStep) else [item]
    for after in _ways(rest):
        for option in options:
            yield [*(option.steps if isinstance(option, TogetherStep) else [option]), *after]
