"""The stages, in order, and what of each belongs into one line of a summary."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One stage of dvc.yaml, one module of this room.

    Args:
        name: in dvc.yaml, in params.yaml, of the module and of its flow.
        output: the path whose digest stands for the stage.
        figure: the metric that a person asks for first; a release has one from the second on.
    """

    name: str
    output: str
    figure: str


STAGES = (
    Stage("ingest", "data/manifest.parquet", "rows"),
    Stage("validate", "mlruns/stages/validate/verdict.json", "expectations_failed"),
    Stage("train", "mlruns/stages/train/model.safetensors", "test.fused.accuracy"),
    Stage("search", "mlruns/stages/search/front.json", "front"),
    Stage("compress", "mlruns/stages/compress/family", "members"),
    Stage("federate", "mlruns/stages/federate/model.safetensors", "test.fused.accuracy"),
    Stage("quantum", "mlruns/stages/quantum/verdict.json", "test.quantum.accuracy"),
    Stage("release", "mlruns/stages/release/release.json", "candidate_accuracy"),
)

MODEL = "mlruns/stages/train/model.safetensors"
