"""What the search stage left: choices that no other beats, and heads for all of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from safetensors.torch import load
from torch import Tensor

from provenance import Artifact
from tasks.upstream import upstream
from tasks.workspace import Workspace

FRONT = "front.json"
SUPERNET = "supernet.safetensors"


@dataclass(frozen=True)
class Front:
    """What the search found.

    Args:
        choices: configurations that no other beats, with loss, latency_ms and bytes.
        tensors: of the supernets, named `VIEW.NAME`.
    """

    choices: Sequence[Mapping[str, Any]]
    tensors: Mapping[str, Tensor]

    def smallest(self, max_loss: float) -> Mapping[str, Any]:
        """The smallest choice that loses no more than this; the best one where all lose more."""
        good = [found for found in self.choices if found["loss"] <= max_loss]
        if not good:
            return min(self.choices, key=lambda found: (found["loss"], found["bytes"]))
        return min(good, key=lambda found: (found["bytes"], found["latency_ms"]))

    def within(
        self, most: float | None, max_loss: float, *, room: float
    ) -> list[Mapping[str, Any]]:
        """Choices near the limits, by rising loss.

        Args:
            most: bytes; None for no limit.
            max_loss: relative loss of validation quality.
            room: factor by which a choice may exceed either: what comes out of a recipe differs
                from what the search counted.
        """
        good = [
            found
            for found in self.choices
            if found["loss"] <= max_loss * room and (most is None or found["bytes"] <= most * room)
        ]
        return sorted(good, key=lambda found: (found["loss"], found["bytes"]))


def read_front(workspace: Workspace) -> tuple[Front, tuple[Artifact, ...]]:
    """The search stage's outputs, and the artifacts that were read.

    Raises:
        InputError: the search has not run.
        TamperedError: its outputs were changed.
    """
    folder = workspace.stage("search")
    listing, heads = (upstream(workspace, folder / name) for name in (FRONT, SUPERNET))
    told = json.loads(listing.verified().read_text(encoding="utf-8"))
    return Front(told["front"], load(heads.verified().read_bytes())), (listing, heads)
