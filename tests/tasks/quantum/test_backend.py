"""Settings of the device are refused before anything is trained, and no secret is told."""

from types import SimpleNamespace

import pytest
import yaml

from models.quantum.head import QuantumHead
from models.quantum.stored import store
from tasks.errors import InputError
from tasks.params import QuantumParams, parse_params
from tasks.quantum import backend as edge
from tasks.quantum.backend import check_backend, credentials_here, head_config
from tasks.quantum.task import _decides, quantum_head
from tasks.workspace import Workspace
from tests.tasks.quantum.conftest import PROJECT


def settings(**changes) -> QuantumParams:
    whole = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    whole["quantum"]["backend"] |= {"engine": "pennylane", **changes}
    return parse_params(yaml.safe_dump(whole)).quantum


@pytest.fixture
def ionq(monkeypatch, tmp_path):
    """As if IonQ's plug-in was installed, for a person without credentials."""
    known = frozenset({"default.qubit", "ionq.qpu", "qiskit.remote"})
    monkeypatch.setattr("models.quantum.hardware.installed_devices", lambda: known)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("IONQ_API_KEY", "PENNYLANE_IONQ_API_KEY", "QISKIT_IBM_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_what_runs_here_needs_nothing():
    check_backend(settings(device="default.qubit").backend)
    check_backend(settings(device="lightning.qubit", shots=100).backend)
    check_backend(settings(engine="torch", device="nowhere").backend)  # not used


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": "default.qubits"}, "`quantum.backend`: .*did you mean default.qubit"),
        ({"device": "default.clifford"}, "`quantum.backend`: .*it has no rotations"),
        ({"device": "aqt.sim", "shots": 100}, "`quantum.backend`: .*pip install pennylane-aqt"),
        ({"device": "ionq.qpu", "shots": 100}, "`quantum.backend`: .*: set IONQ_API_KEY"),
        (
            {"device": "qiskit.remote", "shots": 100, "options": {"backend": "ibm_fez"}},
            "`quantum.backend`: .*: set QISKIT_IBM_TOKEN",
        ),
        ({"device": "qiskit.remote", "shots": 100}, "needs `options` to name backend"),
    ],
)
def test_the_stage_refuses_before_it_reads_anything(ionq, changes, message):
    nowhere = Workspace(ionq / "nothing here")
    with pytest.raises(InputError, match=message):
        quantum_head.fn(settings(**{"shots": 10, **changes}), nowhere, ())
    assert not (ionq / "nothing here").exists()  # no run was begun


def test_with_credentials_it_goes_on(ionq, monkeypatch):
    monkeypatch.setenv("IONQ_API_KEY", "hunter2")
    check_backend(settings(device="ionq.qpu", shots=100).backend)
    assert credentials_here("ionq.qpu") == "IONQ_API_KEY"


def test_an_account_that_was_saved_counts(ionq):
    assert credentials_here("qiskit.remote") is None
    (ionq / ".qiskit").mkdir()
    (ionq / ".qiskit" / "qiskit-ibm.json").write_text("{}")
    assert credentials_here("qiskit.remote") == "~/.qiskit/qiskit-ibm.json"


def test_a_key_in_pennylanes_configuration_file_counts(ionq, monkeypatch):
    import pennylane as qml

    path = ionq / "config.toml"
    path.write_text('[ionq.global]\napi_key = "hunter2"\n')
    monkeypatch.setattr(qml, "default_config", qml.Configuration(str(path)))
    assert credentials_here("ionq.qpu") == "api_key in PennyLane's configuration file"
    assert edge._configured("default.qubit") == set()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shots": 0}, r"`quantum.backend.shots` is 0; allowed is greater than 0"),
        ({"device": "ionq.qpu", "shots": None}, "`quantum.backend`: shots=null: .*'ionq.qpu'"),
        ({"price_per_shot": -1.0}, "`quantum.backend.price_per_shot` is -1.0"),
        ({"options": {"api_key": "hunter2"}}, "`quantum.backend`: option `options.api_key` looks"),
        ({"token": "hunter2"}, "`quantum.backend`: option `token` looks like a secret"),
    ],
)
def test_params_that_cannot_be(changes, message):
    with pytest.raises(InputError, match=message) as told:
        settings(**changes)
    assert "hunter2" not in str(told.value)


def test_options_that_are_stored_are_those_of_params_and_no_environment(ionq, monkeypatch):
    monkeypatch.setenv("IONQ_API_KEY", "hunter2")
    params = settings(device="ionq.qpu", shots=100, options={"backend": "aria-1"})
    config = head_config(params, features=4, classes=2)
    assert (config.device, dict(config.options)) == ("ionq.qpu", {"backend": "aria-1"})
    _, told = store(QuantumHead(head_config(settings(), features=4, classes=2), seed=0))
    assert told["config"]["options"] == {}
    assert "hunter2" not in repr(config) + str(told) + params.model_dump_json()


def test_a_run_that_was_paid_for_goes_on_after_a_price_changed():
    nothing_read = SimpleNamespace(inputs=())
    before = _decides(settings(shots=10), nothing_read)
    assert _decides(settings(shots=10, price_per_shot=0.5), nothing_read) == before
    assert _decides(settings(shots=20), nothing_read) != before
