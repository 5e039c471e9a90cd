import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from provenance import Artifact, Log, TamperedError
from tasks.errors import CairnError, CheckFailed, InputError
from tasks.ingest import gather as gathering
from tasks.ingest.fetch import fetch
from tasks.ingest.gather import gather
from tasks.params.ingest import IngestParams
from tasks.workspace import Workspace

Rows = list[dict[str, Any]]


def run(params: IngestParams, workspace: Workspace) -> Artifact:
    return gather.fn(params, fetch.fn(params, workspace), workspace)


def contents(workspace: Workspace) -> dict[str, bytes]:
    """All outputs by path."""
    outs = [workspace.manifest, *workspace.media.rglob("*"), *workspace.stage("ingest").rglob("*")]
    return {workspace.relative(path): path.read_bytes() for path in outs if path.is_file()}


def break_three(rows: Rows) -> None:
    rows[0]["image"] = "missing.png"
    rows[1]["audio"] = "text.ogg"
    rows[2] |= {"image": None, "audio": None, "text": None}


def test_bad_rows_are_set_aside_and_listed(
    own: Callable[..., IngestParams], workspace: Workspace
) -> None:
    params = own(break_three, max_set_aside=0.2)
    (Path(params.folder.manifest).parent / "text.ogg").write_text("not sound")
    run(params, workspace)
    lines = (workspace.stage("ingest") / "set_aside.jsonl").read_text().splitlines()
    listed = [(bad["id"], bad["reason"]) for bad in map(json.loads, lines)]
    assert listed == [
        ("clip00", "missing file"),
        ("clip01", "not a sound"),
        ("clip02", "empty row"),
    ]
    assert len(pd.read_parquet(workspace.manifest)) == 17
    assert not (workspace.media / "text.ogg").exists()


def test_too_many_bad_rows_publish_nothing(
    own: Callable[..., IngestParams], workspace: Workspace
) -> None:
    params = own(break_three)
    with pytest.raises(
        CheckFailed, match=r"3 of 20 rows are set aside .*allows 2\.0%, this is 15\.0%"
    ):
        run(params, workspace)
    assert list(contents(workspace)) == ["mlruns/stages/ingest/failed/set_aside.jsonl"]
    assert [entry.body["kind"] for entry in Log.open(workspace.provenance).entries()] == ["failure"]


def test_a_class_of_one_group_publishes_nothing(
    own: Callable[..., IngestParams], workspace: Workspace
) -> None:
    def change(rows: Rows) -> None:
        for row in rows[10:]:
            row["group"] = "one"

    with pytest.raises(InputError, match=r"label 'dog' has 1 group \(10 rows\)"):
        run(own(change), workspace)
    assert contents(workspace) == {}


def test_a_source_that_changes_meanwhile_is_refused(
    own: Callable[..., IngestParams], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = own()
    raw = fetch.fn(params, workspace)
    assert raw is not None
    before = raw.path.read_bytes()
    raw.path.write_bytes(before.replace(b"Chose 3", b"Chose 4"))
    with pytest.raises(TamperedError):
        gather.fn(params, raw, workspace)
    raw.path.write_bytes(before)

    def look_then_change(*arguments: Any) -> Any:
        looked = look(*arguments)
        shutil.copy(raw.path.parent / "clip01.png", raw.path.parent / "clip00.png")
        return looked

    look = gathering.look
    monkeypatch.setattr(gathering, "look", look_then_change)
    with pytest.raises(InputError, match=r"clip00\.png changed while it was read"):
        gather.fn(params, raw, workspace)
    assert contents(workspace) == {}
    assert not list(workspace.data.glob("*media*")), "nor is half a folder left"


def test_a_full_disk_publishes_nothing(
    own: Callable[..., IngestParams], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(gathering.manifest, "write", full)
    with pytest.raises(CairnError, match="the disk is full"):
        run(own(), workspace)
    assert contents(workspace) == {}
