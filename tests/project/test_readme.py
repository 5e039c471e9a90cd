"""The command lines of the README and the docs run as they stand there."""

import re
import shlex
import signal
import subprocess
import time

import pytest

from tests.project.conftest import PROJECT, Project

DOCS = PROJECT / "docs"
SERVERS = {"ui", "schedule"}
SECONDS_TO_COME_UP = 240.0


PAGES = (
    "README.md",
    "docs/anchors.md",
    "docs/audit.md",
    "docs/compression.md",
    "docs/federated.md",
    "docs/quantum.md",
)


def command_lines() -> list[str]:
    text = "\n".join((PROJECT / page).read_text(encoding="utf-8") for page in PAGES)
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    return list(dict.fromkeys(line for block in blocks for line in block.splitlines() if line))


def test_makefile_runs_cairn():
    """`make run` is `cairn run` after an installation; the latter is what the tests below run."""
    rule = (PROJECT / "Makefile").read_text(encoding="utf-8").split("run: $(STAMP)")[1]
    assert rule.splitlines()[1].strip() == "@$(BIN)/cairn run"


@pytest.mark.parametrize("page", ["README.md", *sorted(p.name for p in DOCS.glob("*.md"))])
def test_page_names_existing_files(page: str):
    path = PROJECT / page if page == "README.md" else DOCS / page
    targets = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("line", command_lines())
def test_command_line_of_the_readme(project: Project, line: str):
    command = shlex.split(line)
    if command == ["make", "run"]:
        command = ["cairn", "run"]
    if command[:2] == ["cairn", "compare"]:
        project.run("cairn", "run", "--force", "train")  # a second run to compare with
    if command[1] not in SERVERS:
        done = project.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return
    server = project.start(*command, errors=subprocess.STDOUT)
    assert server.stdout is not None
    until = time.monotonic() + SECONDS_TO_COME_UP
    said = ""
    while "Ctrl-C stops" not in said and time.monotonic() < until and server.poll() is None:
        said += server.stdout.readline()
    server.send_signal(signal.SIGINT)
    rest, _ = server.communicate(timeout=SECONDS_TO_COME_UP)
    assert "127.0.0.1" in said, said + rest
    assert server.returncode == 0, said + rest
