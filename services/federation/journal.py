"""What happened in a deployment, one JSON line each; what went wrong has a name."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

Kind = Literal[
    "certificates",
    "superlink_up",
    "superlink_lost",
    "node_up",
    "node_lost",
    "node_refused",
    "worker_lost",
    "certificate_expired",
    "certificate_foreign",
    "certificate_invalid",
    "unreachable",
    "run_started",
    "run_failed",
    "resumed",
    "finished",
]


class DeploymentError(Exception):
    """Something that a deployment cannot go on from; the message says what to do next.

    Args:
        kind: its name in the journal.
        text: what was found, what is wanted.
    """

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind, self.text = kind, text


class Journal:
    """Lines in a file, and to whoever listens.

    Args:
        path: of the file; lines are added at its end.
        tell: called with every line as people read it.
    """

    def __init__(self, path: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self.path, self.tell = path, tell
        self.kinds: list[Kind] = []

    def note(self, kind: Kind, text: str, **more: Any) -> None:
        """Add a line."""
        line: Mapping[str, Any] = {"time": round(time.time(), 3), "kind": kind, "text": text}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**line, **more}, sort_keys=True) + "\n")
        self.kinds.append(kind)
        self.tell(f"{kind}: {text}")
