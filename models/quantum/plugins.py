"""PennyLane devices by name: which plug-in has them, and how their providers know who asks.

Names of devices are the entry points of each plug-in's released wheel. No prices: providers change
them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Access:
    """How a provider knows who asks; any one of the ways will do.

    Args:
        variables: of the environment; those of one way go together.
        files: a variable that names a file, and where the file is if the variable is absent.
        option: of PennyLane's configuration file.
        how: what to do where there is nothing.
    """

    variables: tuple[tuple[str, ...], ...]
    files: tuple[tuple[str | None, str], ...] = ()
    option: str | None = None
    how: str = ""


@dataclass(frozen=True)
class Plugin:
    """Where a device comes from.

    Args:
        package: for pip.
        access: None for a simulator on this machine.
        needs: options without which it does not open.
    """

    package: str
    access: Access | None = None
    needs: tuple[str, ...] = ()


# https://docs.pennylane.ai/projects/ionq/en/latest/; its client reads the first name too.
IONQ = Access(
    (("PENNYLANE_IONQ_API_KEY",), ("IONQ_API_KEY",)), option="api_key", how="set IONQ_API_KEY"
)
# https://docs.pennylane.ai/projects/aqt/en/latest/
AQT = Access((("AQT_TOKEN",),), option="api_key", how="set AQT_TOKEN")
# https://quantum.cloud.ibm.com/docs/guides/save-credentials; qiskit_ibm_runtime/accounts.
IBM = Access(
    (("QISKIT_IBM_TOKEN",),),
    files=((None, "~/.qiskit/qiskit-ibm.json"),),
    how="set QISKIT_IBM_TOKEN, or save an account once with QiskitRuntimeService.save_account",
)
# https://docs.aws.amazon.com/boto3/latest/guide/credentials.html. The role of an EC2 instance is
# known to the network only: name it in ~/.aws/config (credential_source).
AWS = Access(
    (
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_PROFILE",),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
    ),
    files=(
        ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        ("AWS_CONFIG_FILE", "~/.aws/config"),
    ),
    how="run `aws configure`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
)
# https://github.com/scaleway/pennylane-scaleway
SCALEWAY = Access(
    (("SCW_PROJECT_ID", "SCW_SECRET_KEY"),), how="set SCW_PROJECT_ID and SCW_SECRET_KEY"
)

PLUGINS: dict[str, Plugin] = {
    **dict.fromkeys(
        ("default.qubit", "default.mixed", "default.tensor", "reference.qubit"),
        Plugin("pennylane"),
    ),
    "lightning.qubit": Plugin("pennylane-lightning"),
    "lightning.gpu": Plugin("pennylane-lightning-gpu"),
    "lightning.kokkos": Plugin("pennylane-lightning-kokkos"),
    "lightning.tensor": Plugin("pennylane-lightning-tensor"),
    **dict.fromkeys(("qiskit.aer", "qiskit.basicsim"), Plugin("pennylane-qiskit")),
    "qiskit.remote": Plugin("pennylane-qiskit", IBM, ("backend",)),
    **dict.fromkeys(
        (
            "cirq.simulator",
            "cirq.mixedsimulator",
            "cirq.qsim",
            "cirq.qsimh",
            "cirq.pasqal",
        ),
        Plugin("pennylane-cirq"),
    ),
    "qulacs.simulator": Plugin("pennylane-qulacs"),
    **dict.fromkeys(("ionq.simulator", "ionq.qpu"), Plugin("pennylane-ionq", IONQ)),
    **dict.fromkeys(("aqt.sim", "aqt.noisy_sim"), Plugin("pennylane-aqt", AQT)),
    "braket.local.qubit": Plugin("amazon-braket-pennylane-plugin"),
    "braket.aws.qubit": Plugin("amazon-braket-pennylane-plugin", AWS, ("device_arn",)),
    **dict.fromkeys(
        ("scaleway.aer", "scaleway.aqt", "scaleway.iqm", "scaleway.cudaq", "scaleway.qsim"),
        Plugin("pennylane-scaleway", SCALEWAY, ("backend",)),
    ),
}
"""Devices that run circuits of qubits."""

UNFIT = {
    "default.gaussian": "it has modes of light, no qubits",
    "default.qutrit": "it has three levels instead of two",
    "default.qutrit.mixed": "it has three levels instead of two",
    "default.clifford": "it has no rotations, which is what a head trains",
    "null.qubit": "it computes nothing",
    "braket.aws.ahs": "it runs no gates",
    "braket.local.ahs": "it runs no gates",
    # https://docs.pennylane.ai/projects/honeywell
    "honeywell.hqs": "its plug-in ended with PennyLane 0.34",
    # https://docs.pennylane.ai/projects/rigetti/en/stable
    "rigetti.qpu": "its plug-in ended with PennyLane 0.40: use braket.aws.qubit",
    "rigetti.qvm": "its plug-in ended with PennyLane 0.40: use lightning.qubit",
    "qiskit.ibmq": "its plug-in has `qiskit.remote` in its place",
}
"""Devices that people ask for, and why a head does not run there."""
