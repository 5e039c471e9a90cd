"""The two questions that take minutes, asked of the whole project with real stages."""

import json

import pytest

from tests.project.conftest import Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_six_answers_about_the_released_model(project: Project) -> None:
    project.run("cairn", "run")
    done = project.run("cairn", "verify", "cairn-stamps", "--six", "--json")
    told = json.loads(done.stdout)
    assert {one["category"]: one["outcome"] for one in told["verdicts"]} == dict.fromkeys(
        (one["category"] for one in told["verdicts"]), "pass"
    ), done.stdout
    assert done.returncode == 0


def test_every_stage_comes_out_again(project: Project) -> None:
    done = project.run("cairn", "verify", "cairn-stamps", "--reproduce", "--stage", "all", "--json")
    verdict = json.loads(done.stdout)["verdicts"][-1]
    assert verdict["outcome"] == "pass", done.stdout
    assert "ingest, validate, train ran again with the same outputs" in verdict["message"]
