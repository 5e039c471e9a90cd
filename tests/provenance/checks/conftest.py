"""A released model with its statements, in a git repository whose commit its runs name."""

import subprocess
from pathlib import Path

import pytest

from provenance.checks import ModelReport, verify_model
from provenance.checks.case import Case, open_case
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.releases import Release
from tests.provenance.conftest import Bench, bench
from tests.provenance.statements.released import Released, make_release

__all__ = ["bench"]


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(root)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def commit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> str:
    """The workspace becomes a git repository; its one commit is what runs name from here on."""
    git(bench.root, "init", "-q")
    git(bench.root, "commit", "-q", "--allow-empty", "-m", "one")
    made = git(bench.root, "rev-parse", "HEAD")
    monkeypatch.setattr("tests.provenance.statements.released.COMMIT", made)
    return made


@pytest.fixture
def released(bench: Bench, commit: str) -> Released:
    made = make_release(bench)
    made.write()
    return made


def judge(made: Released) -> ModelReport:
    """What services and the release stage ask."""
    return verify_model(made.log, made.bench.root, Release.of(made.entry.body))


def case_of(made: Released) -> Case:
    return open_case(Layout(made.bench.folder), KeyStore(made.bench.keys))
