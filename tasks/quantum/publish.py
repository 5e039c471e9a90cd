"""The trained quantum head as files: weights and circuit, never a pickled object."""

import json
from functools import partial
from pathlib import Path

from models.quantum.variant import HEAD_CONFIG, pack
from tasks.quantum.contest import Contest
from tasks.quantum.source import Source
from tasks.tracked import TrackedRun
from tasks.workspace import Workspace


def publish_head(run: TrackedRun, workspace: Workspace, contest: Contest, source: Source) -> None:
    """Write the head of the seed with the lowest validation loss."""
    files, told = pack(contest.chosen_head, source.components, backbone=source.weights.digest)
    files[HEAD_CONFIG] = (json.dumps(told, indent=2, sort_keys=True) + "\n").encode()
    for name, content in files.items():
        run.publish(workspace.stage("quantum") / name, partial(_write, content))


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)
