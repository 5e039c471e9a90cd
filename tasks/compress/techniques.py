"""Techniques on torch modules, called with what a recipe says and what the stage has."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from models.compression.lottery import lottery
from models.compression.merged_vocabulary import merge_vocabulary
from models.compression.movement import movement
from models.compression.qat import qat
from models.compression.quantised import Quantised
from models.compression.student import ViewModel
from tasks.compress.bench import Bench
from tasks.compress.state import State

Way = Callable[[Any, State, Bench], State]
"""Settings, state and bench to the next state."""


def each(technique: Callable[[ViewModel, Any, Bench, State], Any]) -> Way:
    """A technique that takes one view after the other."""

    def way(step: Any, state: State, bench: Bench) -> State:
        for view in step.views:
            made = technique(state.student.views[view], step, bench, state)
            if isinstance(made, Quantised):
                left = [
                    f"{view}: {path} stays as it is: {why}" for path, why in made.skipped.items()
                ]
                state = state.with_view(made.module, *made.notes, *left[:1])
            else:
                state = state.with_view(made)
        return state

    return way


def narrow(technique: Callable[..., ViewModel]) -> Way:
    return each(
        lambda module, step, bench, state: technique(
            module,
            keep=step.keep,
            importance=step.by,
            scope=step.scope,
            calibration=bench.calibration(state, module.view),
            seed=bench.params.seed,
        )
    )


def sparse(technique: Callable[..., ViewModel], *needs: str) -> Way:
    def once(module: ViewModel, step: Any, bench: Bench, state: State) -> ViewModel:
        offered: dict[str, Any] = {"seed": bench.params.seed}
        if "calibration" in needs:
            offered["calibration"] = bench.calibration(state, module.view)
        given = {name: offered[name] for name in needs}
        return technique(module, sparsity=step.sparsity, scope=step.scope, **given)

    return each(once)


def moved(module: ViewModel, step: Any, bench: Bench, state: State) -> ViewModel:
    data = bench.training(state, module.view)
    return movement(
        module,
        sparsity=step.sparsity,
        scope=step.scope,
        calibration=data,
        steps=max(len(data) // bench.params.batch_size, 1),
        learning_rate=bench.params.fine_tuning,
        batch_size=bench.params.batch_size,
        seed=bench.params.seed,
    )


def drawn(module: ViewModel, step: Any, bench: Bench, state: State) -> ViewModel:
    data = bench.training(state, module.view)
    steps = step.epochs * max(len(data) // bench.params.batch_size, 1)
    return lottery(
        module,
        sparsity=step.sparsity,
        scope="global",
        calibration=data,
        rounds=step.rounds,
        early=max(steps // 10, 1),
        steps=steps,
        learning_rate=bench.params.fine_tuning,
        batch_size=bench.params.batch_size,
        seed=bench.params.seed,
    )


def on_the_grid(module: ViewModel, step: Any, bench: Bench, state: State) -> Quantised:
    return qat(
        module,
        bench.training(state, module.view),
        bits=step.bits,
        epochs=step.epochs,
        learning_rate=step.learning_rate,
        seed=bench.params.seed,
    )


def with_pixels(pixels: int, state: State) -> State:
    """The same model shown smaller pictures."""
    settings = {**state.student.settings, "image_pixels": pixels}
    return replace(state, student=replace(state.student, settings=settings))


def with_words(tokens: int, state: State, bench: Bench) -> State:
    """The same model knowing fewer word pieces.

    Raises:
        ValueError: captions are read by letter.
    """
    if state.student.tokenizer is None:
        raise ValueError(
            "vocabulary: captions are read by letter here, so that there are no word pieces to "
            "prune; remove the step"
        )
    contents = bench.source.contents("caption", bench.source.train).tolist()
    module, tokenizer = merge_vocabulary(
        state.student.views["caption"],
        tokenizer=state.student.tokenizer,
        texts=sorted(bench.source.captions[i] for i in contents),
        size=tokens,
    )
    student = replace(state.student.with_view(module), tokenizer=tokenizer)
    return replace(state, student=student)
