"""Heads remembered outside the log; git itself is asked what the notes hold."""

import shutil
import subprocess
from pathlib import Path

import pytest

from provenance import Log, Reason, verify
from provenance.checks.case import open_case
from provenance.checks.verdict import Category
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.seen import Seen
from provenance.witness import (
    GitNoteWitness,
    Witness,
    WitnessError,
    recall_all,
    tell_all,
)

from .conftest import Bench


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(root)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit, away from the log."""
    root = tmp_path / "code"
    root.mkdir()
    git(root, "init", "-q")
    git(root, "commit", "-q", "--allow-empty", "-m", "one")
    return root


def forget(bench: Bench) -> None:
    """What an attacker with the user's own account does to the pins."""
    shutil.rmtree(bench.keys / "pins")


def check(bench: Bench, *witnesses: Witness) -> tuple[Reason, str] | None:
    origin = bench.checkpoint.read_text().split("\n")[0]
    report = verify(bench.folder, bench.root, seen=recall_all(witnesses, origin))
    return None if report.first is None else (report.first.reason, report.first.message)


def test_a_note_holds_the_head_and_git_can_show_it(
    bench: Bench, log: Log, repository: Path
) -> None:
    witness = GitNoteWitness(repository)
    head = log.head().checkpoint
    assert witness.recall(head.origin) == []
    assert tell_all([witness], head) == []
    assert tell_all([witness], head) == []  # twice is once
    noted = git(repository, "notes", "--ref=cairn-provenance", "show", "HEAD")
    assert noted.split() == head.text().split()
    commit = git(repository, "rev-parse", "HEAD").strip()
    assert witness.recall(head.origin) == [Seen(head, f"git note on {commit[:12]}")]
    assert witness.recall("cairn-provenance/blake3/" + "0" * 32) == []


@pytest.mark.parametrize("memory", ["pin", "git note"])
def test_attack_10_everything_rolled_back(
    bench: Bench, log: Log, repository: Path, memory: str
) -> None:
    note = GitNoteWitness(repository)
    old = bench.snapshot()
    log.append({"kind": "run", "id": "r6"})
    tell_all([note], log.head().checkpoint)
    bench.restore(old)
    if memory == "pin":
        assert check(bench) == (
            Reason.ROLLED_BACK,
            "the log holds 6 entries, but 7 were seen before: it was rolled back; restore its "
            "folder from a copy",
        )
        return
    forget(bench)
    assert check(bench) is None  # alone, a log that was rolled back as a whole is right in itself
    forget(bench)
    refused = check(bench, note)
    assert refused is not None
    assert refused[0] is Reason.ROLLED_BACK
    assert "7 were seen before (git note on " in refused[1]


def test_attack_09_only_the_checkpoint_rolled_back(
    bench: Bench, log: Log, repository: Path
) -> None:
    note = GitNoteWitness(repository)
    old = bench.checkpoint.read_bytes()
    log.append({"kind": "run", "id": "r6"})
    tell_all([note], log.head().checkpoint)
    bench.checkpoint.write_bytes(old)
    (bench.folder / "state.json").unlink()  # the log's own memory
    forget(bench)
    refused = check(bench, note)
    assert refused is not None
    assert refused[0] is Reason.ROLLED_BACK


def test_attack_13_a_split_view_prints_both_heads(bench: Bench, log: Log, repository: Path) -> None:
    note = GitNoteWitness(repository)
    old = bench.snapshot()
    log.append({"kind": "run", "id": "one"})
    first = log.head().checkpoint
    tell_all([note], first)
    bench.restore(old)
    forget(bench)
    bench.open().append({"kind": "run", "id": "two"})
    second = bench.open().head().checkpoint
    case = open_case(Layout(bench.folder), KeyStore(bench.keys), recall_all([note], first.origin))
    verdict = case.refused(Category.AUTHENTICITY)
    assert verdict.reason is Reason.HISTORY_REWRITTEN
    evidence = "\n".join(verdict.evidence)
    assert f"this log's signed head: 7 entries, root {second.root.hex()}" in evidence
    assert f"7 entries, root {first.root.hex()}" in evidence
    assert "git note on" in evidence
    assert case.refused(Category.INTEGRITY).reason is Reason.CANNOT_CHECK


def test_attack_14_a_history_rewritten_with_the_stolen_key(
    bench: Bench, log: Log, repository: Path
) -> None:
    """The thief has the key store too: the pins are what suits him, only the witness is not."""
    note = GitNoteWitness(repository)
    tell_all([note], log.head().checkpoint)
    origin = log.origin
    shutil.rmtree(bench.folder)
    shutil.rmtree(bench.keys / "pins")
    shutil.rmtree(bench.keys / "places")
    rewrite_from_nothing(bench, origin, 9)
    assert check(bench) is None  # alone it is right in itself, and signed with the true key
    refused = check(bench, note)
    assert refused is not None
    assert refused[0] is Reason.HISTORY_REWRITTEN
    assert "git note on" in refused[1]


def rewrite_from_nothing(bench: Bench, origin: str, size: int) -> None:
    """A new log under an old origin, as the holder of the key can make it."""
    from provenance.writer import begin

    layout, store = Layout(bench.folder), KeyStore(bench.keys)
    layout.folder.mkdir()
    begin(layout, origin, store.signers(origin))
    bench.open().append_many([{"kind": "run", "id": f"other{i}"} for i in range(size)])


def test_a_witness_that_was_scribbled_on_is_no_consent(log: Log, repository: Path) -> None:
    witness = GitNoteWitness(repository)
    tell_all([witness], log.head().checkpoint)
    git(repository, "notes", "--ref=cairn-provenance", "append", "-m", "all is well", "HEAD")
    with pytest.raises(WitnessError, match="'all is well' is no head of a log"):
        witness.recall(log.origin)


def test_outside_a_repository(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    witness = GitNoteWitness(tmp_path)
    assert witness.recall(log.origin) == []
    [note] = tell_all([witness], log.head().checkpoint)
    assert "git note does not remember this head" in note
    assert "leave out --git-note" in note
