"""Running a stage again, with a toy in place of the stage; the real ones are in tests/project."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from flows import reproduce as module
from flows.reproduce import reproducer
from provenance import Artifact, Entry, Reason
from provenance.checks import Category, Outcome, Verdict
from provenance.checks.case import open_case
from provenance.checks.target import find_target
from provenance.keys import KeyStore
from provenance.layout import Layout
from tasks.verification.policy import load_policy
from tests.tasks.verification.conftest import Shop, shop

__all__ = ["shop"]

OUT = "mlruns/stages/train/metrics.json"


@pytest.fixture
def stage(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the stage writes when it runs again; the recorded run wrote 0.5."""
    writes = {"text": '{"accuracy": 0.5}'}

    def start(name: str, root: Path, keys: Path) -> None:
        assert (root / "data" / "manifest.parquet").read_text() == "rows"
        assert not root.is_relative_to(shop.root)
        assert "seed: 11" in (root / "params.yaml").read_text()
        place = root / OUT
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(writes["text"])

    monkeypatch.setattr(module, "_start", start)
    return writes


@pytest.fixture
def recorded(shop: Shop) -> Entry:
    data = shop.run("ingest", [shop.put("data/manifest.parquet", "rows")], [])
    made = [shop.put(OUT, '{"accuracy": 0.5}')]
    return shop.run("train", made, [data], params={"seed": 11}, env={"python": "2.7.18"})


def ask(shop: Shop, wanted: str = "train", stage: str = "train") -> Verdict:
    case = open_case(Layout(shop.workspace.provenance), KeyStore(shop.keys))
    assert case.reading is not None
    target = find_target(case.reading.history, wanted)
    assert target is not None
    return reproducer(stage)(case, shop.workspace, target, load_policy(shop.workspace))


def test_the_same_bytes_come_out(shop: Shop, recorded: Entry, stage: Any) -> None:
    before = Artifact.of(shop.workspace.provenance)
    verdict = ask(shop)
    assert verdict.outcome is Outcome.PASS, verdict
    assert any("python was 2.7.18, is 3." in line for line in verdict.evidence)
    assert any("the code that is here now" in line for line in verdict.evidence)
    assert Artifact.of(shop.workspace.provenance) == before


def test_another_result_names_stage_and_output(
    shop: Shop, recorded: Entry, stage: dict[str, str]
) -> None:
    stage["text"] = '{"accuracy": 0.6}'
    verdict = ask(shop)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.NOT_REPRODUCED)
    assert f"stage train (entry {recorded.seq}) differs: {OUT}: recorded blake3" in verdict.message


def test_a_declared_tolerance(shop: Shop, recorded: Entry, stage: dict[str, str]) -> None:
    stage["text"] = '{"accuracy": 0.51}'
    shop.policy(tolerance__outputs={OUT: 0.02})
    assert ask(shop).outcome is Outcome.PASS
    shop.policy(tolerance__outputs={OUT: 0.001})
    assert "by up to 0.01, allowed 0.001" in ask(shop).message
    stage["text"] = '{"recall": 0.5}'
    assert "cannot be compared (other figures)" in ask(shop).message


def test_inputs_that_are_gone_leave_it_open(shop: Shop, recorded: Entry, stage: Any) -> None:
    shop.put("data/manifest.parquet", "other rows")
    verdict = ask(shop)
    assert (verdict.outcome, verdict.reason) == (Outcome.NOT_CHECKED, Reason.CANNOT_CHECK)
    assert "data/manifest.parquet is no longer here with blake3" in verdict.message
    (shop.root / "data/manifest.parquet").unlink()
    assert "its input data/manifest.parquet is no longer here" in ask(shop).message


def test_a_run_without_such_a_stage(shop: Shop, recorded: Entry) -> None:
    verdict = ask(shop, stage="validate")
    assert verdict.reason is Reason.NOTHING_TO_CHECK
    assert verdict.category is Category.REPRODUCIBILITY


def test_a_stage_that_dies_is_no_difference(
    shop: Shop, recorded: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any, **__: Any) -> Any:
        return subprocess.CompletedProcess([], 2, "", "noise\ncairn: no encoder\n")

    monkeypatch.setattr(module.subprocess, "run", dies)
    verdict = ask(shop)
    assert verdict.reason is Reason.CANNOT_CHECK
    assert "it did not run to its end: cairn: no encoder" in verdict.message


def test_tensors_within_a_tolerance(tmp_path: Path) -> None:
    from tasks.verification.outputs import Outcome as Result
    from tasks.verification.outputs import compare_output

    for name, value in (("one", 1.0), ("two", 1.25)):
        (tmp_path / name).mkdir()
        save_file({"w": torch.full((2,), value)}, tmp_path / name / "m.safetensors")
    made = Artifact.of(tmp_path / "one" / "m.safetensors")
    record = {"path": "m.safetensors", "blake3": made.digest, "size": made.size}
    for allowed, same in ((0.25, 1), (0.2, 0)):
        out = Result()
        compare_output(tmp_path / "one", tmp_path / "two", record, {"m.safetensors": allowed}, out)
        assert out.same == same
        assert len(out.differing) == 1 - same


@pytest.mark.parametrize("where", ["first", "second"])
def test_a_figure_that_is_no_number_is_within_no_tolerance(tmp_path: Path, where: str) -> None:
    """`max` passes over a NaN unless it comes first."""
    from tasks.verification.outputs import Outcome as Result
    from tasks.verification.outputs import compare_output

    good = {name: torch.ones(2) for name in ("first", "second")}
    for folder, tensors in (("one", good), ("two", good | {where: torch.tensor([1.0, torch.nan])})):
        (tmp_path / folder).mkdir()
        save_file(tensors, tmp_path / folder / "m.safetensors")
    made = Artifact.of(tmp_path / "one" / "m.safetensors")
    record = {"path": "m.safetensors", "blake3": made.digest, "size": made.size}
    out = Result()
    compare_output(tmp_path / "one", tmp_path / "two", record, {"m.safetensors": 0.5}, out)
    assert out.same == 0
    assert out.differing


def test_a_stage_without_outputs_reproduces_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_start", lambda *_: None)
    shop.run("validate", [], [])
    verdict = ask(shop, "validate", "validate")
    assert (verdict.outcome, verdict.reason) == (Outcome.NOT_CHECKED, Reason.NOTHING_TO_CHECK)


def test_all_stages_but_one_are_not_all(shop: Shop, recorded: Entry, stage: Any) -> None:
    verdict = ask(shop, stage="all")
    assert verdict.outcome is not Outcome.PASS
    assert "validate" in verdict.message
