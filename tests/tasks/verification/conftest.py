"""A workspace with a small release, logged and signed as the stages do it, and a policy."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from provenance import Artifact, Entry, Log
from provenance.checks import ModelReport
from provenance.keys import KeyStore
from provenance.releases import Release
from provenance.statements import write_statements
from tasks.tracking import connect
from tasks.verification import Asked, record_policy, verify_target
from tasks.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[3]
MODEL = "tiny"


@dataclass
class Shop:
    """One workspace, and what tests do in it."""

    workspace: Workspace
    keys: Path

    @property
    def root(self) -> Path:
        return self.workspace.root

    @property
    def log(self) -> Log:
        return Log.open(self.workspace.provenance, self.keys)

    def put(self, path: str, content: str) -> dict[str, Any]:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        made = Artifact.of(place)
        return {"path": path, "blake3": made.digest, "size": made.size}

    def policy(self, **changes: Any) -> None:
        """Write policy.yaml: the project's own with other values, by dotted name."""
        values = yaml.safe_load((PROJECT / "policy.yaml").read_text())
        for name, value in changes.items():
            section, _, key = name.partition("__")
            if key:
                values[section][key] = value
            else:
                values[section] = value
        (self.root / "policy.yaml").write_text(yaml.safe_dump(values))

    def run(self, stage: str, made: list[Any], read: list[Entry], **more: Any) -> Entry:
        name = f"{stage}-{self.log.head().checkpoint.size}"
        inputs = [
            {"entry": entry.seq, "path": record["path"], "blake3": record["blake3"]}
            for entry in read
            for record in entry.body["artifacts"]
        ]
        body = {
            "v": 1,
            "kind": "run",
            "id": name,
            "actor": "trainer",
            "stage": stage,
            "artifacts": made,
            "inputs": inputs,
            "run": {"mlflow": name, "git": "absent", "dirty": False},
            "params": {},
            "env": {},
            **more,
        }
        return self.log.append(body)

    def release(
        self,
        version: str = "1",
        *,
        licence: str = "Apache-2.0",
        data_licence: str | None = "GPL-2",
        source: str = "stamps",
        accuracy: str = "0.9",
        **train: Any,
    ) -> Entry:
        said = {} if data_licence is None else {"licence": data_licence}
        report = self.put("mlruns/stages/ingest/report.json", json.dumps({"source": said}))
        manifest = self.put("data/manifest.parquet", f"rows {version}")
        data = self.run("ingest", [report, manifest], [], params={"source": source})
        weights = self.put("mlruns/stages/train/model.safetensors", f"weights {version}")
        figures = {"test.fused.accuracy": accuracy}
        trained = self.run("train", [weights], [data], **{"metrics": figures, **train})
        done = self.run("release", [], [trained, data], params={"licence": licence})
        place = f"mlruns/artifacts/models/m-{version}/artifacts"
        files = (
            self.put(f"{place}/MLmodel", "flavors: {}"),
            self.put(f"{place}/artifacts/model.safetensors", f"weights {version}"),
            self.put(f"{place}/artifacts/config.json", "{}"),
        )
        made = Release(MODEL, version, True, "first", "0" * 64, files)
        body = {**made.body(), "v": 1, "id": f"released-{version}", "inputs": done.body["inputs"]}
        log = self.log
        record_policy(log, self.workspace)
        entry = log.append({**body, "run": {"mlflow": done.body["id"]}})
        write_statements(self.root / place, entry, log, KeyStore(self.keys))
        return entry

    def verify(self, wanted: str | None = MODEL, **more: Any) -> ModelReport:
        return verify_target(
            self.workspace, Asked(model=MODEL, wanted=wanted, **more), keys=self.keys
        )


@pytest.fixture
def shop(bare_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("CAIRN_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("CAIRN_ROOT", str(bare_workspace.root))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    made = Shop(bare_workspace, tmp_path / "keys")
    made.policy()
    return made


@pytest.fixture
def tracked(shop: Shop, migrated_database: Path) -> Shop:
    """The same, with a tracking database."""
    shutil.copy(migrated_database, shop.workspace.mlruns / "mlflow.db")
    connect(shop.workspace)
    return shop


@pytest.fixture
def colleague(shop: Shop, tmp_path: Path) -> Callable[[], Shop]:
    """Somebody with keys of their own; both trust each other."""

    def make() -> Shop:
        keys = tmp_path / "colleague"
        other = KeyStore(keys)
        other.signers(shop.log.origin)
        mine = KeyStore(shop.keys)
        for ours, theirs, name in ((mine, other, "colleague"), (other, mine, "trainer")):
            _, pem = theirs.public_bundle()
            trusted = ours.folder / "trusted"
            trusted.mkdir(exist_ok=True)
            (trusted / f"{name}.pub").write_bytes(pem)
        return Shop(shop.workspace, keys)

    return make


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(root)]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=True).stdout
