"""A release in a log of five entries, with its version's folder; made by hand and in miniature."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provenance import Entry, Log
from provenance.identity import Identity
from provenance.keys import KeyStore
from provenance.releases import Release
from provenance.statements import check_statements, write_statements
from tests.provenance.conftest import Bench

PARAMS = {"name": "tiny", "licence": "Apache-2.0", "gate": {"at_least": {"fused.accuracy": 0.5}}}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Released:
    """A release, and where it is."""

    bench: Bench
    log: Log
    entry: Entry
    run: Entry
    folder: Path

    @property
    def store(self) -> KeyStore:
        return KeyStore(self.bench.keys)

    @property
    def identities(self) -> tuple[Identity, ...]:
        return self.store.identities()

    def write(self, **more: Any) -> tuple[Path, Path, Path]:
        return write_statements(self.folder, self.entry, self.log, self.store, **more)

    def reasons(self) -> list[str]:
        found = check_statements(self.folder, self.entry, self.identities)
        return [finding.reason.value for finding in found]


def make_release(bench: Bench, version: str = "1", weights: str = "weights") -> Released:
    """Ingest, train and release as the stages log them; no statements yet."""
    log = bench.open()

    def run(stage: str, artifacts: list[Any], inputs: list[Any], **more: Any) -> Entry:
        return log.append(
            {
                "v": 1,
                "kind": "run",
                "id": f"{stage}-{version}",
                "ts": "2026-11-22T23:13:10.127+00:00",
                "stage": stage,
                "artifacts": artifacts,
                "inputs": inputs,
                "run": {"mlflow": f"{stage}-{version}", "git": COMMIT, "dirty": False},
                "params": {"seed": 7},
                "env": {"lock": "1" * 64, "python": "3.11.7"},
                **more,
            }
        )

    def read(entry: Entry) -> list[Any]:
        return [
            {"entry": entry.seq, "path": record["path"], "blake3": record["blake3"]}
            for record in entry.body["artifacts"]
            if record.get("kept", True)
        ]

    manifest = bench.put("data/manifest.parquet", f"rows {version}")
    data = run("ingest", [manifest], [])
    pretrained = {"path": "encoder.pth", "blake3": "9" * 64, "size": 3, "kept": False}
    model = bench.put("mlruns/stages/train/model.safetensors", weights)
    metrics = bench.put("mlruns/stages/train/metrics.json", '{"accuracy":0.9}')
    train = run("train", [model, metrics, pretrained], read(data))
    inputs = [*read(train), *read(data)]
    released = run("release", [], inputs, params=PARAMS)
    place = f"mlruns/artifacts/models/m-{version}/artifacts"
    files = (
        bench.put(f"{place}/MLmodel", f"flavors: {version}"),
        bench.put(f"{place}/artifacts/model.safetensors", weights),
        bench.put(f"{place}/artifacts/config.json", "{}"),
        bench.put(f"{place}/code/models/__init__.py", ""),
    )
    release = Release("tiny", version, True, "first", "0" * 64, files)
    entry = log.append(
        {
            **release.body(),
            "v": 1,
            "id": f"release-release-{version}",
            "inputs": inputs,
            "run": {"mlflow": f"release-{version}"},
        }
    )
    return Released(bench, log, entry, released, bench.root / place)
