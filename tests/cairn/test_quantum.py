"""`cairn quantum verdict` says what the stage wrote, and nothing that was changed since."""

import json
import subprocess
import sys

import pytest
from pydantic import BaseModel

from tasks.tracked import tracked_run

COMMAND = "import sys; sys.argv[0] = 'cairn'; from cairn.cli import main; main()"
CONTRAST = {
    "against": "mlp",
    "role": "classical",
    "difference": 0.003,
    "low": -0.009,
    "high": 0.014,
    "effect": 0.2,
    "p_value": 0.28,
    "adjusted": 0.56,
}
TOLD = {"gain": False, "sentence": "no gain over the best", "contrasts": [CONTRAST]}


class Nothing(BaseModel):
    """A section without settings."""


def cairn(*words):
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *words], capture_output=True, text=True, timeout=300
    )


@pytest.fixture
def verdict(workspace):
    path = workspace.stage("quantum") / "verdict.json"
    with tracked_run("quantum", Nothing(), workspace=workspace) as run:
        run.publish(path, lambda made: made.write_text(json.dumps(TOLD)) and None)
    return path


def test_the_verdict_is_a_table_and_a_sentence(verdict):
    done = cairn("quantum", "verdict")
    assert done.returncode == 0, done.stderr
    assert "+0.3" in done.stdout
    assert "-0.9 to 1.4" in done.stdout
    assert "no gain over the best" in done.stdout.splitlines()[-1]
    assert json.loads(cairn("quantum", "verdict", "--json").stdout) == TOLD
    verdict.write_text(json.dumps({**TOLD, "gain": True}))
    changed = cairn("quantum", "verdict")
    assert changed.returncode != 0
    assert "changed after it was logged" in changed.stderr


def test_without_a_run_it_says_what_to_do(workspace):
    del workspace
    done = cairn("quantum", "verdict")
    assert done.returncode == 2
    assert "run the stage that makes it first" in done.stderr
