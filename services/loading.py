"""Load a model, but only the very bytes that were released.

Before it is loaded, the whole version is verified: log, signatures, statements, every file. A file
that is hashed and then read again could change in between: what is loaded is read once more, and
what was hashed then is what is used.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load as read_tensors

from models.multimodal import Multimodal, build
from models.quantum.variant import COMPONENTS, HEAD, HEAD_CONFIG, Variant, unpack
from models.spec import Spec
from provenance import Log
from provenance.checks import LOADABLE, verify_model
from provenance.releases import CONFIG, WEIGHTS, champion
from services.verified import read_verified

__all__ = ["Loaded", "NotReleasedError", "load", "load_champion", "read_verified"]


class NotReleasedError(Exception):
    """There is no model to serve; says how to get one."""

    exit_code = 2


@dataclass(frozen=True)
class Loaded:
    """A model ready to answer.

    Args:
        model: in evaluation mode, no gradients; with a head of its own if it is a variant.
        config: what it is and how its inputs are made, as the train stage wrote it.
        digest: BLAKE3 of its weights.
    """

    model: Multimodal | Variant
    config: dict[str, Any]
    digest: str


def load_champion(log: Log, root: Path, name: str) -> Loaded:
    """Load the model that the provenance log says is champion, if it is intact and authentic.

    Args:
        log: the provenance log; it, not the registry's alias, says which bytes are good.
        root: the workspace.
        name: of the registered model.

    Raises:
        NotReleasedError: no version of it is champion.
        TamperedError: the log, a file of the version or one of its statements is not as released
            and signed, or that cannot be checked here.
    """
    found = champion(log, name)
    if found is None:
        raise NotReleasedError(
            f"no champion of {name!r} in the provenance log: run `cairn run` first"
        )
    verify_model(log, root, found).require(*LOADABLE)
    folder = found.artifact(root, WEIGHTS).path.parent
    return load(folder, {name: found.digest(name) for name in (WEIGHTS, CONFIG)})


def load(folder: Path, digests: Mapping[str, str]) -> Loaded:
    """Load a model from the folder that holds its weights and its config.

    Args:
        folder: with `model.safetensors` and `config.json`, and the files of a head if there is one.
        digests: the BLAKE3 that each must have.

    Raises:
        TamperedError: a file is not the right one, or is gone.
    """
    config = json.loads(read_verified(folder / CONFIG, digests[CONFIG]))
    tensors = read_tensors(read_verified(folder / WEIGHTS, digests[WEIGHTS]))
    model = build(Spec.of(config["model"]), seed=0)  # any seed: every weight is replaced
    model.load_state_dict(tensors, strict=True)
    model.eval().requires_grad_(False)
    if HEAD not in digests:
        return Loaded(model, config, digests[WEIGHTS])
    files = {name: read_verified(folder / name, digests[name]) for name in (HEAD, COMPONENTS)}
    told = json.loads(read_verified(folder / HEAD_CONFIG, digests[HEAD_CONFIG]))
    return Loaded(unpack(files, told, model).eval(), config, digests[HEAD])
