import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.recovery import recover
from tasks.resume import Resume
from tasks.train.fit import train_model

PROJECT = Path(__file__).resolve().parents[3]


class Cut(Exception):
    """The test's own interruption."""


def test_a_run_that_was_cut_off_goes_on_and_ends_in_the_same_bytes(
    params, validated, monkeypatch, capsys
):
    write, calls = Resume.write, []

    def cut(self, state):
        write(self, state)
        calls.append(state["epoch"])
        if state["epoch"] == 2 and len(calls) == 2:
            raise Cut

    monkeypatch.setattr(Resume, "write", cut)
    with pytest.raises(Cut):
        train_model.fn(params, validated)
    resumed = train_model.fn(params, validated)
    assert calls == [1, 2, 3]
    assert "going on after epoch 2" in capsys.readouterr().err
    assert not any(validated.resume.iterdir())
    assert train_model.fn(params, validated).digest == resumed.digest
    assert calls == [1, 2, 3, 1, 2, 3]


def test_a_state_is_only_for_the_run_that_wrote_it(bare_workspace):
    one = Resume.of(bare_workspace, "train", {"params": {"epochs": 3}})
    other = Resume.of(bare_workspace, "train", {"params": {"epochs": 4}})
    one.write({"epoch": 1})
    assert one.read() == {"epoch": 1}
    assert other.read() is None


def test_success_clears_what_other_settings_left_but_not_other_stages(bare_workspace):
    one = Resume.of(bare_workspace, "train", {"seed": 1})
    Resume.of(bare_workspace, "train", {"seed": 2}).write({"epoch": 5})
    (bare_workspace.resume / "federate-1").mkdir()
    one.clear()
    assert [path.name for path in bare_workspace.resume.iterdir()] == ["federate-1"]


@pytest.mark.parametrize("damage", [b"", b"not a state", None])
def test_a_damaged_state_means_starting_afresh(bare_workspace, capsys, damage):
    resume = Resume.of(bare_workspace, "train", {"seed": 1})
    resume.write({"epoch": 1})
    path = resume.folder / "state.pt"
    path.write_bytes(path.read_bytes()[:-40] if damage is None else damage)
    assert resume.read() is None
    assert "train starts from the beginning" in capsys.readouterr().err


def test_clearing_nothing_is_fine(bare_workspace):
    Resume.of(bare_workspace, "train", {}).clear()
    assert not bare_workspace.resume.exists()


RUN = """
from tasks.params import load_params
from tasks.train.fit import train_model
from tasks.workspace import Workspace
here = Workspace.here()
train_model.fn(load_params(here.params_file).train, here)
"""


@pytest.mark.slow
def test_kill_9_in_mid_run_then_the_same_bytes(params, validated):
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", RUN]
    victim = subprocess.Popen(command, cwd=validated.root, env=environment)
    while victim.poll() is None and not list(validated.resume.glob("*/state.pt")):
        time.sleep(0.01)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert victim.returncode == -signal.SIGKILL, "the run ended before it could be killed"
    assert not (validated.stage("train") / "model.safetensors").exists()
    recover(validated)
    subprocess.run(command, cwd=validated.root, env=environment, check=True)
    resumed = (validated.stage("train") / "model.safetensors").read_bytes()
    assert train_model.fn(params, validated).path.read_bytes() == resumed
