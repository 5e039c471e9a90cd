"""What is asked of a SuperLink: register keys, list nodes, start, watch and stop runs.

One of the few files that touch Flower's internals: the `flwr` command does the same through this
client, but takes seconds a call and cannot start a run that goes on with the clients' state of an
earlier one (a run of the same series).
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from flwr.common.serde import fab_to_proto, user_config_to_proto
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    ListRunsRequest,
    RegisterNodeRequest,
    StartRunRequest,
    StopRunRequest,
)
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.fab import Fab
from flwr.supercore.interceptors import RuntimeVersionHttpInterceptor
from flwr.supercore.primitives.asymmetric import public_key_to_bytes

from services.federation.bundle import bundle
from services.federation.journal import DeploymentError

logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Started:
    """A run, and the series that keeps its clients' state for a later one."""

    run: int
    series: int


@dataclass(frozen=True)
class Outcome:
    """Where a run is.

    Args:
        status: pending, starting, running or finished.
        good: finished, and completed.
        details: of what went wrong.
    """

    status: str
    good: bool
    details: str


class Control:
    """One connection.

    Args:
        address: host:port of the SuperLink.
        authority: file of the certificate that signed the SuperLink's.
    """

    def __init__(self, address: str, authority: Path) -> None:
        self.address = address
        self._client = ControlHttpClient.from_server_address(
            server_address=address,
            insecure=False,
            root_certificates=authority.read_bytes(),
            interceptors=[RuntimeVersionHttpInterceptor(component_name="flwr CLI")],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def healthy(self) -> bool:
        """Whether it answers."""
        try:
            self._client.ListNodes(ListNodesRequest())
        except (httpx.HTTPError, ValueError):
            return False
        return True

    def register(self, public_key: Path, name: str) -> int:
        """Let the node with this key in; its id.

        Raises:
            DeploymentError: the key is registered already, or is none.
        """
        key = public_key_to_bytes(load_ssh_public_key(public_key.read_bytes()))
        try:
            answer = self._client.RegisterNode(RegisterNodeRequest(public_key=key, name=name))
        except httpx.HTTPStatusError as error:
            raise DeploymentError("node_refused", f"{public_key}: {_told(error)}") from None
        return int(answer.node_id)

    def online(self) -> set[int]:
        """Ids of the nodes that are there."""
        nodes = self._client.ListNodes(ListNodesRequest()).nodes_info
        return {int(node.node_id) for node in nodes if node.status == "online"}

    def start(
        self, settings: Mapping[str, str | int | float], series: int | None = None
    ) -> Started:
        """Start a run, with the clients' state of an earlier one where its series is given."""
        content = bundle()
        request = StartRunRequest(
            fab=fab_to_proto(Fab(_sha256(content), content, {})),
            override_config=user_config_to_proto(dict(settings)),
            federation="",
        )
        if series is not None:
            request.series_id = series
        try:
            answer = self._client.StartRun(request)
        except httpx.HTTPStatusError as error:
            raise DeploymentError(
                "run_failed", f"the SuperLink took no run: {_told(error)}"
            ) from None
        return Started(int(answer.run_id), int(answer.series_id))

    def outcome(self, run: int) -> Outcome:
        """Where it is."""
        status = self._client.ListRuns(ListRunsRequest(run_id=run)).run_dict[run].status
        good = status.status == "finished" and status.sub_status == "completed"
        return Outcome(str(status.status), good, str(status.details or status.sub_status))

    def stop(self, run: int) -> None:
        """End it, if it has not ended."""
        try:
            self._client.StopRun(StopRunRequest(run_id=run))
        except httpx.HTTPStatusError:
            return  # it was over


def _told(error: httpx.HTTPStatusError) -> str:
    """Flower's sentence in an answer that refuses."""
    try:
        told = json.loads(error.response.text)
        return str(told.get("public_details") or told.get("message") or told)
    except ValueError:
        return error.response.text or str(error)


def _sha256(content: bytes) -> str:
    """Flower names bundles by it."""
    from cryptography.hazmat.primitives import hashes

    hasher = hashes.Hash(hashes.SHA256())
    hasher.update(content)
    return hasher.finalize().hex()
