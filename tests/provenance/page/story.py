"""A small log with everything that a lineage can hold; no files are needed, digests are enough."""

from typing import Any

from blake3 import blake3

from provenance import Entry, Log


def digest(name: str) -> str:
    return blake3(name.encode()).hexdigest()


def made(path: str, content: str | None = None, **more: Any) -> dict[str, Any]:
    return {"path": path, "blake3": digest(content or path), "size": 1234, **more}


def read(path: str, entry: int | None = None, content: str | None = None) -> dict[str, Any]:
    record: dict[str, Any] = {"path": path, "blake3": digest(content or path)}
    return record | ({} if entry is None else {"entry": entry})


def run(log: Log, name: str, artifacts: list[Any], inputs: list[Any], **more: Any) -> Entry:
    body = {"v": 1, "kind": "run", "id": name, "stage": name.split("-")[0], "actor": "maria"}
    return log.append(body | {"artifacts": artifacts, "inputs": inputs} | more)


WEIGHTS = "stages/train/model.safetensors"


def release(
    log: Log,
    version: str,
    train: int,
    *,
    model: str = "voices",
    champion: bool = True,
    run: str = "",
) -> Entry:
    return log.append(
        {
            "kind": "release",
            "id": f"release-{model}-{version}-{champion}",
            "artifacts": [made(f"versions/{model}{version}/artifacts/model.safetensors", WEIGHTS)],
            "inputs": [read(WEIGHTS, train)],
            "release": {
                "model": model,
                "version": version,
                "champion": champion,
                "reason": "better",
                "test_split": digest("split"),
            },
            "run": {"mlflow": run},
        }
    )


def tell(log: Log) -> None:
    """0 ingest, 1 unrelated, 2 train, 3 release run, 4 release voices/1."""
    run(log, "ingest-1", [made("data/clips.tar"), made("data/manifest.parquet")], [])
    run(log, "other-1", [made("data/other.csv")], [])
    run(
        log,
        "train-1",
        [made(WEIGHTS), made("stages/train/metrics.json"), made("encoder.bin", kept=False)],
        [read("data/clips.tar", 0), {**read("https.zip"), "kept": False}],
        metrics={"test.accuracy": "0.9132", "loss": "0.25"},
        params={"seed": 7, "model": {"width": 256}},
        run={"git": "e3b09adde992d46dc8b98c6b5d22524130b9fe5b"},
        ts="2026-11-22T23:12:53+00:00",
    )
    run(log, "release-1", [made("stages/release/card.md")], [read(WEIGHTS, 2)])
    release(log, "1", 2, run="release-1")
