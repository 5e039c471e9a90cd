"""The command line as a whole: speed, errors, exit codes."""

import json
import re
import subprocess
import sys

import pytest

from cairn.cli import main
from cairn.run import show
from flows.summary import Row, Summary
from tasks.workspace import Workspace
from tests.flows.conftest import PROJECT, change, log_run

COMMANDS = (
    *("run", "schedule", "explain", "compare", "verify", "approve", "lineage", "predict", "ui"),
    *("keys", "anchor"),
)
HEAVY = ("prefect", "mlflow", "torch", "dvc", "pandas", "matplotlib", "great_expectations")


def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    """Run `cairn ...` in this process; returns exit code, standard output and error."""
    monkeypatch.setattr(sys, "argv", ["cairn", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom cairn.cli import main\nsys.argv = ['cairn', '--help']\n"
        "try:\n    main()\nfinally:\n"
        f"    print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr.strip() == "[]", "something heavy is imported before it is needed"
    for command in COMMANDS:
        assert re.search(rf"^\s+{command}\s+\w", done.stdout, re.MULTILINE), command


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], r"cairn: Missing command"),
        (["rn"], r"cairn: No such command 'rn'\..*see `cairn --help`"),
        (["run", "--forse", "x"], r"cairn: No such option.*--forse"),
        (["compare", "latest:train"], r"cairn: Missing argument"),
        (["schedule"], r"cairn: Missing option '--cron'"),
        (["run", "--force", "trian"], r"cairn: there is no stage 'trian'.*ingest, validate"),
        (["explain", "trian"], r"cairn: there is no stage 'trian'"),
        (["schedule", "--cron", "at night"], r"cairn: cron 'at night' is no cron line"),
        (["compare", "latest:a", "latest:b"], r"cairn: "),
        (["verify"], r"cairn: "),
        (["anchor"], r"^cairn: Missing command\. \(see `cairn anchor --help`\)$"),
        (["keys", "trust", "x"], r"Missing option '--name'. \(see `cairn keys trust --help`\)"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(
    toy: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    line: str,
) -> None:
    code, out, err = call(monkeypatch, capsys, *arguments)
    assert code == 2, err
    assert re.search(line, err), err
    assert err.strip().count("\n") == 0, f"more than one line: {err}"
    assert out == ""


def test_outside_a_project(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("CAIRN_ROOT", raising=False)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    code, _, err = call(monkeypatch, capsys, "run")
    assert code == 2
    assert re.match(r"cairn: no params.yaml in /.*set CAIRN_ROOT\n$", err)


def test_run_with_nothing_to_do(
    ran: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = log_run(ran, "ingest", "data/manifest.parquet", {"rows": "7150"})
    code, out, _ = call(monkeypatch, capsys, "run")
    assert code == 0
    assert "everything is up to date" in out
    assert digest[:12] in out
    assert "nothing it reads has changed" in out
    code, out, _ = call(monkeypatch, capsys, "run", "--json")
    assert code == 0
    assert [row["outcome"] for row in json.loads(out)["rows"]] == ["skipped", "skipped"]


@pytest.mark.flow
def test_run_on_a_named_api(
    toy: Workspace,
    prefect_api: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_api)
    code, out, _ = call(monkeypatch, capsys, "run")
    assert code == 0
    assert re.search(r"ingest\s+ran\s+never ran here", out)
    assert re.search(r"^done: \d+\.\d s in the stages that ran$", out, re.MULTILINE)

    change(toy, "data/raw.txt", "stamps", "bad gate")
    code, out, err = call(monkeypatch, capsys, "run", "--json")
    assert code == 1
    assert err.splitlines()[-1] == "cairn: stage ingest: accuracy 0.5 is below 0.9"
    assert [row["outcome"] for row in json.loads(out)["rows"]] == ["failed", "not reached"]


def test_the_digest_of_the_model_comes_last(capsys: pytest.CaptureFixture[str]) -> None:
    row = Row("train", "ran", "forced", 2.0, "ab" * 32, "accuracy 0.91")
    show(Summary("run1", "2026-01-01T00:00:00+00:00", (row,), "ab" * 32), json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ["done: 2.0 s in the stages that ran", f"model blake3 {'ab' * 32}"]


def test_explain(
    ran: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log_run(ran, "ingest", "data/manifest.parquet", {})
    call(monkeypatch, capsys, "run")
    change(ran, "data/raw.txt", "stamps", "digits")
    change(ran, "requirements.lock", "2.3.5", "2.3.6")
    path = ran.mlruns / "last" / "validate.json"
    path.write_text(path.read_text().replace('"run0"', '""'))
    code, out, _ = call(monkeypatch, capsys, "explain")
    assert code == 0
    lines = out.splitlines()
    assert lines[:4] == [
        "ingest",
        "  last run: skipped: nothing it reads has changed",
        "  now: would run",
        "    data data/raw.txt: md5 5f788618 -> md5 ae381caa",
    ]
    assert re.match(r"    \(environment lock: blake3 \w{8} -> blake3 \w{8}; not a reason", lines[4])
    assert "  since then: ran by itself, started 20" in out
    assert lines[-1] == "    reads what ingest makes"
    code, out, _ = call(monkeypatch, capsys, "explain", "validate", "--json")
    (validate,) = json.loads(out)
    assert validate["reasons"][0]["what"] == "requirements.lock"


def test_explain_before_anything_ran(
    toy: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = call(monkeypatch, capsys, "explain", "ingest")
    assert out == "ingest\n  last run: none by `cairn run`\n  now: would run\n    never ran here\n"


def test_verify(
    ran: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log_run(ran, "ingest", "data/manifest.parquet", {})
    code, out, _ = call(monkeypatch, capsys, "verify")
    assert code == 0, out
    assert re.search(r"integrity\s+pass", out)
    change(ran, "data/manifest.parquet", "STAMPS", "forged")
    code, out, _ = call(monkeypatch, capsys, "verify", "--json")
    assert code == 1
    assert json.loads(out)["findings"][0]["path"] == "data/manifest.parquet"
    code, out, _ = call(monkeypatch, capsys, "verify")
    assert code == 1
    assert "data/manifest.parquet" in out
