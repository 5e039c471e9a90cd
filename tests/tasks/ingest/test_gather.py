import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from blake3 import blake3

from provenance import Artifact, Log
from tasks.ingest import deb
from tasks.ingest.fetch import fetch
from tasks.ingest.gather import gather
from tasks.ingest.manifest import COLUMNS
from tasks.params.ingest import IngestParams
from tasks.workspace import Workspace

Settings = Callable[..., IngestParams]
Rows = list[dict[str, Any]]


def run(params: IngestParams, workspace: Workspace) -> Artifact:
    return gather.fn(params, fetch.fn(params, workspace), workspace)


def contents(workspace: Workspace) -> dict[str, bytes]:
    """All outputs by path."""
    outs = [workspace.manifest, *workspace.media.rglob("*"), *workspace.stage("ingest").rglob("*")]
    return {workspace.relative(path): path.read_bytes() for path in outs if path.is_file()}


def test_a_folder_becomes_a_manifest(
    own: Callable[..., IngestParams], workspace: Workspace
) -> None:
    params = own()
    made = run(params, workspace)
    assert made.verified() == workspace.manifest
    frame = pd.read_parquet(workspace.manifest)
    assert list(frame.columns) == list(COLUMNS)
    assert list(frame.id) == sorted(frame.id)
    assert len(frame) == 20
    assert frame.groupby("group").split.nunique().max() == 1, "a group on two sides is a leak"
    assert set(frame.split) == {"train", "val", "test"}
    assert frame.is_class.all()
    assert frame.quality.between(0, 1).all()
    for _, clip in frame.iterrows():
        for kind in ("image", "audio"):
            data = (workspace.media / clip[kind]).read_bytes()
            assert blake3(data).hexdigest() == clip[f"{kind}_blake3"]
            assert len(data) == clip[f"{kind}_bytes"]
    report = json.loads((workspace.stage("ingest") / "report.json").read_text())
    assert (report["rows"], report["groups"], report["files_on_two_sides"]) == (20, 10, 0)
    assert (workspace.stage("ingest") / "set_aside.jsonl").read_bytes() == b""
    assert not (workspace.raw / "unpacked").exists(), "the scratch folder is gone"


def test_the_run_is_tracked_and_anchored(
    own: Callable[..., IngestParams], workspace: Workspace
) -> None:
    made = run(own(), workspace)
    (entry,) = Log.open(workspace.provenance).entries()
    records = {record["path"]: record for record in entry.body["artifacts"]}
    assert records["data/manifest.parquet"]["blake3"] == made.digest
    assert set(records) == {
        "data/manifest.parquet",
        "data/media",
        "mlruns/stages/ingest/report.json",
        "mlruns/stages/ingest/set_aside.jsonl",
        "manifest.jsonl",
    }
    assert records["manifest.jsonl"]["kept"] is False, "what came from outside is recorded, too"
    client = mlflow.MlflowClient()
    tracked = client.get_run(entry.body["run"]["mlflow"])
    assert tracked.info.status == "FINISHED"
    assert tracked.data.metrics["rows"] == 20
    assert tracked.inputs.dataset_inputs[0].dataset.digest == made.digest[:36]
    pictures = {item.path for item in client.list_artifacts(tracked.info.run_id, "data")}
    assert pictures == {"data/samples.png", "data/labels_and_languages.png"}


def test_same_data_same_bytes(
    own: Callable[..., IngestParams], workspace: Workspace, tmp_path: Path
) -> None:
    params = own()
    run(params, workspace)
    first = contents(workspace)
    manifest = Path(params.folder.manifest)
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(reversed(lines)))
    run(params, workspace)
    assert contents(workspace) == first, "the order of the user's rows has no influence either"


def test_a_package_becomes_a_manifest(
    settings: Settings,
    make_deb: Callable[..., bytes],
    stamps: dict[str, bytes],
    workspace: Workspace,
) -> None:
    root = "./usr/share/tuxpaint/stamps"
    drawn = dict(stamps)
    del drawn[f"{root}/food/kind/thing1.png"]
    drawn[f"{root}/food/kind/thing1.svg"] = (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="9pt">'
        b'<path d="M0 0h9v5z"/></svg>'
    )
    (workspace.root / "x.deb").write_bytes(make_deb(drawn))
    params = settings(
        stamps={"deb": "x.deb", "sha256": deb.sha256(workspace.root / "x.deb")},
        labels=["animals", "food"],
        languages=["el", "fr"],
        svg_pixels=32,
    )
    run(params, workspace)
    frame = pd.read_parquet(workspace.manifest).set_index("id")
    assert len(frame) == 20
    drawing = frame.loc["food/kind/thing1@fr"]
    assert (drawing.image, drawing.image_width) == ("food/kind/thing1.svg.png", 32)
    assert (workspace.media / drawing.image).read_bytes().startswith(b"\x89PNG")
    assert frame.loc["food/kind/thing3@el"].isna()[["text", "text_length"]].all()
    (entry,) = Log.open(workspace.provenance).entries()
    (external,) = [record for record in entry.body["artifacts"] if "kept" in record]
    assert (external["path"], external["blake3"]) == (
        "x.deb",
        blake3((workspace.root / "x.deb").read_bytes()).hexdigest(),
    )


def test_digits_say_that_they_are_artificial(
    settings: Settings, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    from tasks.ingest.digits import LABELS

    params = settings(
        source="digits", labels=LABELS, extra_labels=[], digits={"clips_per_class": 13}
    )
    run(params, workspace)
    assert "WARNING: source digits: the pairing is artificial" in capsys.readouterr().err
    report = json.loads((workspace.stage("ingest") / "report.json").read_text())
    assert "artificial" in report["warnings"][0]
    assert report["rows"] == 130
    (entry,) = Log.open(workspace.provenance).entries()
    tags = mlflow.MlflowClient().get_run(entry.body["run"]["mlflow"]).data.tags
    assert "artificial" in tags["warning"]


def test_the_source_may_give_the_split_and_lack_modalities(
    own: Callable[..., IngestParams], workspace: Workspace
) -> None:
    def change(rows: Rows) -> None:
        for number, row in enumerate(rows):
            row["split"] = ("train", "val", "test")[number // 2 % 3]
        rows[0]["image"] = None
        rows[1]["audio"] = None

    run(own(change), workspace)
    frame = pd.read_parquet(workspace.manifest).set_index("id")
    assert list(frame.split[:6]) == ["train", "train", "val", "val", "test", "test"]
    assert frame.loc["clip00"].filter(like="image").isna().all(), "no image, no cells of one"
    assert frame.loc["clip01"].filter(like="audio").isna().all(), "no sound, no cells of one"
    assert frame.quality.notna().all(), "what is there is scored"


def test_a_leak_by_content_is_counted(
    own: Callable[..., IngestParams], workspace: Workspace
) -> None:
    def change(rows: Rows) -> None:
        for number, row in enumerate(rows):
            row["split"] = ("train", "val", "test")[number // 2 % 3]
            row["image"] = "clip00.png"

    run(own(change), workspace)
    report = json.loads((workspace.stage("ingest") / "report.json").read_text())
    assert report["files_on_two_sides"] == 1


@pytest.mark.flow
def test_the_flow(prefect_api: str, own: Callable[..., IngestParams], workspace: Workspace) -> None:
    from flows.ingest import ingest

    made = ingest(own(), workspace)
    assert made.verified() == workspace.manifest
