"""policy.yaml: what a released model must keep to, as data whose digest is in the log."""

import getpass
from datetime import UTC, datetime
from typing import Annotated

from blake3 import blake3
from pydantic import Field, NonNegativeFloat, PositiveFloat, StringConstraints, ValidationError

from provenance import Artifact, Entry, Log
from tasks.entry import ENTRY_VERSION
from tasks.errors import InputError
from tasks.params.base import Section
from tasks.params.load import read_yaml
from tasks.workspace import Workspace

POLICY = "policy"
"""Kind of the log entries written here."""
FILE = "policy.yaml"
ANY = "any"

Name = Annotated[str, StringConstraints(min_length=1)]
Allowed = Annotated[list[Name], Field(min_length=1)]
"""What is allowed; `any` allows everything. An empty list would allow nothing, so it is refused."""


class Licences(Section):
    """Of weights and data."""

    weights: Allowed
    data: Allowed


class DataRules(Section):
    """Which data a model may be made from."""

    sources: Allowed
    manifests: Allowed


class Privacy(Section):
    """Of runs that record a budget."""

    max_epsilon: PositiveFloat


class Approval(Section):
    """Whether somebody else must have said yes."""

    required: bool


class CodeRules(Section):
    """Of the code behind each run."""

    clean_tree: bool
    commit: bool


class Tolerance(Section):
    """How much may differ where something is run again."""

    metrics: NonNegativeFloat
    outputs: dict[Name, NonNegativeFloat]


class Policy(Section):
    """Everything in policy.yaml."""

    licences: Licences
    minimum_metrics: dict[Name, float]
    data: DataRules
    privacy: Privacy
    approval: Approval
    code: CodeRules
    tolerance: Tolerance


def allows(allowed: list[str], value: str | None) -> bool:
    """Whether a value is on a list; what is not known is allowed only by `any`."""
    return ANY in allowed or value in allowed


def load_policy(workspace: Workspace) -> Policy | None:
    """Read policy.yaml; None where there is none.

    Raises:
        InputError: it cannot be read, is not YAML, or holds an unknown, missing or wrong key.
    """
    found = read_policy(workspace)
    return None if found is None else found[0]


def read_policy(workspace: Workspace) -> tuple[Policy, Artifact] | None:
    """What policy.yaml says, and which bytes said so: read once, so that the two belong together.

    Raises:
        InputError: as `load_policy`.
    """
    path = workspace.root / FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{FILE} cannot be read ({error.strerror})") from None
    return _parse(data), Artifact(path, blake3(data).hexdigest(), len(data))


def _parse(data: bytes) -> Policy:
    try:
        return Policy.model_validate(read_yaml(data.decode(), FILE))
    except (UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{FILE} is not valid YAML: {error}") from None
    except ValidationError as error:
        lines = [
            f"{FILE}: `{'.'.join(map(str, found['loc']))}` is {found['input']!r}; "
            f"{found['msg'].replace('Input should be', 'allowed is')}"
            for found in error.errors()
        ]
        raise InputError("\n".join(lines)) from None


def policy_digest(workspace: Workspace) -> str:
    """BLAKE3 of policy.yaml."""
    return Artifact.of(workspace.root / FILE).digest


def logged_policy(entry: Entry) -> str:
    """BLAKE3 of the policy that an entry puts in force."""
    return str(entry.body["policy"]["blake3"])


def record_policy(log: Log, workspace: Workspace, *, change: bool = True) -> Entry | None:
    """Log the policy on disk as the one in force from here on.

    Args:
        change: whether it may take the place of another one. A run may only begin with a policy: if
            it also changed one, who can edit the file could loosen it and wait.

    Returns:
        its entry, old or new; None where there is no policy.

    Raises:
        InputError: the file is no policy; nothing is logged then.
    """
    found = read_policy(workspace)
    if found is None:
        return None
    policy, artifact = found
    before = [entry for entry in log.entries() if entry.body["kind"] == POLICY]
    if before and (not change or logged_policy(before[-1]) == artifact.digest):
        return before[-1]
    after = before[-1].seq if before else "none"
    return log.append(
        {
            "v": ENTRY_VERSION,
            "kind": POLICY,
            "id": f"policy-{artifact.digest[:16]}-after-{after}",  # one may come back later
            "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "actor": getpass.getuser(),
            # Not kept: a policy on disk that differs is judged by compliance, not by integrity.
            "artifacts": [
                {"path": FILE, "blake3": artifact.digest, "size": artifact.size, "kept": False}
            ],
            "policy": {
                "path": FILE,
                "blake3": artifact.digest,
                "rules": policy.model_dump(mode="json"),
            },
        }
    )
