"""The promises of the README, on the whole project: real stages, real servers, artificial data."""

import json

import pytest

from tests.project.conftest import Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def outcomes(project: Project, *options: str) -> dict[str, str]:
    done = project.run("cairn", "run", "--json", *options)
    assert done.returncode == 0, done.stderr
    return {row["stage"]: row["outcome"] for row in json.loads(done.stdout)["rows"]}


def digest(project: Project) -> str:
    from provenance import Artifact

    return Artifact.of(project.root / "mlruns/stages/train/model.safetensors").digest


def test_first_run_ends_in_a_verified_model(project):
    first = (project.root.parent / "first.txt").read_text(encoding="utf-8")
    assert digest(project)[:12] in first
    report = project.run("cairn", "verify", "--json")
    assert report.returncode == 0, report.stdout
    assert json.loads(report.stdout)["ok"] is True


def test_second_run_has_nothing_to_do(project):
    done = project.run("cairn", "run")
    assert done.returncode == 0
    assert "up to date" in done.stdout
    assert set(outcomes(project).values()) == {"skipped"}


def test_dvc_alone_has_nothing_to_do(project):
    done = project.run("dvc", "repro")
    assert done.returncode == 0, done.stderr
    assert "Data and pipelines are up to date." in done.stdout


def test_one_parameter_runs_only_what_depends_on_it(project):
    project.change("release.promotion.seed", 8)
    assert outcomes(project) == {
        "ingest": "skipped",
        "validate": "skipped",
        "train": "skipped",
        "search": "skipped",
        "compress": "skipped",
        "federate": "skipped",
        "quantum": "skipped",
        "release": "ran",
    }


def test_same_parameters_same_bytes(project):
    """With a value changed and changed back, so that every stage from training on ran twice."""
    before = digest(project)
    project.change("train.epochs", 1)
    assert outcomes(project)["train"] == "ran"
    assert digest(project) != before
    project.change("train.epochs", 2)
    assert outcomes(project)["train"] == "ran"
    assert digest(project) == before


def test_tampered_model_stops_everything(project):
    model = project.root / "mlruns/stages/train/model.safetensors"
    honest = model.read_bytes()
    model.write_bytes(honest[:-1] + bytes([honest[-1] ^ 1]))
    try:
        checked = project.run("cairn", "verify")
        assert checked.returncode == 1
        assert "mlruns/stages/train/model.safetensors" in checked.stdout
        run = project.run("cairn", "run")
        assert run.returncode == 1
        assert "mlruns/stages/train/model.safetensors" in run.stderr
        assert "--force train" in run.stderr
    finally:
        model.write_bytes(honest)
    assert project.run("cairn", "verify").returncode == 0


def test_tampered_log_stops_everything(project):
    log = project.root / ".provenance" / "entries.jsonl"
    honest = log.read_bytes()
    log.write_bytes(honest.replace(b'"stage":"ingest"', b'"stage":"INGEST"', 1))
    try:
        checked = project.run("cairn", "verify")
        assert checked.returncode == 1
        assert "LOG_ENTRY_CHANGED" in checked.stdout
        run = project.run("cairn", "run")
        assert run.returncode == 1
        assert len(run.stderr.strip().splitlines()) == 1
    finally:
        log.write_bytes(honest)


def test_typo_in_a_parameter_is_one_line(project):
    path = project.root / "params.yaml"
    honest = path.read_text(encoding="utf-8")
    path.write_text(honest.replace("epochs:", "epoch:", 1), encoding="utf-8")
    try:
        run = project.run("cairn", "run")
        assert run.returncode == 2
        assert "unknown key `train.epoch`" in run.stderr
    finally:
        path.write_text(honest, encoding="utf-8")


def test_answer_of_the_champion(project):
    done = project.run("cairn", "predict", "--caption", "seven", "--json")
    assert done.returncode == 0, done.stderr
    assert "seven" in done.stdout
