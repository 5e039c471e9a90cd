"""The process that stays: a node's model and data, ready for every round.

    python -m services.federation.worker DATA SOCKET KEY

Listens on a socket file, for processes that know the key. One message at a time, as a SuperNode
sends them.
"""

import argparse
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
from pathlib import Path

from models.federated.learner import Learner, Work
from services.federation.learners import load_learner
from services.federation.wire import receive, send


def serve(learner: Learner, socket: Path, key: bytes) -> None:
    """Answer until the process is ended."""
    socket.unlink(missing_ok=True)  # of a worker that was killed
    with Listener(str(socket), "AF_UNIX", authkey=key) as listener:
        print(f"ready: {learner.name}, {learner.examples} examples", flush=True)
        while True:
            try:
                connection = listener.accept()
            except (AuthenticationError, OSError, EOFError) as error:
                print(f"turned away: {error!r}", flush=True)
                continue
            # A client that was killed or timed out costs its own message and nothing else.
            with connection, suppress(EOFError, ConnectionError):
                _converse(learner, connection)


def _converse(learner: Learner, connection: Connection) -> None:
    send(connection, {"name": learner.name, "examples": learner.examples})
    while True:
        header, groups = receive(connection)
        try:
            if header["do"] == "train":
                work = Work(**header["work"], correction=groups.get("correction"))
                learned = learner.train(groups["arrays"], work)
                told = {
                    "examples": learned.examples,
                    "steps": learned.steps,
                    "metrics": learned.metrics,
                }
                send(connection, told, arrays=learned.arrays)
            else:
                send(connection, {"metrics": learner.evaluate(groups["arrays"])})
        except (EOFError, ConnectionError):
            raise
        except Exception as error:  # whatever a learner raises is the answer to its message
            send(connection, {"error": f"{type(error).__name__}: {error}"})


def main() -> None:
    parser = argparse.ArgumentParser(description="A node's learner, kept warm.")
    parser.add_argument("data", type=Path, help="folder of the partition")
    parser.add_argument("socket", type=Path, help="where to listen")
    parser.add_argument("key", type=Path, help="file that holds the key")
    given = parser.parse_args()
    learner = load_learner(given.data)
    serve(learner, given.socket, given.key.read_bytes())


if __name__ == "__main__":
    main()
