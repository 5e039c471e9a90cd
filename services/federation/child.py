"""A program that ends when the process that started it does, also if that one was killed.

    python child.py PARENT COMMAND...

Linux tells the child (PR_SET_PDEATHSIG); elsewhere the program is merely started. Standard library
only: it stands between a command and its start.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent(number: signal.Signals) -> None:
    """Have this process sent a signal when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    # Not SIGTERM: a node that says goodbye is, to a ServerApp that still runs, a round that failed.
    end_with_parent(signal.SIGKILL)
    if os.getppid() != parent:  # it died before we could ask
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main()
