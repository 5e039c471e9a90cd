"""MLflow run, output files and provenance entry, written together: no step can forget one of them.

    with tracked_run("train", params, inputs=[data], workspace=here) as run:
        run.metrics({"loss": loss}, step=epoch)
        model = run.publish(here.stage("train") / "model.safetensors", write)

Leaving the block commits; an exception publishes nothing and is recorded as a failure; a kill is
found and recorded by the next run (tasks/recovery.py).
"""

import errno
import os
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from provenance import Artifact, Entry, Log
from tasks.attempt import attempt_tags
from tasks.entry import failure_body, input_record, record, run_body
from tasks.errors import CairnError
from tasks.flat import flat
from tasks.journal import Journal, leftovers, remove, staged_path
from tasks.progress import say
from tasks.tracking import connect
from tasks.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PIPELINE = "CAIRN_PIPELINE"
"""Environment variable with the id of the pipeline run that started this stage, if one did."""


class TrackedRun:
    """What a stage may do with the world while it runs. Made by `tracked_run`, not by hand."""

    def __init__(self, workspace: Workspace, mlflow: ModuleType, run_id: str, key: str) -> None:
        self.workspace = workspace
        self.run_id = run_id
        self._mlflow = mlflow
        self._key = key
        self._outputs: list[tuple[Path, Artifact]] = []
        self._external: list[Artifact] = []
        self._summary: dict[str, float] = {}
        self.curves: list[tuple[int, dict[str, float]]] = []
        self.notes: dict[str, Any] = {}

    def note(self, key: str, value: Any) -> None:
        """Say something more in the provenance entry, as JSON types without fractions."""
        self.notes[key] = value

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Add a point to each of these curves."""
        self._mlflow.log_metrics(dict(values), step=step)
        self.curves.append((step, dict(values)))

    def summary(self, values: Mapping[str, float]) -> None:
        """Record final figures, in MLflow and in the provenance entry."""
        self._mlflow.log_metrics(dict(values))
        self._summary.update(values)

    def publish(self, path: Path, write: Callable[[Path], None]) -> Artifact:
        """Write an output that appears at `path` when the run commits.

        Args:
            path: final place, in the workspace.
            write: called at once with a temporary path; makes a file or a folder there.

        Returns:
            the artifact at its final place, which holds it only after the run has committed.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = staged_path(path, self._key)
        write(staged)
        measured = Artifact.of(staged)
        artifact = replace(measured, path=path)
        self._outputs.append((staged, artifact))
        return artifact

    def external(self, artifact: Artifact) -> None:
        """Record something that came from outside and need not stay on disk, such as a download."""
        self._external.append(artifact)

    def picture(self, name: str, figure: "Figure") -> None:
        """Show a figure in the MLflow UI."""
        self._mlflow.log_figure(figure, name)

    def page(self, name: str, text: str) -> None:
        """Show a text or HTML page in the MLflow UI."""
        self._mlflow.log_text(text, name)

    def attach(self, path: Path, under: str) -> None:
        """Copy a file, or what is in a folder, into the run's MLflow artifacts."""
        log = self._mlflow.log_artifacts if path.is_dir() else self._mlflow.log_artifact
        log(str(path), under)

    def tag(self, key: str, value: str) -> None:
        self._mlflow.set_tag(key, value)

    def dataset(self, *, name: str, digest: str, frame: "pd.DataFrame", context: str) -> None:
        """Name a data set that the run read or made; `context` says what for, such as "train"."""
        # MLflow keeps 36 characters of a digest; the whole one is in the provenance entry.
        with warnings.catch_warnings():
            # A hint about integer columns in serving; this schema only describes what was read.
            warnings.filterwarnings("ignore", message="Hint: Inferred schema contains integer")
            data = self._mlflow.data.from_pandas(frame, name=name, digest=digest[:36])
            self._mlflow.log_input(data, context=context)

    @property
    def outputs(self) -> list[tuple[Path, Artifact]]:
        """Staged path and artifact of everything published so far."""
        return list(self._outputs)

    def records(self) -> list[dict[str, Any]]:
        """The artifacts as the provenance entry lists them."""
        made = [record(self.workspace, artifact) for _, artifact in self._outputs]
        return made + [
            {**record(self.workspace, artifact), "kept": False} for artifact in self._external
        ]

    def figures(self) -> dict[str, str]:
        """The summary as decimal text: canonical JSON has no NaN, and 0.1 shall stay 0.1."""
        return {name: repr(float(value)) for name, value in sorted(self._summary.items())}


@contextmanager
def tracked_run(
    stage: str,
    params: BaseModel,
    *,
    inputs: Sequence[Artifact] = (),
    workspace: Workspace,
) -> Iterator[TrackedRun]:
    """Run a step under MLflow and anchor what it made; see the module's text.

    Args:
        stage: name of the stage, as in dvc.yaml.
        params: its section of params.yaml.
        inputs: what it reads; each must be an artifact that the log knows.
        workspace: where everything lives.

    Raises:
        TamperedError: an input is not what the log knows under that path.
        CairnError: the disk is full; nothing was published.
    """
    log = Log.open(workspace.provenance)
    sources = [input_record(workspace, log, artifact) for artifact in inputs]
    mlflow = connect(workspace)
    _refuse_open_run(mlflow)
    mlflow.set_system_metrics_sampling_interval(5)
    key = uuid.uuid4().hex
    journal = Journal(workspace.mlruns / "journal" / f"{key}.json", "", stage, os.getpid()).write()
    tags = _tags(mlflow, stage, key, log)
    started = mlflow.start_run(run_name=stage, tags=tags, log_system_metrics=True)
    run = TrackedRun(workspace, mlflow, started.info.run_id, key)
    try:
        journal = journal.write(run=run.run_id)
        mlflow.log_params(flat(params))
        for source in sources:
            mlflow.set_tag(f"input.{source['path']}", source["blake3"])
        yield run
        body = run_body(
            stage,
            run.run_id,
            params,
            artifacts=run.records(),
            inputs=sources,
            metrics=run.figures(),
            workspace=workspace,
        )
        body |= run.notes
        moves = [(str(staged), str(artifact.path)) for staged, artifact in run.outputs]
        journal = journal.write(body=body, moves=moves)
        for _, artifact in run.outputs:
            log.keep(artifact)  # lets `verify` name the very file that changes in a folder
        entry = log.append(body)  # from here on the run has happened
    except BaseException as error:
        if log.find(run.run_id) is None:  # else: interrupted after the commit, recovery finishes it
            _undo(log, journal, error, workspace)
            # Prefect turns a SIGTERM into an exception of its own that is no Exception.
            mlflow.end_run("FAILED" if isinstance(error, Exception) else "KILLED")
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise CairnError(
                f"the disk is full ({error.filename or workspace.root}): stage {stage} published "
                "nothing; free some space and run again"
            ) from error
        raise
    finish(mlflow, journal, entry)


def finish(mlflow: ModuleType, journal: Journal, entry: Entry) -> None:
    """The second half of a commit: files into place, MLflow run closed, journal gone."""
    journal.carry_out()
    client = mlflow.MlflowClient()
    client.set_tag(journal.run, "provenance.entry", str(entry.seq))
    client.set_tag(journal.run, "provenance.hash", entry.hash)
    for made in entry.body["artifacts"]:
        client.set_tag(journal.run, f"output.{made['path']}", made["blake3"])
    if mlflow.active_run() is not None:
        mlflow.end_run("FINISHED")
    else:
        client.set_terminated(journal.run, "FINISHED")
    journal.discard()


def _undo(log: Log, journal: Journal, error: BaseException, workspace: Workspace) -> None:
    for path in leftovers(workspace):
        remove(path)
    text = f"{type(error).__name__}: {error}"
    # Surrogates and endless texts come from file names and libraries; the log takes neither.
    text = text.encode("utf-8", "replace").decode("utf-8")[:2000]
    try:
        log.append(failure_body(journal.stage, journal.run, text))
    except OSError as cause:
        # On a full disk the log cannot grow: the journal stays, and recovery logs it later.
        say(f"the failure could not be logged yet ({cause}); the next run will")
        return
    journal.discard()


def _tags(mlflow: ModuleType, stage: str, key: str, log: Log) -> dict[str, str]:
    tags = {"dvc.stage": stage, "cairn.key": key, "cairn.log": log.origin}
    tags |= attempt_tags(mlflow)
    if os.environ.get(PIPELINE):
        tags["cairn.pipeline"] = os.environ[PIPELINE]
    return tags


def _refuse_open_run(mlflow: ModuleType) -> None:
    """MLflow's active run is thread-local: one left open here would swallow our figures."""
    if (other := mlflow.active_run()) is not None:
        raise CairnError(
            f"MLflow run {other.info.run_id} is still open in this thread: end it first"
        )
