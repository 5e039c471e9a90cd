"""The learner that a ClientApp sees: it asks the node's worker, and needs no torch itself.

Flower starts a process for every message. With torch in it, most of a round would be its import.
"""

import time
from dataclasses import asdict
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

from flwr.app import Context

from models.federated.arrays import Arrays
from models.federated.learner import Learned, Learner, Work
from services.federation.wire import receive, send

WORKER, KEY, DATA = "worker", "worker-key", "data"
"""Names in a SuperNode's --node-config: the worker's socket and the file of its key; or, without a
worker, the folder of the data."""
SECONDS_TO_ANSWER = 30.0
SECONDS_BETWEEN_TRIES = 0.1


class WorkerError(Exception):
    """The worker does not answer, or could not do what it was asked."""


class RemoteLearner:
    """A learner in another process.

    Args:
        socket: where its worker listens.
        key: both sides prove that they know it.
    """

    def __init__(self, socket: str, key: bytes) -> None:
        self._connection = _connect(socket, key)
        about, _ = receive(self._connection)
        self.name, self.examples = str(about["name"]), int(about["examples"])

    def train(self, arrays: Arrays, work: Work) -> Learned:
        plain = {name: value for name, value in asdict(work).items() if name != "correction"}
        header, groups = self._ask(
            {"do": "train", "work": plain}, arrays=arrays, correction=work.correction
        )
        return Learned(
            groups["arrays"],
            int(header["examples"]),
            float(header["steps"]),
            dict(header["metrics"]),
        )

    def evaluate(self, arrays: Arrays) -> dict[str, float]:
        header, _ = self._ask({"do": "evaluate"}, arrays=arrays)
        return dict(header["metrics"])

    def _ask(
        self, header: dict[str, Any], **groups: Arrays | None
    ) -> tuple[dict[str, Any], dict[str, Arrays]]:
        try:
            send(self._connection, header, **groups)
            found, arrays = receive(self._connection)
        except (EOFError, OSError) as error:
            raise WorkerError(
                f"the worker ended while it was asked to {header['do']} ({error!r}): see its log"
            ) from None
        if "error" in found:
            raise WorkerError(str(found["error"]))
        return found, arrays


def learner_of(context: Context) -> Learner:
    """The node's worker, or, where it has none, its learner in this process."""
    config = context.node_config
    if WORKER in config:
        return RemoteLearner(str(config[WORKER]), Path(str(config[KEY])).read_bytes())
    from services.federation.learners import load_learner

    return load_learner(Path(str(config[DATA])))


def _connect(socket: str, key: bytes) -> Connection:
    """A worker that is being started again is waited for."""
    until = time.monotonic() + SECONDS_TO_ANSWER
    while True:
        try:
            return Client(socket, "AF_UNIX", authkey=key)
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > until:
                raise WorkerError(
                    f"no worker answers at {socket} after {SECONDS_TO_ANSWER:g} s: start it with "
                    "`python -m services.federation.worker`"
                ) from None
            time.sleep(SECONDS_BETWEEN_TRIES)
