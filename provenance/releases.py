"""Released models as the log tells it: which versions there are, and which one is champion.

A registry's alias can be moved by anybody who can write to its database. The log cannot be
rewritten unseen, so it decides; aliases follow it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provenance.artifact import Artifact
from provenance.errors import ProvenanceError
from provenance.log import Log

RELEASE = "release"
"""Kind of the log entries read here."""
WEIGHTS = "model.safetensors"
CONFIG = "config.json"
PREDICTIONS = "predictions.parquet"
CARD = "model_card.md"


@dataclass(frozen=True)
class Release:
    """One decision about one version of a registered model.

    Args:
        model: name of the registered model.
        version: its number there, as text.
        champion: whether the decision made it champion.
        reason: why, in a sentence.
        test_split: digest of the clips that it was tested on.
        files: every file of the version: `path` from the workspace's root, `blake3` and `size`.
    """

    model: str
    version: str
    champion: bool
    reason: str
    test_split: str
    files: tuple[dict[str, Any], ...]

    def body(self) -> dict[str, Any]:
        """The part of a log entry that only releases have."""
        return {
            "kind": RELEASE,
            "artifacts": list(self.files),
            "release": {
                "model": self.model,
                "version": self.version,
                "champion": self.champion,
                "reason": self.reason,
                "test_split": self.test_split,
            },
        }

    @classmethod
    def of(cls, body: dict[str, Any]) -> "Release":
        """Read back what `body` wrote."""
        return cls(**body["release"], files=tuple(body["artifacts"]))

    def digest(self, name: str) -> str:
        """BLAKE3 of one of its files, such as `WEIGHTS`."""
        return str(self._record(name)["blake3"])

    def holds(self, files: Mapping[str, Artifact]) -> bool:
        """Whether it carries all of these, byte for byte, each under its name."""
        carried = {
            record["path"].rpartition("/artifacts/")[2]: record["blake3"] for record in self.files
        }
        return all(carried.get(name) == file.digest for name, file in files.items())

    def artifact(self, root: Path, name: str) -> Artifact:
        """One of its files, in the workspace at `root`; not verified yet."""
        record = self._record(name)
        return Artifact(root / record["path"], record["blake3"], record["size"])

    def _record(self, name: str) -> dict[str, Any]:
        # The files that we put into a version are in its folder `artifacts`; its copy of the code,
        # beside it, may hold files of the same name.
        for record in self.files:
            if record["path"].endswith(f"/artifacts/{name}"):
                return record
        raise ProvenanceError(f"version {self.version} of {self.model} was released without {name}")


def releases(log: Log, model: str) -> Iterator[Release]:
    """All decisions about a registered model, oldest first."""
    for entry in log.entries():
        if entry.body["kind"] == RELEASE and entry.body["release"]["model"] == model:
            yield Release.of(entry.body)


def champion(log: Log, model: str) -> Release | None:
    """The version that was made champion last, of those not withdrawn; None if there is none."""
    crowned = [release for release in releases(log, model) if release.champion]
    standing = [release for release in crowned if not log.is_revoked(release.digest(WEIGHTS))]
    return standing[-1] if standing else None


def released_before(
    log: Log, model: str, files: Mapping[str, Artifact], test_split: str
) -> Release | None:
    """The newest release of exactly these files, tested on exactly these clips."""
    same = [
        release
        for release in releases(log, model)
        if release.test_split == test_split and release.holds(files)
    ]
    return same[-1] if same else None
