"""`cairn lineage`: the page, the graph as JSON, and the questions from the far end."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from cairn.lineage import file_name, lineage
from provenance import Log, LogMissingError, ProvenanceError
from provenance.subject import UnknownSubjectError
from tasks.errors import InputError
from tasks.workspace import Workspace
from tests.provenance.page.story import WEIGHTS, digest, made, release, run, tell

Ask = Callable[..., str]


@pytest.fixture
def ask(bare_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Call the command in a workspace whose log tells a small story; errors come through."""
    monkeypatch.setenv("CAIRN_ROOT", str(bare_workspace.root))
    monkeypatch.setenv("CAIRN_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    app = Typer()
    app.command()(lineage)

    def call(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    return call


@pytest.fixture
def log(bare_workspace: Workspace, ask: Ask) -> Log:
    log = Log.open(bare_workspace.provenance)
    tell(log)
    return log


def test_writes_the_page_where_one_stands(ask: Ask, log: Log, tmp_path: Path) -> None:
    said = ask("voices")
    assert said == "lineage-voices-1.html  voices/1, 4 of 5 entries\n"
    text = (tmp_path / "lineage-voices-1.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert digest(WEIGHTS) in text
    ask("voices/1", "--output", "elsewhere.html")
    again = (tmp_path / "elsewhere.html").read_text(encoding="utf-8")
    assert again.replace('"asked":"voices/1"', '"asked":"voices"') == text, "the same model"
    assert sorted(path.name for path in tmp_path.glob("*.html")) == [
        "elsewhere.html",
        "lineage-voices-1.html",
    ]
    ask("voices")  # over its own page


def test_the_model_of_the_params_is_the_default(ask: Ask, log: Log) -> None:
    with pytest.raises(UnknownSubjectError, match=r"'cairn-stamps' is not in the log.*voices/1"):
        ask()
    release(log, "1", 2, model="cairn-stamps")
    assert "cairn-stamps/1" in ask()


def test_json(ask: Ask, log: Log, tmp_path: Path) -> None:
    value = json.loads(ask("voices", "--json"))
    assert value["schema"] == "cairn.lineage/1"
    assert value["subject"]["blake3"] == digest(WEIGHTS)
    assert list(tmp_path.glob("*.html")) == []
    told = ask("voices", "--json", "--output", str(tmp_path / "graph.json"))
    assert told.replace("\n", "") == str(tmp_path / "graph.json")
    assert json.loads((tmp_path / "graph.json").read_text()) == value


def test_who_used_this(ask: Ask, log: Log) -> None:
    asked = "data/clips.tar"
    for name in (asked, "data", digest(asked), digest(asked)[:8]):
        (use,) = json.loads(ask("--uses", name, "--json"))
        assert (use["entry"], use["models"]) == (2, ["voices/1"])
        assert use["matches"] == [[asked, digest(asked)]]
    assert json.loads(ask("--uses", "data/other.csv", "--json")) == []
    assert "nothing used it" in ask("--uses", "data/other.csv")
    assert "voices/1" in ask("--uses", asked)
    # What came from outside counts as used by the run that took it in.
    for outside in ("encoder.bin", "https.zip"):
        (use,) = json.loads(ask("--uses", outside, "--json"))
        assert use["entry"] == 2
    run(log, "train-9", [], [{"path": asked, "blake3": digest(asked), "entry": 0}])
    uses = json.loads(ask("--uses", asked, "--json"))
    assert [(use["entry"], use["models"]) for use in uses] == [(2, ["voices/1"]), (5, [])]


def test_which_models_came_from_a_commit(ask: Ask, log: Log) -> None:
    (use,) = json.loads(ask("--commit", "e3b09ad", "--json"))
    assert (use["entry"], use["stage"], use["models"]) == (2, "train", ["voices/1"])
    assert "voices/1" in ask("--commit", "e3b09adde992d46dc8b98c6b5d22524130b9fe5b")
    # The run that released: the release names it, and was made from none of its outputs.
    commit = "f" * 40
    run(log, "release-2", [made("stages/release/card2.md")], [], run={"git": commit})
    release(log, "2", 2, run="release-2")
    (use,) = json.loads(ask("--commit", commit, "--json"))
    assert use["models"] == ["voices/2"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("voices/9",), UnknownSubjectError, "released models are voices/1"),
        (("--uses", "no/such"), UnknownSubjectError, "'no/such' is no path and no digest"),
        (("--commit", "fffffff"), UnknownSubjectError, "no entry of the log ran code of commit"),
        (("--commit", "e3"), UnknownSubjectError, "give 6 digits or more"),
        (("voices", "--uses", "data"), InputError, "give one of them"),
        (("voices", "--output", "no/such/folder.html"), InputError, "No such file or directory"),
        (("voices", "--output", "."), InputError, "Is a directory"),
        (("voices", "--json", "--output", "."), InputError, "Is a directory"),
        (("voices", "--json", "--open"), InputError, "leave out --json"),
        (("--uses", "data", "--output", "x"), InputError, "leave out --output"),
    ],
)
def test_bad_questions_are_one_line_and_exit_code_2(
    ask: Ask,
    log: Log,
    arguments: tuple[str, ...],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message) as refused:
        ask(*arguments)
    assert getattr(refused.value, "exit_code") == 2  # noqa: B009  # either family has it
    assert "\n" not in str(refused.value)


def test_no_log(ask: Ask, bare_workspace: Workspace) -> None:
    with pytest.raises(LogMissingError):
        ask("voices")
    assert not bare_workspace.provenance.exists(), "asking does not begin a log"


def test_a_changed_log_gives_no_page(
    ask: Ask, log: Log, bare_workspace: Workspace, tmp_path: Path
) -> None:
    entries = bare_workspace.provenance / "entries.jsonl"
    entries.write_bytes(entries.read_bytes().replace(b"0.9132", b"0.9932"))
    with pytest.raises(ProvenanceError, match="entry 2 was changed"):
        ask("voices")
    assert list(tmp_path.glob("*.html")) == []


def test_gaps_are_said_on_the_terminal(ask: Ask, log: Log) -> None:
    run(log, "gap-1", [], [{"path": "x", "blake3": digest("x")}])
    assert "the chain of custody has 1 gap; the page names it" in ask("gap-1")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("cairn-stamps/1", "cairn-stamps-1"),
        ("../../etc/passwd", "etc-passwd"),
        ("\u202e<b>", "b"),
        ("", "model"),
        ("..", "model"),
        ("x" * 300, "x" * 80),
        ("-rf", "rf"),
    ],
)
def test_file_names_are_tame(name: str, file: str) -> None:
    assert file_name(name) == file
