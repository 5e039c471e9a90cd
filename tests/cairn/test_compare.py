"""Only what differs between two runs."""

import json
from typing import Any

import pytest

from cairn.differences import Difference, choose, differences
from cairn.page import page
from provenance import Log
from tasks.errors import InputError
from tasks.workspace import Workspace
from tests.cairn.test_cli import call


def body(name: str, stage: str = "train", **changes: Any) -> dict[str, Any]:
    return {
        "v": 1,
        "kind": "run",
        "id": name,
        "ts": "2026-01-01T00:00:00.000+00:00",
        "actor": "ada",
        "stage": stage,
        "artifacts": [{"path": "m.bin", "blake3": "a" * 64, "size": 3}],
        "inputs": [],
        "run": {"mlflow": name, "git": "c" * 40, "dirty": False},
        "metrics": {"accuracy": "0.9", "loss": "0.25"},
        "params": {"model": {"width": 128, "towers": ["text", "image"]}, "seed": 7},
        "env": {"python": "3.11.7", "torch": "2.13.0", "lock": "d" * 64},
        **changes,
    }


ONE = body("1111aaaa" * 4)
TWO = body(
    "1111bbbb" * 4,
    artifacts=[{"path": "m.bin", "blake3": "b" * 64, "size": 3}],
    metrics={"accuracy": "0.925", "ece": "0.1"},
    params={"model": {"width": 256, "towers": ["text", "image"]}, "seed": 7},
    env={"python": "3.12.1", "torch": "2.13.0", "lock": "d" * 64},
    run={"mlflow": "x", "git": "e" * 40, "dirty": False},
)
OTHER = body("2222cccc" * 4, "ingest")
RUNS = [ONE, OTHER, TWO]


def test_only_what_differs() -> None:
    assert differences(ONE, TWO) == [
        Difference("parameter", "model.width", "128", "256"),
        Difference("output", "m.bin", "a" * 64, "b" * 64),
        Difference("code", "git", "c" * 40, "e" * 40),
        Difference("environment", "python", "3.11.7", "3.12.1"),
        # 0.925 - 0.9, by hand
        Difference("metric", "accuracy", "0.9", "0.925", "+0.025"),
        Difference("metric", "ece", "absent", "0.1"),
        Difference("metric", "loss", "0.25", "absent"),
    ]
    assert differences(ONE, ONE) == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("1111aaaa" * 4, ONE),
        ("1111b", TWO),
        ("latest:train", TWO),
        ("previous:train", ONE),
        ("latest:ingest", OTHER),
    ],
)
def test_names_of_runs(wanted: str, found: dict[str, Any]) -> None:
    assert choose(RUNS, wanted) is found


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("1111", r"'1111' begins 2 runs: 1111aaaa1111 \(train, 2026-01-01T00:00\), 1111bbbb1111"),
        ("1111aaab", r"no finished run is called '1111aaab'; near or newest: 1111aaaa1111"),
        ("11", r"no finished run is called '11'"),
        ("zzzz", r"near or newest: 1111aaaa1111 .*2222cccc2222 .*or say latest:<stage>"),
        ("newest:train", r"say latest:<stage> or previous:<stage>"),
        ("latest:trian", r"no finished run of stage 'trian'; there are: ingest, train"),
        ("previous:ingest", r"stage ingest has run once so far: 2222cccc2222"),
    ],
)
def test_errors_list_what_is_near(wanted: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose(RUNS, wanted)
    with pytest.raises(InputError, match="none yet"):
        choose([], "latest:train")


def test_runs_of_two_stages_do_not_compare() -> None:
    with pytest.raises(InputError, match=r"1111aaaa is a run of train, 2222cccc one of ingest"):
        differences(ONE, OTHER)


def test_the_page_escapes_what_it_shows() -> None:
    nasty = Difference("parameter", "<script>", "a&b", "<b>")
    html = page(ONE, TWO, [nasty])
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "a&amp;b" in html
    assert "do not differ" in page(ONE, TWO, [])


def test_compare_prints_and_keeps_the_page(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tasks.tracking import connect

    mlflow = connect(workspace)
    with mlflow.start_run() as second:
        pass
    log = Log.open(workspace.provenance)
    log.append(ONE)
    log.append({**TWO, "id": second.info.run_id})
    code, out, err = call(monkeypatch, capsys, "compare", "previous:train", "latest:train")
    assert code == 0, err
    assert "model.width" in out
    assert "+0.025" in out
    assert "seed" not in out, "what is equal is not shown"
    kept = mlflow.artifacts.list_artifacts(run_id=second.info.run_id, artifact_path="compare")
    assert [item.path for item in kept] == ["compare/with-1111aaaa1111.html"]
    text = mlflow.artifacts.load_text(f"{second.info.artifact_uri}/{kept[0].path}")
    assert "model.width" in text

    # The first run is not in MLflow: the comparison is shown all the same.
    code, out, err = call(monkeypatch, capsys, "compare", "latest:train", "1111aaaa", "--json")
    assert code == 0
    assert json.loads(out)["differences"][0]["name"] == "model.width"
    assert "the page was not kept in MLflow" in err

    code, out, _ = call(monkeypatch, capsys, "compare", "latest:train", "latest:train")
    assert "do not differ" in out
