"""Before training: could it learn at all? After: what would a noisy device leave?"""

from models.quantum.head import HeadConfig
from tasks.params.quantum import QuantumParams
from tasks.quantum.contest import Contest
from tasks.quantum.source import Source
from tasks.tracked import TrackedRun


def before_training(run: TrackedRun, config: HeadConfig, params: QuantumParams) -> None:
    pass


def after_training(
    run: TrackedRun, contest: Contest, source: Source, params: QuantumParams
) -> None:
    pass
