"""MLflow as a witness: the experiment remembers the largest head of each log that was verified.

Who runs a tracking server for a team has a second memory there that one workstation cannot rewrite.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provenance.checkpoint import Checkpoint, log_id
from provenance.seen import Seen
from provenance.witness import WitnessError, decode_heads, encode_head
from tasks.tracking import EXPERIMENT, tracking_uri
from tasks.workspace import Workspace


@dataclass(frozen=True)
class ExperimentWitness:
    """A tag of the workspace's MLflow experiment.

    Args:
        workspace: whose tracking database is asked; none is made for the purpose.
    """

    workspace: Workspace
    name: str = "MLflow experiment"

    def recall(self, origin: str) -> list[Seen]:
        experiment = self._experiment()
        if experiment is None:
            return []
        text = experiment.tags.get(_tag(origin), "")
        return [Seen(head, self.name) for head in decode_heads(text, self.name)]

    def remember(self, head: Checkpoint) -> None:
        known = max((old.checkpoint.size for old in self.recall(head.origin)), default=-1)
        experiment = self._experiment()
        if experiment is None or known >= head.size:
            return
        try:
            self._client().set_experiment_tag(
                experiment.experiment_id, _tag(head.origin), encode_head(head)
            )
        except Exception as error:  # whatever its database or server raises
            raise WitnessError(f"MLflow took no tag: {error}") from error

    def _experiment(self) -> Any:  # mlflow ships no types
        uri = tracking_uri(self.workspace)
        if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
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
