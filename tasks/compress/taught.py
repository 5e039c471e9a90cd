"""The technique `distil` in the stage: what a view learns from, then the lesson."""

from typing import Any

import torch
from torch import Tensor

from models.compression.answers import Answers
from models.compression.augmentation import made_up, words_of
from models.compression.calibration import Calibration, ask, samples
from models.compression.distil_losses import DistilWeights
from models.compression.distillation import distil
from models.compression.student import ViewModel
from tasks.compress.bench import Bench
from tasks.compress.heard import heard
from tasks.compress.state import State
from tasks.progress import say


def taught(module: ViewModel, step: Any, bench: Bench, state: State) -> ViewModel:
    """A view that learned what the teacher says.

    Raises:
        ValueError: there are too few captions or words to make up more of.
    """
    found = heard(module, bench.source) if step.train == "head" else None
    if found is None:
        training, validation = (
            made(state, module.view) for made in (bench.training, bench.validation)
        )
        if module.view == "caption" and step.augment:
            training = _more(training, step.augment, bench, state)
        return _distilled(module, training, validation, step, bench)
    # The encoder stays as it is, and what it says is known.
    head = ViewModel(view=module.view, encoder=None, head=module.head)
    training, validation = (
        _behind(found, bench, rows) for rows in (bench.source.train, bench.source.validation)
    )
    learned = _distilled(head, training, validation, step, bench).head
    return ViewModel(view=module.view, encoder=module.encoder, head=learned).eval()


def _behind(found: Tensor, bench: Bench, rows: Tensor) -> Calibration:
    """Features of the recordings of some rows, as samples."""
    contents = bench.source.contents("audio", rows)
    told = bench.source.answers["audio"]
    return Calibration(
        "audio",
        samples(found[contents].float()),
        label=None,
        targets=Answers(told.scores[contents], told.vectors[contents]),
    )


def _distilled(
    module: ViewModel, training: Calibration, validation: Calibration, step: Any, bench: Bench
) -> ViewModel:
    params = bench.params
    return distil(
        module,
        training,
        validation=validation,
        teacher=None,
        train=step.train,
        weights=DistilWeights(logits=1.0, features=0.0, attention=0.0, hard=0.0, vectors=1.0),
        temperature=params.temperature,
        epochs=step.epochs,
        batch_size=params.batch_size,
        learning_rate=step.learning_rate,
        weight_decay=params.weight_decay,
        average=params.average,
        seed=params.seed,
    )


def _more(training: Calibration, count: int, bench: Bench, state: State) -> Calibration:
    """The same with made-up captions, which the teacher is asked about."""
    known = training.targets
    if known is None:
        return training
    texts, told = _asked(count, bench)
    return Calibration(
        "caption",
        [*training.inputs, *bench.prepared.read(state.student, texts)],
        label=None,
        targets=Answers(
            torch.cat([known.scores, told.scores]), torch.cat([known.vectors, told.vectors])
        ),
    )


def _asked(count: int, bench: Bench) -> tuple[list[str], Answers]:
    """Made-up captions and what the teacher says of them; asked once in a run."""
    if count not in bench.asked:
        whole = bench.source.teacher
        contents = bench.source.contents("caption", bench.source.train).tolist()
        captions = [bench.source.captions[i] for i in contents]
        words = (
            sorted({word for text in captions for word in text.split()})
            if whole.tokenizer is None
            else words_of(whole.tokenizer)
        )
        texts = made_up(captions, words=words, count=count, seed=bench.params.seed)
        say(f"asking the teacher about {count:,} made-up captions")
        samples = bench.prepared.read(whole, texts)
        asked = Calibration("caption", samples, label=None, targets=None)
        bench.asked[count] = texts, ask(whole.views["caption"], asked)
    return bench.asked[count]
