"""A small workspace with one file and one folder, a log and its own key store."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provenance import Artifact, Entry, Log, Report, verify


@dataclass
class Bench:
    """One workspace and everything needed to log and verify in it."""

    root: Path
    keys: Path

    @property
    def folder(self) -> Path:
        return self.root / ".provenance"

    @property
    def entries(self) -> Path:
        return self.folder / "entries.jsonl"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint"

    def open(self, *, create: bool = True) -> Log:
        return Log.open(self.folder, create=create)

    def verify(self) -> Report:
        return verify(self.folder, self.root)

    def put(self, path: str, content: str = "content") -> dict[str, Any]:
        """Write a file and give the record that an entry lists it with."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        return self.record(path)

    def record(self, path: str) -> dict[str, Any]:
        artifact = Artifact.of(self.root / path)
        return {"path": path, "blake3": artifact.digest, "size": artifact.size}

    def log_run(self, name: str, *records: dict[str, Any], **more: Any) -> Entry:
        return self.open().append({"kind": "run", "id": name, "artifacts": list(records), **more})

    def fill(self, count: int) -> None:
        """`count` entries without artifacts."""
        self.open().append_many([{"kind": "run", "id": f"r{i}"} for i in range(count)])

    def snapshot(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}

    def restore(self, snapshot: dict[str, bytes]) -> None:
        for name, data in snapshot.items():
            (self.folder / name).write_bytes(data)

    def lines(self) -> list[bytes]:
        return self.entries.read_bytes().splitlines(keepends=True)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    root = tmp_path / "workspace"
    root.mkdir()
    monkeypatch.setenv("CAIRN_KEYS", str(tmp_path / "keys"))
    monkeypatch.delenv("CAIRN_KEY_PASSPHRASE", raising=False)
    return Bench(root, tmp_path / "keys")


@pytest.fixture
def log(bench: Bench) -> Log:
    """Six entries."""
    bench.fill(6)
    assert bench.verify().ok
    return bench.open()


needs_no_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
