"""A workspace in which a tiny model was trained, for the stages after training."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.train.fit import train_model
from tasks.workspace import Workspace
from tests.tasks.train.conftest import ingest_and_validate, tiny_params

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, migrated_database: Path
) -> Iterator[Workspace]:
    """A workspace in which a tiny model was trained, of encoders from scratch; once a file."""
    root = tmp_path_factory.mktemp("trained")
    (root / "mlruns").mkdir()
    shutil.copy(PROJECT / "params.yaml", root)
    shutil.copy(migrated_database, root / "mlruns" / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAIRN_ROOT", str(root))
        patch.setenv("CAIRN_KEYS", str(root.parent / "trained-keys"))
        workspace = Workspace(root)
        training = tiny_params(workspace)
        ingest_and_validate(workspace)
        train_model.fn(training, workspace)
        yield workspace
