"""What a SuperNode of ours starts in place of `flwr-clientapp`: passes the arguments to its forge.

    python shim.py SOCKET COMMAND ARGUMENTS...

Standard library only, for it runs before every message. COMMAND is Flower's own, for when no forge
answers.
"""

import json
import os
import socket
import sys

SECONDS = 5.0


def main() -> None:
    path, command, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
    try:
        with socket.socket(socket.AF_UNIX) as forge:
            forge.settimeout(SECONDS)
            forge.connect(path)
            forge.sendall(json.dumps(arguments).encode())
            forge.shutdown(socket.SHUT_WR)
            if forge.recv(16):
                return
    except OSError:
        pass
    os.execv(command, [command, *arguments])  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main()
