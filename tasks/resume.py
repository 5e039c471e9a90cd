"""Where an interrupted run of a stage left off.

A state belongs to exactly one run: its folder is named by a digest over everything that decides the
result (settings, input bytes, vocabulary, library version). A run with any other setting starts
afresh. A stage draws its randomness from its seed and its place (an epoch, a head), so going on
ends in the same bytes as never having stopped.
"""

import json
import os
import pickle
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from blake3 import blake3

from tasks.progress import say
from tasks.workspace import Workspace


@dataclass(frozen=True)
class Resume:
    """The resume point of one run.

    Args:
        folder: its own folder under the workspace's resume folder.
        stage: other stages keep their own resume points beside it.
    """

    folder: Path
    stage: str

    @classmethod
    def of(cls, workspace: Workspace, stage: str, decides: Mapping[str, Any]) -> "Resume":
        """The resume point of a run.

        Args:
            workspace: where the run happens.
            stage: that runs.
            decides: everything that the result depends on, as JSON types.
        """
        text = json.dumps({**decides, "torch": torch.__version__}, sort_keys=True)
        return cls(workspace.resume / f"{stage}-{blake3(text.encode()).hexdigest()}", stage)

    def read(self) -> Any:
        """The last whole state, or None where there is none."""
        try:
            return torch.load(self._file, weights_only=True)
        except FileNotFoundError:
            return None
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            say(f"{self._file} cannot be read ({error}): {self.stage} starts from the beginning")
            return None

    def write(self, state: Mapping[str, Any]) -> None:
        """Keep a state; a kill at any moment leaves the one before or this one, whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(".part")
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._file)

    def clear(self) -> None:
        """Forget this run's state, and those that other settings left behind."""
        if self.folder.parent.is_dir():
            for folder in self.folder.parent.glob(f"{self.stage}-*"):
                shutil.rmtree(folder)

    @property
    def _file(self) -> Path:
        return self.folder / "state.pt"
