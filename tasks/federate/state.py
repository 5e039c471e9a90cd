"""Rounds on disk: one file after each, whole or not there, and an entry in the log that knows it.

A file belongs to exactly one run: its folder is named by a digest of everything that decides the
result. A killed run goes on after the newest round whose file is the one that the log has.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from blake3 import blake3
from flwr.app import ArrayRecord, ConfigRecord, RecordDict
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from models.federated.arrays import arrays_of, record_of
from provenance import Artifact, Log
from tasks.progress import say
from tasks.workspace import Workspace

FOLDER = "federate"


@dataclass(frozen=True)
class Rounds:
    """The saved rounds of one run.

    Args:
        workspace: where the run happens.
        folder: its own folder.
    """

    workspace: Workspace
    folder: Path

    @classmethod
    def of(cls, workspace: Workspace, decides: Mapping[str, Any]) -> "Rounds":
        """The rounds of the run that these settings and inputs decide."""
        text = json.dumps({**decides, "torch": torch.__version__}, sort_keys=True)
        name = blake3(text.encode()).hexdigest()
        return cls(workspace, workspace.mlruns / FOLDER / name)

    def write(self, number: int, memory: Mapping[str, Any]) -> Artifact:
        """Save what a run needs to go on after a round; the ones before stay."""
        self.folder.mkdir(parents=True, exist_ok=True)
        tensors: dict[str, np.ndarray] = {}
        plain = _apart(memory, "", tensors)
        path = self.path(number)
        partial = path.with_suffix(".part")
        save_file(tensors, partial, metadata={"state": json.dumps(plain, sort_keys=True)})
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
        return Artifact.of(path)

    def forget_before(self, number: int) -> None:
        """Keep only the newest: it has all that is needed."""
        for path in self.folder.glob("round-*.safetensors"):
            if path != self.path(number):
                path.unlink()

    def read(self) -> dict[str, Any] | None:
        """What the newest whole and logged round left, or None where there is none."""
        log = Log.open(self.workspace.provenance)
        for path in sorted(self.folder.glob("round-*.safetensors"), reverse=True):
            found = Artifact.of(path)
            name = self.workspace.relative(path)
            if log.newest(name, found.digest) is None:
                say(f"{name} is not what the log has: going back to the round before")
                continue
            try:
                return _read(path)
            except (OSError, SafetensorError, KeyError, ValueError) as error:
                say(f"{name} cannot be read ({error}): going back to the round before")
        return None

    def clear(self) -> None:
        """After the run: its rounds, and those that other settings left behind."""
        shutil.rmtree(self.folder.parent, ignore_errors=True)

    def path(self, number: int) -> Path:
        return self.folder / f"round-{number:05d}.safetensors"


def states_of(states: Mapping[int, RecordDict]) -> dict[str, Any]:
    """What clients keep between rounds, as arrays and JSON types; keys of secure rounds are not."""
    found: dict[str, Any] = {}
    for node, records in states.items():
        arrays = {str(k): arrays_of(v) for k, v in records.array_records.items()}
        configs = {
            str(k): dict(v)
            for k, v in records.config_records.items()
            if all(isinstance(value, int | float | str) for value in v.values())
        }
        if arrays or configs:
            found[str(node)] = {"arrays": arrays, "configs": configs}
    return found


def states_from(plain: Mapping[str, Any]) -> dict[int, RecordDict]:
    """What `states_of` was given."""
    found = {}
    for node, told in plain.items():
        records: dict[str, ArrayRecord | ConfigRecord] = {
            name: record_of(arrays) for name, arrays in told["arrays"].items()
        }
        records |= {name: ConfigRecord(values) for name, values in told["configs"].items()}
        found[int(node)] = RecordDict(records)
    return found


def _apart(value: Any, path: str, tensors: dict[str, np.ndarray]) -> Any:
    """JSON types, with arrays put aside under their path."""
    if isinstance(value, np.ndarray | np.generic):
        tensors[path] = np.array(value)  # in one piece, as the format wants it
        return {"tensor": path}
    if isinstance(value, Mapping):
        return {"map": [[str(k), _apart(v, f"{path}/{k}", tensors)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [_apart(v, f"{path}/{i}", tensors) for i, v in enumerate(value)]}
    return {"is": value}


def _together(plain: Any, tensors: Mapping[str, np.ndarray]) -> Any:
    if "tensor" in plain:
        return tensors[plain["tensor"]]
    if "map" in plain:
        return {name: _together(value, tensors) for name, value in plain["map"]}
    if "list" in plain:
        return [_together(value, tensors) for value in plain["list"]]
    return plain["is"]


def _read(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        state = json.loads(file.metadata()["state"])
    found: dict[str, Any] = _together(state, tensors)
    return found
