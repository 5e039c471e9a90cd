"""DVC as a child: its failures keep the stage's own words and exit code."""

import pickle
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from flows.plan import make_plan
from flows.record import Failure
from flows.repro import StageFailed, repro, stage_environment
from tasks.errors import CairnError
from tasks.workspace import Workspace
from tests.flows.conftest import change, tries

STOP = 5.0


def test_a_failing_stage_keeps_its_message_and_code(toy: Workspace) -> None:
    change(toy, "data/raw.txt", "stamps", "bad gate")
    with pytest.raises(StageFailed, match=r"stage ingest: accuracy 0\.5 is below 0\.9") as caught:
        repro(toy, make_plan(toy), "run1", STOP)
    assert caught.value.exit_code == 1
    assert caught.value.failure.error == "CheckFailed"
    assert tries(toy, "validate") == 0


def test_a_killed_stage_is_called_killed(toy: Workspace) -> None:
    change(toy, "data/raw.txt", "stamps", "kill")
    with pytest.raises(StageFailed, match="stage ingest: killed before it could say why"):
        repro(toy, make_plan(toy), "run1", STOP)


def test_a_failure_of_dvc_itself(toy: Workspace) -> None:
    plan = make_plan(toy)
    (toy.root / "dvc.yaml").write_text("stages: 7")
    with pytest.raises(CairnError, match="dvc repro ended with exit code"):
        repro(toy, plan, "run1", STOP)


def test_a_failed_stage_can_be_sent_to_another_process() -> None:
    error = StageFailed("train", Failure("DivergedError", "loss is NaN", 1, False))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert (str(again), again.failure) == (str(error), error.failure)


def test_results_go_to_standard_output_alone(
    toy: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    repro(toy, make_plan(toy), "run1", STOP)
    out, err = capfd.readouterr()
    assert out == ""
    assert "Running stage 'ingest'" in err


def test_stages_get_this_interpreter_and_no_telemetry() -> None:
    environment = stage_environment("run1")
    assert environment["PATH"].startswith(str(Path(sys.executable).parent))
    assert environment["CAIRN_PIPELINE"] == "run1"
    assert environment["DVC_NO_ANALYTICS"] == "1"


def test_an_interruption_stops_the_stage_too(toy: Workspace) -> None:
    change(toy, "data/raw.txt", "stamps", "wait")

    def interrupt_once_it_runs() -> None:
        while tries(toy, "ingest") == 0:
            time.sleep(0.05)
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)

    plan = make_plan(toy)
    thread = threading.Thread(target=interrupt_once_it_runs)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        repro(toy, plan, "run1", STOP)
    thread.join()
    record = (toy.mlruns / "last" / "ingest.json").read_text()
    assert '"KeyboardInterrupt"' in record, "the stage was killed instead of interrupted"
