"""Two files with one MD5: the real dvc takes one for the other, the log does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from provenance import Reason

from .conftest import Bench

# X. Wang, D. Feng, X. Lai, H. Yu: Collisions for Hash Functions MD4, MD5, HAVAL-128 and RIPEMD,
# Cryptology ePrint Archive 2004/199: two messages of 128 bytes. Six bytes differ, by one bit each.
FIRST = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f89"
    "55ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b"
    "d8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
    "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
)
SECOND = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab50712467eab4004583eb8fb7f89"
    "55ad340609f4b30283e4888325f1415a085125e8f7cdc99fd91dbd7280373c5b"
    "d8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0"
    "e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70"
)
WEIGHTS = b"shared weights " * 1000
"""MD5 works block by block: the same bytes after a collision keep it."""

UP_TO_DATE = "Data and pipelines are up to date."


def dvc(root: Path, *words: str) -> str:
    """The output of the installed dvc, without telemetry and without this machine's settings."""
    home = root.parent / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        cwd=root,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "DVC_NO_ANALYTICS": "1"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout.strip()


@pytest.mark.slow  # starts dvc five times
def test_attack_26_a_substitute_with_the_same_md5(bench: Bench) -> None:
    model = bench.root / "model.bin"
    dvc(bench.root, "init", "--no-scm", "-q")
    model.write_bytes(FIRST + WEIGHTS)
    dvc(bench.root, "add", "-q", "model.bin")
    bench.log_run("train", bench.record("model.bin"))
    assert bench.verify().ok

    model.unlink()
    model.write_bytes(b"\0" * 128 + WEIGHTS)
    assert "modified" in dvc(bench.root, "status"), "dvc does look at the file"
    assert bench.verify().exit_code == 1

    model.unlink()
    model.write_bytes(SECOND + WEIGHTS)
    assert dvc(bench.root, "status") == UP_TO_DATE
    finding = bench.verify().first
    assert finding is not None
    assert (finding.reason, finding.path) == (Reason.ARTIFACT_CHANGED, "model.bin")
    # dvc names content by MD5: adding the substitute gives the very name of the honest file.
    before = (bench.root / "model.bin.dvc").read_text()
    dvc(bench.root, "add", "-q", "model.bin")
    assert (bench.root / "model.bin.dvc").read_text() == before


def test_attack_26_without_dvc(bench: Bench) -> None:
    model = bench.root / "model.bin"
    model.write_bytes(FIRST + WEIGHTS)
    bench.log_run("train", bench.record("model.bin"))
    model.write_bytes(SECOND + WEIGHTS)
    finding = bench.verify().first
    assert finding is not None
    assert (finding.reason, finding.path) == (Reason.ARTIFACT_CHANGED, "model.bin")
