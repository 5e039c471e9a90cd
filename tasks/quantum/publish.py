"""The trained quantum head as files: weights and circuit, never a pickled object."""

import json
from typing import cast

from models.quantum.head import QuantumHead
from models.quantum.variant import HEAD, HEAD_CONFIG, pack
from provenance import Artifact
from tasks.quantum.contest import Contest
from tasks.quantum.source import Source
from tasks.tracked import TrackedRun
from tasks.workspace import Workspace


def publish_head(
    run: TrackedRun, workspace: Workspace, contest: Contest, source: Source
) -> Artifact:
    """Write the head of the seed with the lowest validation loss.

    Returns:
        head.safetensors.
    """
    chosen = cast(QuantumHead, contest.quantum[contest.chosen].head)
    content, told = pack(chosen, source.components, backbone=source.weights.digest)
    text = json.dumps(told, indent=2, sort_keys=True) + "\n"
    folder = workspace.stage("quantum")
    run.publish(folder / HEAD_CONFIG, lambda path: path.write_text(text, encoding="utf-8") and None)
    return run.publish(folder / HEAD, lambda path: path.write_bytes(content) and None)
