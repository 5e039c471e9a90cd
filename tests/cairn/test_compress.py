"""`cairn compress` on a family that was written by hand: what is shown, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cairn.compress import compress
from tasks.errors import InputError
from tasks.params.base import Section
from tasks.tracked import tracked_run
from tasks.workspace import Workspace

POINT = {
    "name": "level light",
    "digest": "0" * 64,
    "bytes": 8e6,
    "latency_ms": 4.0,
    "memory_bytes": 120e6,
    "loss": 0.01,
    "machine": "x86_64-avx2-2",
}
MEMBERS: dict[str, Any] = {
    "phone": {"alias": "int4", "shipped": True, "level": "light", "point": POINT, "refusal": None},
    "watch": {
        "alias": "tiny",
        "shipped": False,
        "level": None,
        "point": POINT,
        "refusal": "no deployable keeps to 1 MB: the closest is level light",
    },
}


class Nothing(Section):
    pass


@pytest.fixture
def family(workspace: Workspace) -> Workspace:
    def write(path: Path) -> None:
        path.mkdir()
        (path / "family.json").write_text(json.dumps({"members": MEMBERS}))

    with tracked_run("compress", Nothing(), workspace=workspace) as run:
        run.publish(workspace.stage("compress") / "family", write)
    return workspace


def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(compress)
    return made


def test_the_family_is_shown_with_what_did_not_ship(family: Workspace) -> None:
    found = CliRunner().invoke(app(), ["--json"], catch_exceptions=False)
    assert json.loads(found.stdout) == MEMBERS
    shown = CliRunner().invoke(app(), [], catch_exceptions=False).stdout
    assert "champion-int4" in shown
    assert "nothing" in shown


def test_before_the_stage_ran_the_error_says_what_to_do(workspace: Workspace) -> None:
    with pytest.raises(InputError, match=r"compress/family does not exist.*cairn run"):
        CliRunner().invoke(app(), [], catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--budget", "8 parsecs"], r"'8 parsecs': give a size such as 8MB"),
        (["--latency", "fast"], r"'fast': give a time such as 5ms"),
        (["--budget", "8MB", "--output", "/tmp/elsewhere"], r"outside"),
    ],
)
def test_bad_limits_name_what_is_allowed(
    family: Workspace, arguments: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        CliRunner().invoke(app(), arguments, catch_exceptions=False)


def test_a_loss_beyond_one_is_a_usage_error(family: Workspace) -> None:
    found = CliRunner().invoke(app(), ["--budget", "8MB", "--max-drop", "2"])
    assert found.exit_code == 2
