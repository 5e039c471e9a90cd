"""A program that trains one model, spoken to in JSON over its standard input and output."""

import json
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    "RAYON_NUM_THREADS": "1",
    "QISKIT_PARALLEL": "FALSE",
}


class TookTooLong(Exception):
    """No answer within the limit; the program was ended."""


class Program:
    """Starts with its first question, and again with the next one after it took too long.

    Args:
        name: of what it measures.
        command: that starts it.
    """

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name, self.command = name, command
        self._process: subprocess.Popen[str] | None = None

    def ask(self, do: str, *, limit: float | None = None, **more: Any) -> dict[str, Any]:
        """What it answers.

        Args:
            do: what it shall do.
            limit: seconds to wait.
            more: goes with the question.

        Raises:
            TookTooLong: no answer within the limit.
            RuntimeError: it ended.
        """
        process = self._process or self._start()
        assert process.stdin is not None  # noqa: S101  # a pipe
        assert process.stdout is not None  # noqa: S101  # a pipe
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(limit, end) if limit else None
        if timer:
            timer.start()
        try:
            process.stdin.write(json.dumps({"do": do, **more}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            if timer:
                timer.cancel()
        if line:
            found: dict[str, Any] = json.loads(line)
            return found
        status = self.close()
        if late.is_set():
            raise TookTooLong(f"{self.name}: no answer in {limit} s")
        raise RuntimeError(f"{self.name}: its program ended with status {status}: {self.command}")

    def close(self) -> int:
        """End it; 0 if it never ran."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with process:
            assert process.stdin is not None  # noqa: S101  # a pipe
            if not process.stdin.closed:
                process.stdin.close()
            return process.wait()

    def _start(self) -> "subprocess.Popen[str]":
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | ONE_THREAD,
        )
        return self._process
