"""Where everything lives, relative to the folder that holds params.yaml."""

import os
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import InputError


@dataclass(frozen=True)
class Workspace:
    """One checkout of a Cairn project.

    Args:
        root: absolute path of the folder that holds params.yaml and dvc.yaml.
    """

    root: Path

    @classmethod
    def here(cls) -> "Workspace":
        """The workspace named by CAIRN_ROOT, else the current folder.

        Raises:
            InputError: there is no params.yaml in it.
        """
        root = Path(os.environ.get("CAIRN_ROOT") or Path.cwd()).resolve()
        if not (root / "params.yaml").is_file():
            raise InputError(
                f"no params.yaml in {root}: run from the project's root folder, or set CAIRN_ROOT"
            )
        return cls(root)

    @property
    def params_file(self) -> Path:
        return self.root / "params.yaml"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def raw(self) -> Path:
        """Downloads and unpacked sources; not an output of any stage."""
        return self.data / "raw"

    @property
    def media(self) -> Path:
        return self.data / "media"

    @property
    def manifest(self) -> Path:
        return self.data / "manifest.parquet"

    @property
    def mlruns(self) -> Path:
        return self.root / "mlruns"

    @property
    def provenance(self) -> Path:
        return self.root / ".provenance"

    @property
    def features(self) -> Path:
        """Frozen-encoder features, named by content digest: a cache, safe to delete."""
        return self.mlruns / "features"

    @property
    def resume(self) -> Path:
        """Where an interrupted training run left off, named by content digest."""
        return self.mlruns / "resume"

    def stage(self, name: str) -> Path:
        """Folder of the outputs of a stage."""
        return self.mlruns / "stages" / name

    def relative(self, path: Path) -> str:
        """The path as the provenance log and DVC write it: from the root, with forward slashes."""
        return path.absolute().relative_to(self.root).as_posix()
