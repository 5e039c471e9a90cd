"""Devices, options and credentials are checked by name, before anything is opened."""

from importlib import metadata

import pytest

from models.quantum.hardware import (
    check_credentials,
    check_device,
    check_options,
    check_shots,
    find_credentials,
    installed_devices,
    is_local,
    known_device,
)
from models.quantum.head import HeadConfig
from models.quantum.plugins import PLUGINS, UNFIT


def nothing(path):
    return False


def test_installed_devices_are_those_that_pennylane_lists():
    import pennylane as qml

    assert installed_devices() == set(qml.plugin_devices)
    check_device("default.qubit", {})
    check_device("lightning.qubit", {"batch_obs": True})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("default.qubits", r"'default.qubits' is not known: did you mean default.qubit"),
        ("ionq.qup", r"did you mean ionq.qpu"),
        ("abacus", r"device='abacus' is not known: Installed are default.mixed, default.qubit"),
        ("ionq.qpu", r"'ionq.qpu' is not installed: pip install pennylane-ionq"),
        ("qiskit.remote", "pip install pennylane-qiskit"),
        ("braket.aws.qubit", "pip install amazon-braket-pennylane-plugin"),
        ("aqt.sim", "pip install pennylane-aqt"),
        ("default.gaussian", r"cannot run a head: it has modes of light, no qubits"),
        ("honeywell.hqs", r"ended with PennyLane 0.34"),
        ("rigetti.qpu", r"ended with PennyLane 0.40: use braket.aws.qubit"),
    ],
)
def test_a_device_that_is_not_here(name, message):
    with pytest.raises(ValueError, match=message):
        check_device(name, {}, installed=("default.qubit", "default.mixed"))


def test_a_device_that_no_table_knows_is_taken_if_it_is_installed():
    check_device("acme.qpu", {}, installed=("acme.qpu",))
    known_device("acme.qpu", installed=("acme.qpu",))
    assert not is_local("acme.qpu")
    assert find_credentials("acme.qpu", {}, exists=nothing) == "not known for this device"


@pytest.mark.parametrize(
    ("name", "option"), [("braket.aws.qubit", "device_arn"), ("qiskit.remote", "backend")]
)
def test_options_without_which_a_device_does_not_open(name, option):
    with pytest.raises(ValueError, match=f"'{name}' needs `options` to name {option}"):
        check_device(name, {}, installed=(name,))
    check_device(name, {option: "x"}, installed=(name,))


@pytest.mark.parametrize(
    "options",
    [
        {"token": "hunter2"},
        {"api_key": "hunter2"},
        {"apiKey": "hunter2"},
        {"access_key": "hunter2"},
        {"Password": "hunter2"},
        {"aws_secret_access_key": "hunter2"},
        {"job": {"auth": "hunter2"}},
        {"jobs": [{"refresh_token": "hunter2"}]},
        {"url": "https://me:hunter2@quantum.example/api"},
    ],
)
def test_an_option_that_looks_like_a_secret_is_refused_and_not_told(options):
    with pytest.raises(ValueError, match=r"secret|password in an address") as told:
        check_options(options)
    assert "hunter2" not in str(told.value)
    with pytest.raises(ValueError, match=r"secret|password in an address") as told:
        HeadConfig(features=2, classes=2, qubits=2, layers=1, options=options)
    assert "hunter2" not in str(told.value)


def test_options_of_real_devices_are_no_secrets():
    check_options({"backend": "aria-1", "gateset": "qis", "sharpen": True})
    check_options(
        {
            "device_arn": "arn:aws:braket:::device/quantum-simulator/amazon/sv1",
            "s3_destination_folder": ["bucket", "results"],
            "url": "https://quantum.example/api",
        }
    )


@pytest.mark.parametrize("name", ["ionq.qpu", "ionq.simulator", "acme.qpu"])
def test_a_device_that_measures_needs_shots(name):
    with pytest.raises(ValueError, match=rf"shots=null: device '{name}' measures"):
        check_shots(name, None)
    check_shots(name, 100)


def test_a_simulator_here_needs_no_shots_but_zero_are_none():
    check_shots("default.qubit", None)
    with pytest.raises(ValueError, match="shots=0: must be 1 or more"):
        check_shots("default.qubit", 0)


@pytest.mark.parametrize(
    ("name", "environ", "found"),
    [
        ("default.qubit", {}, "none needed"),
        ("qiskit.aer", {}, "none needed"),
        ("ionq.qpu", {"IONQ_API_KEY": "hunter2"}, "IONQ_API_KEY"),
        ("aqt.sim", {"AQT_TOKEN": "hunter2"}, "AQT_TOKEN"),
        ("qiskit.remote", {"QISKIT_IBM_TOKEN": "hunter2"}, "QISKIT_IBM_TOKEN"),
        (
            "braket.aws.qubit",
            {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "hunter2"},
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
    ],
)
def test_credentials_are_found_by_name_and_never_told(name, environ, found):
    assert check_credentials(name, environ, exists=nothing) == found


@pytest.mark.parametrize(
    ("name", "environ", "way"),
    [
        ("ionq.qpu", {"IONQ_API_KEY": ""}, "set IONQ_API_KEY"),
        ("ionq.simulator", {"AQT_TOKEN": "hunter2"}, "set IONQ_API_KEY"),
        ("qiskit.remote", {}, "set QISKIT_IBM_TOKEN, or save an account"),
        ("braket.aws.qubit", {"AWS_ACCESS_KEY_ID": "hunter2"}, "run `aws configure`"),
        ("scaleway.iqm", {"SCW_SECRET_KEY": "hunter2"}, "set SCW_PROJECT_ID and SCW_SECRET_KEY"),
    ],
)
def test_missing_credentials_say_how_to_give_them(name, environ, way):
    with pytest.raises(ValueError, match=rf"device='{name}' needs credentials, .*: {way}") as told:
        check_credentials(name, environ, exists=nothing)
    assert "hunter2" not in str(told.value)


def test_files_count_where_the_provider_reads_them():
    def only(there):
        return lambda path: path == there

    account = "~/.qiskit/qiskit-ibm.json"
    assert find_credentials("qiskit.remote", {}, exists=only(account)) == account
    assert find_credentials("braket.aws.qubit", {}, exists=only("~/.aws/config")) == "~/.aws/config"
    elsewhere = {"AWS_SHARED_CREDENTIALS_FILE": "/etc/aws"}
    assert (
        find_credentials("braket.aws.qubit", elsewhere, exists=only("/etc/aws"))
        == "AWS_SHARED_CREDENTIALS_FILE"
    )
    # The variable replaces the usual place, as in boto3.
    usual = only("~/.aws/credentials")
    assert find_credentials("braket.aws.qubit", elsewhere, exists=usual) is None


def test_pennylanes_own_configuration_file_counts_too():
    found = find_credentials("ionq.qpu", {}, exists=nothing, configured={"api_key"})
    assert found == "api_key in PennyLane's configuration file"
    assert find_credentials("ionq.qpu", {}, exists=nothing, configured={"shots"}) is None


def test_every_device_that_comes_with_us_is_in_a_table():
    ours = {
        entry.name
        for entry in metadata.entry_points(group="pennylane.plugins")
        if entry.value.startswith(("pennylane.", "pennylane_lightning."))
    }
    assert "default.qubit" in ours
    assert ours <= set(PLUGINS) | set(UNFIT)
    assert not set(PLUGINS) & set(UNFIT)
