"""Every trained head as a run of its own in MLflow, below the run of the stage."""

import time
from types import ModuleType
from typing import Any

from models.quantum.controls import count
from models.quantum.fit import Fitted
from tasks.quantum.contest import Entrant


class Children:
    """Writes heads below a parent run.

    Args:
        mlflow: connected.
        parent: id of the stage's run.
    """

    def __init__(self, mlflow: ModuleType, parent: str) -> None:
        self.client: Any = mlflow.MlflowClient()
        self.experiment = self.client.get_run(parent).info.experiment_id
        self.parent = parent

    def __call__(self, entrant: Entrant, seed: int, fitted: Fitted, test: float) -> None:
        """Write one head.

        Args:
            entrant: the kind of head.
            seed: of its weights and of the order of rows.
            fitted: what training brought.
            test: accuracy on test rows.
        """
        from mlflow.entities import Metric, Param  # here, because importing mlflow costs seconds

        now = int(time.time() * 1000)
        curve = [
            Metric(f"loss.{split}", value, now, epoch)
            for epoch, pair in enumerate(fitted.curve, 1)
            for split, value in zip(("train", "validation"), pair, strict=True)
        ]
        figures = {
            "validation.accuracy": fitted.accuracy,
            "validation.loss": fitted.loss,
            "test.accuracy": test,
            "cpu_seconds": fitted.cpu_seconds,
        }
        settings = {
            "head": entrant.name,
            "role": entrant.role,
            "seed": seed,
            "parameters": count(fitted.head),
            "rate": fitted.rate,
            "epoch": fitted.epoch,
        }
        run = self.client.create_run(
            self.experiment,
            run_name=f"{entrant.name}, seed {seed}",
            tags={"mlflow.parentRunId": self.parent, "quantum.role": entrant.role},
        ).info.run_id
        self.client.log_batch(
            run,
            metrics=[*curve, *(Metric(key, value, now, 0) for key, value in figures.items())],
            params=[Param(key, str(value)) for key, value in settings.items()],
        )
        self.client.set_terminated(run, "FINISHED")
