"""How a command ends: one clear line on standard error and a documented exit code.

0  done
1  a check failed, or something broke that is no fault of the input
2  bad input: parameters, data, usage, a missing tool
3  someone else is at work in the workspace
130  interrupted: Ctrl-C or a SIGTERM
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

DEBUG = "CAIRN_DEBUG"
INTERRUPTED = 130


def ending(work: Callable[[], None], *, tell: bool = True) -> int:
    """Do the work; tell an error in one line.

    With CAIRN_DEBUG=1 the traceback comes first.

    Args:
        work: what to do.
        tell: whether to say the error; a stage of a pipeline leaves that to the pipeline.

    Returns:
        the exit code.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    # A shell starts background jobs with SIGINT ignored, which Python leaves so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        work()
    except KeyboardInterrupt:
        return _say("interrupted; the next `cairn run` goes on from there", INTERRUPTED, tell)
    except Exception as error:
        # Errors that are raised on purpose, in every room, carry the code they end with.
        if (code := getattr(error, "exit_code", None)) is not None:
            return _say(str(error), code, tell)
        hint = "" if debugging() else f" ({DEBUG}=1 shows where)"
        return _say(f"{type(error).__name__}: {error}{hint}", 1, tell)
    return 0


def debugging() -> bool:
    """Whether the user wants tracebacks and all log lines."""
    return os.environ.get(DEBUG) == "1"


def _say(text: str, code: int, tell: bool) -> int:
    if debugging():
        traceback.print_exc()
    if tell:
        print(f"cairn: {text}", file=sys.stderr, flush=True)
    return code


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
