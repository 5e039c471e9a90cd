"""Step artifacts on disk, each distinct file once: steps that change one part share the others.

    mlruns/compress/objects/DIGEST          a file, by its BLAKE3
    mlruns/compress/steps/DIGEST.json       name to digest of the files of one state

A cache, safe to delete: the compress stage writes again what is missing.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from blake3 import blake3

from provenance import Reason, TamperedError


class Objects:
    """The store.

    Args:
        folder: made at first use.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, files: Mapping[str, bytes]) -> str:
        """Keep some files; gives back the digest by which `take` finds them."""
        listing = {name: self._keep("objects", data) for name, data in sorted(files.items())}
        return self._keep("steps", json.dumps(listing, indent=1, sort_keys=True).encode())

    def take(self, digest: str) -> dict[str, bytes]:
        """The files of a state.

        Raises:
            TamperedError: one of them is gone or is not what was kept.
        """
        listing = json.loads(self._read("steps", digest))
        return {name: self._read("objects", found) for name, found in listing.items()}

    def lay_out(self, digest: str, folder: Path) -> None:
        """Put the files of a state into a new folder, as links where the file system has them."""
        for name, found in json.loads(self._read("steps", digest)).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            source = self.folder / "objects" / found
            try:
                os.link(source, path)
            except OSError:
                path.write_bytes(source.read_bytes())

    def _keep(self, kind: str, data: bytes) -> str:
        digest = blake3(data).hexdigest()
        path = self.folder / kind / digest
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{digest}.{os.getpid()}.part")
            partial.write_bytes(data)
            partial.replace(path)
        return digest

    def _read(self, kind: str, digest: str) -> bytes:
        path = self.folder / kind / digest
        try:
            data = path.read_bytes()
        except OSError as error:
            raise TamperedError(
                f"{path}: expected blake3 {digest[:8]}..., found nothing ({error.strerror}); "
                "`cairn run --force compress` makes it again",
                Reason.ARTIFACT_MISSING,
                path=str(path),
            ) from None
        if (found := blake3(data).hexdigest()) != digest:
            raise TamperedError(
                f"{path}: expected blake3 {digest[:8]}..., found {found[:8]}...: "
                "`cairn run --force compress` makes it again",
                Reason.ARTIFACT_CHANGED,
                path=str(path),
            )
        return data
