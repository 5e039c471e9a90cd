"""Flower's process for a message, without its start: a copy of one that has everything imported.

A SuperNode starts `flwr-clientapp` for every message, and its imports take 2 s of one core before
any work begins. This process has made them and forks at every call; the command of that name that a
node of ours finds first on its PATH (shim.py) merely passes its arguments on. Where no forge
answers, the shim starts Flower's own command.

It stays free of torch and of threads, so that a fork is a whole process.
"""

import argparse
import json
import os
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from services.federation.child import end_with_parent

BACKLOG = 16
LARGEST = 1 << 16


def serve(path: Path) -> None:
    """Fork for everyone who calls, until the process is ended."""
    from flwr.supernode.cli import flwr_clientapp

    import services.federation.fab.client_app  # noqa: F401  # what a message needs

    path.unlink(missing_ok=True)  # of a forge that was killed
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the copies
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
                if os.fork() == 0:
                    listener.close()
                    caller.close()
                    _work(arguments, flwr_clientapp)
                with suppress(OSError):
                    caller.sendall(b"forked")


def _arguments(caller: socket.socket) -> list[str] | None:
    parts = bytearray()
    while chunk := caller.recv(LARGEST):
        parts += chunk
    try:
        return [str(one) for one in json.loads(parts)]
    except ValueError:
        return None


def _work(arguments: list[str], command: object) -> None:
    """In the copy: be Flower's command, and end."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        end_with_parent(signal.SIGKILL)
        os.setpgrp()  # a signal to the forge's group is not for it: it watches its SuperNode
        sys.argv = ["flwr-clientapp", *arguments]
        command()  # type: ignore[operator]
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
    serve(parser.parse_args().socket)


if __name__ == "__main__":
    main()
