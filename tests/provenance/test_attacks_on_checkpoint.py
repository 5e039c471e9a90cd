"""Checkpoints that were edited, stripped, forged or taken from elsewhere."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance import Log, LogError, Reason
from provenance.checkpoint import Checkpoint
from provenance.ed25519 import Ed25519Signer
from provenance.note import sign_note
from provenance.tree import root_of

from .attack import rechain, refused, refuses_to_append, sign_again
from .conftest import Bench


@pytest.mark.parametrize("size", ["7", "5", "06", "-6", "9" * 1000])
def test_attack_16_an_edited_size(bench: Bench, log: Log, size: str) -> None:
    text = bench.checkpoint.read_text()
    bench.checkpoint.write_text(text.replace("\n6\n", f"\n{size}\n"))
    refused(bench, Reason.BAD_SIGNATURE, "does not fit the signed text")
    refuses_to_append(bench)


@pytest.mark.parametrize("size", ["06", "-6", "9" * 1000, "6 ", ""])
def test_attack_16_a_size_that_is_none_even_if_signed(bench: Bench, log: Log, size: str) -> None:
    text = bench.checkpoint.read_text().split("\n\n")[0] + "\n"
    sign_again(bench, text.replace("\n6\n", f"\n{size}\n"))
    refused(bench, Reason.BAD_CHECKPOINT, "size")


def test_attack_20_an_extension_line_even_if_signed(bench: Bench, log: Log) -> None:
    sign_again(bench, bench.checkpoint.read_text().split("\n\n")[0] + "\nmore\n")
    refused(bench, Reason.BAD_CHECKPOINT, "has 4 lines, 3 are expected")


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: data.split("\u2014".encode())[0],
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data + b"x" * (1 << 16),
        lambda _: b"",
        lambda data: b"\x00" * len(data),
    ],
    ids=["signatures stripped", "CRLF", "too long", "empty", "zeros"],
)
def test_attack_20_a_checkpoint_that_is_no_note(
    bench: Bench, log: Log, edit: Callable[[bytes], bytes]
) -> None:
    bench.checkpoint.write_bytes(edit(bench.checkpoint.read_bytes()))
    refused(bench, Reason.BAD_CHECKPOINT, "malformed signed note")
    refuses_to_append(bench)


def test_another_signer(bench: Bench, log: Log) -> None:
    text = bench.checkpoint.read_text().split("\n\n")[0] + "\n"
    thief = Ed25519Signer(log.origin, Ed25519PrivateKey.generate())
    bench.checkpoint.write_bytes(sign_note(text, [thief]))
    refused(bench, Reason.UNTRUSTED_KEY, "get its public keys from them and put them into")
    refuses_to_append(bench)


def test_attack_19_the_checkpoint_of_another_log_of_the_same_signer(
    bench: Bench, log: Log, tmp_path: Path
) -> None:
    other = Log.open(tmp_path / "other" / ".provenance")
    other.append_many([{"kind": "run", "id": f"r{i}"} for i in range(6)])
    shutil.copy(other.folder / "checkpoint", bench.checkpoint)
    refused(bench, Reason.LOG_REPLACED, "restore the former")
    refuses_to_append(bench)


def test_attack_19_another_log_in_its_place(bench: Bench, log: Log, tmp_path: Path) -> None:
    other = Log.open(tmp_path / "other" / ".provenance")
    other.append({"kind": "run", "id": "r0"})
    shutil.rmtree(bench.folder)
    shutil.copytree(other.folder, bench.folder)
    refused(bench, Reason.LOG_REPLACED, f"held the log {log.origin}, now it holds {other.origin}")


def test_a_signed_head_that_is_not_of_these_entries(bench: Bench, log: Log) -> None:
    """As after a theft of the key; here the pin is gone as well."""
    shutil.rmtree(bench.keys / "pins")
    sign_again(bench, Checkpoint(log.origin, 6, bytes(32)).text())
    refused(bench, Reason.LOG_ENTRY_CHANGED, "not those that were signed")


def test_signed_entries_with_a_path_that_climbs_out(bench: Bench, log: Log) -> None:
    """The signer is compromised: the verifier still does not read outside the workspace."""
    record = {"path": "../outside", "blake3": "0" * 64, "size": 1}
    bodies: list[object] = [{"kind": "run", "id": "a", "artifacts": [record]}]
    bench.entries.write_bytes(rechain(log.origin, bodies))
    root = root_of(bench.entries.read_bytes().splitlines())
    sign_again(bench, Checkpoint(log.origin, 1, root).text())
    shutil.rmtree(bench.keys / "pins")
    (bench.folder / "state.json").unlink()
    refused(bench, Reason.BAD_PATH, "entry 0: path '../outside' has an empty, '.' or '..'", 0)
    bodies = [{"kind": "run"}]
    bench.entries.write_bytes(rechain(log.origin, bodies))
    root = root_of(bench.entries.read_bytes().splitlines())
    sign_again(bench, Checkpoint(log.origin, 1, root).text())
    refused(bench, Reason.LOG_ENTRY_CHANGED, "entry 0 has a form that was never accepted", 0)


@pytest.mark.parametrize("name", ["checkpoint", "entries.jsonl", "state.json"])
@pytest.mark.timeout(30)
def test_a_pipe_in_place_of_a_file_keeps_nobody_waiting(bench: Bench, name: str) -> None:
    bench.fill(2)
    (bench.folder / name).unlink()
    os.mkfifo(bench.folder / name)
    if name == "state.json":  # a cache, nothing more
        assert bench.verify().ok
        return
    with pytest.raises(LogError, match="not a regular file"):
        bench.verify()
