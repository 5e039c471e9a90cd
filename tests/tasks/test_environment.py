"""What a run records of its code: git is the judge."""

import subprocess

import pytest

from tasks.environment import code_state
from tasks.workspace import Workspace


@pytest.fixture
def checkout(workspace: Workspace) -> Workspace:
    git = ["git", "-C", str(workspace.root), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    for name in ("params.yaml", "policy.yaml", "dvc.lock", "code.py"):
        (workspace.root / name).write_text("a: 1\n", encoding="utf-8")
    subprocess.run([*git, "add", "params.yaml", "policy.yaml", "dvc.lock", "code.py"], check=True)
    subprocess.run([*git, "commit", "-qm", "A checkout"], check=True)
    return workspace


@pytest.mark.parametrize(
    ("name", "dirty"),
    [("code.py", True), ("params.yaml", False), ("policy.yaml", False), ("dvc.lock", False)],
)
def test_only_code_makes_a_tree_dirty(checkout: Workspace, name: str, dirty: bool) -> None:
    assert code_state(checkout)["dirty"] is False
    (checkout.root / name).write_text("a: 2\n", encoding="utf-8")
    state = code_state(checkout)
    head = ["git", "-C", str(checkout.root), "rev-parse", "HEAD"]
    commit = subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()
    assert state == {"git": commit, "dirty": dirty}


def test_no_checkout(workspace: Workspace) -> None:
    assert code_state(workspace) == {"git": "absent", "dirty": False}
