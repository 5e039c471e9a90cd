"""Every trial as a run of its own in MLflow, below the run of the search."""

import time
from types import ModuleType
from typing import Any

from tasks.search.study import Tried


class Children:
    """Writes trials below a parent run.

    Args:
        mlflow: connected.
        parent: id of the search's run.
        space: what may be chosen, as text; a tag of every trial.
        seed: of the search; a tag of every trial.
    """

    def __init__(self, mlflow: ModuleType, parent: str, *, space: str, seed: int) -> None:
        self.client: Any = mlflow.MlflowClient()
        self.experiment = self.client.get_run(parent).info.experiment_id
        self.tags = {"mlflow.parentRunId": parent, "search.space": space, "search.seed": str(seed)}

    def __call__(self, tried: Tried) -> None:
        """Write one trial."""
        # Imported here: MLflow costs seconds.
        from mlflow.entities import Metric, Param

        outcome, now = tried.outcome, int(time.time() * 1000)
        figures = {"latency_ms": outcome.latency_ms, "bytes": float(outcome.bytes)}
        figures |= outcome.figures | ({} if outcome.loss is None else {"loss": outcome.loss})
        tags = self.tags | ({"ended_early": outcome.ended} if outcome.ended else {})
        run = self.client.create_run(
            self.experiment, run_name=f"trial {tried.number}", tags=tags
        ).info.run_id
        self.client.log_batch(
            run,
            metrics=[Metric(name, value, now, 0) for name, value in figures.items()],
            params=[Param(name, str(value)) for name, value in tried.config.items()],
        )
        self.client.set_terminated(run, "FINISHED")
