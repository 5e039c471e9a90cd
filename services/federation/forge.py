"""Flower's process for a message, without its start: a copy of one that has everything imported.

A SuperNode starts `flwr-clientapp` for every message, and its imports take 2 s of one core before
any work begins. This process has made them and forks at every call; the command of that name that a
node of ours finds first on its PATH (shim.py) merely passes its arguments on. Where no forge
answers, the shim starts Flower's own command.

One message at a time: Flower hands a client's state in after the answer, when the next message may
already be there. A copy is made once the one before has ended, or a client would go on from a state
that is a round old.

It stays free of torch and of threads, so that a fork is a whole process.
"""

import argparse
import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from services.federation.child import end_with_parent

BACKLOG = 16
LARGEST = 1 << 16
SECONDS_TO_HAND_IN = 60
"""For a client's state, after the answer. Flower gives 5, too few for 80 MB on a busy host."""
SECONDS_BETWEEN_LOOKS = 0.01


def serve(path: Path, command: Callable[[], object]) -> None:
    """Fork for everyone who calls, one after the other, until the process is ended.

    Args:
        path: of the socket.
        command: what a copy does; it finds the caller's arguments in sys.argv.
    """
    path.unlink(missing_ok=True)  # of a forge that was killed
    last: int | None = None
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(BACKLOG)
        print("ready: for messages", flush=True)
        while True:
            caller, _ = listener.accept()
            with caller:
                arguments = _arguments(caller)
                if arguments is None:
                    continue
                with suppress(OSError):
                    caller.sendall(b"taken")  # at once: the caller would not wait for the others
            if last is not None:
                _await_end(last)
            last = os.fork()
            if last == 0:
                listener.close()
                _work(arguments, command)


def _await_end(copy: int) -> None:
    """Until it has handed in what it has; one that hangs is killed."""
    until = time.monotonic() + SECONDS_TO_HAND_IN
    while os.waitpid(copy, os.WNOHANG)[0] == 0:
        if time.monotonic() > until:
            os.kill(copy, signal.SIGKILL)
            os.waitpid(copy, 0)
            return
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _arguments(caller: socket.socket) -> list[str] | None:
    parts = bytearray()
    while chunk := caller.recv(LARGEST):
        parts += chunk
    try:
        return [str(one) for one in json.loads(parts)]
    except ValueError:
        return None


def _work(arguments: list[str], command: Callable[[], object]) -> None:
    """In the copy: be Flower's command, and end."""
    code = 1
    try:
        end_with_parent(signal.SIGKILL)
        os.setpgrp()  # a signal to the forge's group is not for it: it watches its SuperNode
        sys.argv = ["flwr-clientapp", *arguments]
        command()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    parser = argparse.ArgumentParser(description="Forks Flower's process for a message.")
    parser.add_argument("socket", type=Path, help="where to listen")
    given = parser.parse_args()
    from flwr.supercore.exit import exit as end
    from flwr.supernode.cli import flwr_clientapp

    import services.federation.fab.client_app  # noqa: F401  # what a message needs

    end.FORCE_EXIT_TIMEOUT_SECONDS = SECONDS_TO_HAND_IN
    serve(given.socket, flwr_clientapp)


if __name__ == "__main__":
    main()
