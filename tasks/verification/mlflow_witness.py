"""MLflow as a witness: the experiment remembers the largest head of each log that was verified.

Who runs a tracking server for a team has a second memory there that one workstation cannot rewrite.
"""

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provenance.checkpoint import Checkpoint, log_id
from provenance.seen import Seen
from provenance.witness import WitnessError, decode_heads, encode_head
from tasks.tracking import EXPERIMENT, tracking_uri
from tasks.workspace import Workspace

SQLITE = "sqlite:///"
"""How the address of a database file begins."""


@dataclass(frozen=True)
class ExperimentWitness:
    """A tag of the workspace's MLflow experiment.

    Args:
        workspace: whose tracking database is asked; none is made for the purpose.
    """

    workspace: Workspace
    name: str = "MLflow experiment"

    def recall(self, origin: str) -> list[Seen]:
        with contextlib.suppress(sqlite3.Error):  # locked, or tables of another MLflow: ask MLflow
            return [
                Seen(head, self.name)
                for text in self._read(_tag(origin))
                for head in decode_heads(text, self.name)
            ]
        experiment = self._experiment()
        if experiment is None:
            return []
        text = experiment.tags.get(_tag(origin), "")
        return [Seen(head, self.name) for head in decode_heads(text, self.name)]

    def remember(self, head: Checkpoint) -> None:
        known = max((old.checkpoint.size for old in self.recall(head.origin)), default=-1)
        if known >= head.size:
            return
        experiment = self._experiment()
        if experiment is None:
            return
        try:
            self._client().set_experiment_tag(
                experiment.experiment_id, _tag(head.origin), encode_head(head)
            )
        except Exception as error:  # whatever its database or server raises
            raise WitnessError(f"MLflow took no tag: {error}") from error

    def _read(self, tag: str) -> list[str]:
        """The tag's values in a database file, without MLflow: importing that costs seconds.

        Raises:
            sqlite3.Error: no such file or tables, locked, or not a file at all.
        """
        uri = tracking_uri(self.workspace)
        if not uri.startswith(SQLITE):
            raise sqlite3.OperationalError(f"{uri} is no file")
        path = Path(uri.removeprefix(SQLITE)).absolute()
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as base:
            rows = base.execute(
                "SELECT value FROM experiment_tags JOIN experiments USING (experiment_id) "
                "WHERE name = ? AND key = ?",
                (EXPERIMENT, tag),
            )
            return [str(value) for (value,) in rows]

    def _experiment(self) -> Any:  # mlflow ships no types
        uri = tracking_uri(self.workspace)
        if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists():
            return None  # asking would make one
        try:
            return self._client().get_experiment_by_name(EXPERIMENT)
        except Exception as error:  # whatever its database or server raises
            raise WitnessError(f"MLflow at {uri} cannot be asked: {error}") from error

    def _client(self) -> Any:  # mlflow ships no types
        from tasks.environment import prepare

        prepare()
        import mlflow  # here, because importing mlflow costs seconds

        return mlflow.MlflowClient(tracking_uri(self.workspace))


def _tag(origin: str) -> str:
    return f"cairn.provenance.{log_id(origin)}"
