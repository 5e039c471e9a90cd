"""The quantum variant of a released model: a version of its own, only if the verdict is a gain.

It carries the released weights and config beside the head, and answers where MLflow loads it; its
alias is `champion-quantum`, or `candidate-quantum` where the model did not become champion.
"""

import json
from typing import Any

from models.quantum.variant import COMPONENTS, HEAD, HEAD_CONFIG
from provenance import Artifact
from provenance.releases import CONFIG, WEIGHTS
from tasks.release.family import Member
from tasks.release.served import WHOLE
from tasks.release.source import Source
from tasks.upstream import upstream
from tasks.workspace import Workspace

NAME = "quantum"
VERDICT = "verdict.json"


def read_variant(workspace: Workspace, source: Source) -> tuple[list[Member], list[Artifact], str]:
    """The variant as a member of the family, where it is one.

    Returns:
        the member or none; what was read; the verdict in one sentence.

    Raises:
        InputError: the quantum stage has not run.
        TamperedError: something of it was changed.
    """
    folder = workspace.stage("quantum")
    verdict, *files = (
        upstream(workspace, folder / name) for name in (VERDICT, HEAD, COMPONENTS, HEAD_CONFIG)
    )
    told: dict[str, Any] = json.loads(verdict.verified().read_text(encoding="utf-8"))
    read = [verdict, *files]
    if not told["gain"]:
        return [], read, told["sentence"]
    member = Member(
        name=NAME,
        alias=NAME,
        card={
            "level": "quantum",
            "recipe": [{"technique": "quantum head"}],
            "measured": {"verdict": told["sentence"], "contrasts": told["contrasts"]},
        },
        files=(source.model[WEIGHTS], source.model[CONFIG], *files),
        folders=(),
        served=WHOLE,
    )
    return [member], read, told["sentence"]
