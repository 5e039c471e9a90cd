"""MLflow run, files and log entry are written together, or none of them."""

import errno
import os
import subprocess
import sys

import mlflow
import pytest

from provenance import Artifact, Log, TamperedError
from tasks.errors import BusyError, CairnError, InputError
from tasks.params.base import Section
from tasks.tracked import tracked_run
from tasks.tracking import NEW_DATABASE, connect
from tasks.upstream import upstream


class Inner(Section):
    width: int


class Settings(Section):
    seed: int
    model: Inner


PARAMS = Settings(seed=7, model=Inner(width=3))


def publish_text(workspace, text, stage="first", inputs=()):
    with tracked_run(stage, PARAMS, inputs=inputs, workspace=workspace) as run:
        run.metrics({"loss": 0.5}, step=1)
        run.summary({"accuracy": 0.1})
        made = run.publish(workspace.stage(stage) / "out.txt", lambda path: path.write_text(text))
    return run, made


def test_run_file_and_entry_are_there_together(workspace):
    run, made = publish_text(workspace, "hello")
    assert made.path.read_text() == "hello"
    assert made.verified() == made.path
    entry = Log.open(workspace.provenance).find(run.run_id)
    assert entry.body["kind"] == "run"
    assert entry.body["artifacts"] == [
        {"path": "mlruns/stages/first/out.txt", "blake3": made.digest, "size": 5}
    ]
    assert entry.body["metrics"] == {"accuracy": "0.1"}
    assert entry.body["params"] == {"seed": 7, "model": {"width": 3}}
    tracked = mlflow.MlflowClient().get_run(run.run_id)
    assert tracked.info.status == "FINISHED"
    assert tracked.data.params == {"seed": "7", "model.width": "3"}
    assert tracked.data.metrics["accuracy"] == 0.1
    assert tracked.data.tags["provenance.entry"] == str(entry.seq)
    assert tracked.data.tags["output.mlruns/stages/first/out.txt"] == made.digest
    assert list((workspace.mlruns / "journal").iterdir()) == []


def test_input_is_recorded_with_the_entry_that_made_it(workspace):
    first, made = publish_text(workspace, "hello")
    second, _ = publish_text(workspace, "bye", stage="second", inputs=[made])
    log = Log.open(workspace.provenance)
    assert log.find(second.run_id).body["inputs"] == [
        {
            "entry": log.find(first.run_id).seq,
            "path": "mlruns/stages/first/out.txt",
            "blake3": made.digest,
        }
    ]


def test_input_that_was_never_logged_is_refused(workspace):
    stranger = workspace.root / "stranger.txt"
    stranger.write_text("x")
    with pytest.raises(CairnError, match=r"stranger.txt .* is not in the provenance log"):
        publish_text(workspace, "bye", inputs=[Artifact.of(stranger)])


def test_download_is_recorded_but_need_not_stay(workspace, tmp_path):
    download = tmp_path / "package.deb"
    download.write_bytes(b"data")
    with tracked_run("first", PARAMS, workspace=workspace) as run:
        run.external(Artifact.of(download))
    (record,) = Log.open(workspace.provenance).find(run.run_id).body["artifacts"]
    assert record["path"] == "package.deb"
    assert record["kept"] is False


def test_failed_run_publishes_nothing_and_is_recorded(workspace):
    publish_text(workspace, "the one before")
    runs = []

    def fail():
        with tracked_run("first", PARAMS, workspace=workspace) as run:
            runs.append(run)
            run.publish(workspace.stage("first") / "out.txt", lambda path: path.write_text("half"))
            raise ZeroDivisionError("by \udcff zero")

    with pytest.raises(ZeroDivisionError):
        fail()
    (run,) = runs
    assert (workspace.stage("first") / "out.txt").read_text() == "the one before"
    assert [path.name for path in workspace.stage("first").iterdir()] == ["out.txt"]
    assert mlflow.MlflowClient().get_run(run.run_id).info.status == "FAILED"
    log = Log.open(workspace.provenance)
    assert log.find(run.run_id) is None
    failure = log.find(f"failure-{run.run_id}")
    assert failure.body["error"] == "ZeroDivisionError: by ? zero"


def test_interrupted_run_is_shown_as_killed(workspace):
    with pytest.raises(KeyboardInterrupt), tracked_run("first", PARAMS, workspace=workspace) as run:
        raise KeyboardInterrupt
    assert mlflow.MlflowClient().get_run(run.run_id).info.status == "KILLED"


def test_full_disk_is_one_clear_error(workspace):
    with (
        pytest.raises(
            CairnError, match=r"the disk is full \(big.bin\): stage first published nothing"
        ),
        tracked_run("first", PARAMS, workspace=workspace),
    ):
        raise OSError(errno.ENOSPC, "No space left on device", "big.bin")


def test_folder_output_replaces_the_old_one(workspace):
    def write(names):
        def inside(path):
            path.mkdir()
            for name in names:
                (path / name).write_text(name)

        return inside

    for names in (["a", "b"], ["c"]):
        with tracked_run("first", PARAMS, workspace=workspace) as run:
            folder = run.publish(workspace.media, write(names))
    assert [path.name for path in workspace.media.iterdir()] == ["c"]
    assert folder.verified() == workspace.media
    assert [path.name for path in workspace.data.iterdir()] == ["media"]


def test_second_run_in_the_same_thread_is_refused(workspace):
    with (
        tracked_run("first", PARAMS, workspace=workspace),
        pytest.raises(CairnError, match="is still open in this thread"),
        tracked_run("second", PARAMS, workspace=workspace),
    ):
        pass


def test_figures_and_files_reach_mlflow(workspace, tmp_path):
    import pandas as pd
    from matplotlib.figure import Figure

    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.html").write_text("<p>hello</p>")
    with tracked_run("first", PARAMS, workspace=workspace) as run:
        run.picture("figure.png", Figure())
        run.page("page.html", "<p>page</p>")
        run.attach(tmp_path / "docs", "docs")
        run.attach(tmp_path / "docs" / "index.html", "one")
        run.tag("colour", "red")
        run.dataset(name="d", digest="0" * 64, frame=pd.DataFrame({"x": [1]}), context="train")
    client = mlflow.MlflowClient()
    names = {item.path for item in client.list_artifacts(run.run_id)}
    assert {"figure.png", "page.html", "docs", "one"} <= names
    tracked = client.get_run(run.run_id)
    assert tracked.data.tags["colour"] == "red"
    assert tracked.inputs.dataset_inputs[0].dataset.digest == "0" * 36


class TestUpstream:
    def test_logged_bytes_pass(self, workspace):
        _, made = publish_text(workspace, "hello")
        assert upstream(workspace, made.path) == made

    def test_older_logged_bytes_pass(self, workspace):
        """DVC may check out an earlier version: it is one that the log knows."""
        _, old = publish_text(workspace, "hello")
        publish_text(workspace, "newer")
        old.path.write_text("hello")
        assert upstream(workspace, old.path).digest == old.digest

    def test_tampered_bytes_are_refused(self, workspace):
        _, made = publish_text(workspace, "hello")
        made.path.write_text("hullo")
        expected = (
            rf"out.txt: expected blake3 {made.digest[:8]}\.\.\. \(entry 0\), found [0-9a-f]{{8}}"
            r"\.\.\.; .*`cairn run --force first`"
        )
        with pytest.raises(TamperedError, match=expected):
            upstream(workspace, made.path)

    def test_missing_file_says_what_to_do(self, workspace):
        with pytest.raises(InputError, match=r"manifest.parquet does not exist: run the stage"):
            upstream(workspace, workspace.manifest)

    def test_file_that_no_stage_made_is_refused(self, workspace):
        workspace.data.mkdir()
        workspace.manifest.write_text("x")
        with pytest.raises(InputError, match="was not made by a stage"):
            upstream(workspace, workspace.manifest)


class TestTrackingDatabase:
    def test_missing_database_is_told_when_the_log_knows_runs(self, workspace):
        publish_text(workspace, "hello")
        (workspace.mlruns / "mlflow.db").rename(workspace.root / "copy.db")
        with pytest.raises(InputError, match=r"mlflow.db is missing, but the log holds 1 runs"):
            connect(workspace)

    @pytest.mark.slow
    def test_tracking_starts_anew_where_that_is_said(self, workspace):
        """In a process of its own: MLflow keeps the first database of a process open."""
        publish_text(workspace, "hello")
        database = workspace.mlruns / "mlflow.db"
        database.unlink()
        code = "from tasks import tracking, workspace; tracking.connect(workspace.Workspace.here())"
        environment = {**os.environ, NEW_DATABASE: "1"}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
        assert database.exists()

    def test_locked_database_is_told(self, workspace, monkeypatch):
        import sqlite3

        monkeypatch.setattr("tasks.tracking.PATIENCE_SECONDS", 0.1)
        holder = sqlite3.connect(workspace.mlruns / "mlflow.db")
        holder.execute("BEGIN EXCLUSIVE")
        try:
            with pytest.raises(BusyError, match=r"mlflow.db: database is locked; another process"):
                connect(workspace)
        finally:
            holder.close()

    def test_broken_database_is_told_and_kept(self, workspace):
        database = workspace.mlruns / "mlflow.db"
        database.write_bytes(b"this is no database" * 100)
        with pytest.raises(InputError, match="not a usable database"):
            connect(workspace)
        assert database.read_bytes().startswith(b"this is no database")
