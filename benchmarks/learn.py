"""Train our model on a split exactly as the train stage does."""

from benchmarks.data import Bench, Fold
from models.calibration import fit_gates
from models.multimodal import Multimodal, build
from models.training import Report, fit
from tasks.train.fit import reproducible, settings


def learn(bench: Bench, fold: Fold, *, seed: int) -> Multimodal:
    """The model of the best epoch, gates fitted on the validation rows."""
    params = bench.params
    chosen = params.model_copy(update={"seed": seed})
    with reproducible(params.threads):
        model = build(fold.spec, seed=seed, class_names=bench.class_names)
        fit(model, fold.data, settings(chosen), on_epoch=_quiet)
        fit_gates(model, fold.examples, fold.validation, decay=params.gate_decay)
    return model


def _quiet(_: Report) -> None:
    """A benchmark prints its table and nothing else."""
