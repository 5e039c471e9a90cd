"""MLflow as a witness: what is read from its database file without it, and when it is asked."""

import sqlite3
from contextlib import closing
from typing import Any

import mlflow
import pytest

from provenance.checkpoint import log_id
from tasks.verification.mlflow_witness import ExperimentWitness
from tests.tasks.verification.conftest import Shop


def refuse(_: ExperimentWitness) -> Any:
    raise AssertionError("MLflow was asked: its import costs seconds")


def test_a_tag_that_mlflow_wrote_is_read_without_it(
    tracked: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracked.release()
    head = tracked.log.head().checkpoint
    # Written by MLflow's own client: the lines of a C2SP checkpoint on one line.
    mlflow.MlflowClient().set_experiment_tag(
        mlflow.get_experiment_by_name("cairn").experiment_id,
        f"cairn.provenance.{log_id(head.origin)}",
        " ".join(head.text().split()),
    )
    monkeypatch.setattr(ExperimentWitness, "_client", refuse)
    witness = ExperimentWitness(tracked.workspace)
    assert [seen.checkpoint for seen in witness.recall(head.origin)] == [head]
    assert witness.recall(f"{head.origin[:-32]}{'0' * 32}") == []
    witness.remember(head)  # known already, so there is nothing to write
    assert tracked.verify(None).exit_code == 0


def test_tables_of_another_mlflow_are_left_to_mlflow(
    tracked: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracked.release()
    head = tracked.log.head().checkpoint
    ExperimentWitness(tracked.workspace).remember(head)
    with closing(sqlite3.connect(tracked.workspace.mlruns / "mlflow.db")) as base:
        base.execute("ALTER TABLE experiment_tags RENAME TO labels")
        base.commit()
    asked = []
    monkeypatch.setattr(ExperimentWitness, "_experiment", lambda self: asked.append(self))
    assert ExperimentWitness(tracked.workspace).recall(head.origin) == []
    assert len(asked) == 1
