"""Files of a deployable folder: only bytes whose BLAKE3 was promised are ever used.

    student.json      spec, settings, and per view the names of its graph's inputs
    tokenizer.json    where captions are read by word piece
    image.onnx caption.onnx text.onnx audio.onnx fusion.onnx
    openvino/         the same graphs as .xml and .bin
    model.zst         some of these in one packet (models.compression.storage), opened in memory
    card.json         `digests`: file name to BLAKE3, for who has no better source of them

A card beside the files notices damage. That nobody changed both, only digests from elsewhere can
say: the provenance log's, or those of a signed statement.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blake3 import blake3

from services.verified import read_verified, verify_file

STUDENT, TOKENIZER, CARD, PACKET = "student.json", "tokenizer.json", "card.json", "model.zst"


class DeployError(Exception):
    """A folder that cannot be run as asked; says what is missing."""

    exit_code = 2


class Files:
    """Verified files by name.

    All files that a backend can ask for are hashed at once, so that a damaged folder is refused
    before it answers anything. Each is read, and hashed again, when it is first needed: what was
    changed in between is noticed, and a question without sound opens no sound.

    Args:
        folder: as above.
        digests: file name to BLAKE3; None takes them from card.json.
        backend: "onnx" or "openvino"; files of the other are not looked at.

    Raises:
        DeployError: there are no digests, or the card is none.
        TamperedError: a file is not the one that was promised.
    """

    def __init__(self, folder: Path, *, digests: Mapping[str, str] | None, backend: str) -> None:
        self.folder = folder
        listed = _card(folder) if digests is None else dict(digests)
        self.digests = {name: listed[name] for name in sorted(listed) if _used(name, backend)}
        for name, digest in self.digests.items():
            verify_file(self._path(name), digest)
        self._unpacked: dict[str, bytes] = {}
        if PACKET in self.digests:
            from models.compression.storage import StorageError, unpack

            try:
                self._unpacked = unpack(read_verified(folder / PACKET, self.digests[PACKET]))
            except StorageError as error:
                raise DeployError(f"{folder / PACKET}: {error}") from None

    @property
    def digest(self) -> str:
        """One BLAKE3 over the names and digests of all files in use: which model answers."""
        listing = "\n".join(f"{digest}  {name}" for name, digest in self.digests.items())
        return blake3(listing.encode()).hexdigest()

    def __contains__(self, name: str) -> bool:
        return name in self.digests or name in self._unpacked

    def take(self, name: str) -> bytes:
        """The bytes of a file, once: the packet's copy is let go.

        Raises:
            DeployError: nobody promised such a file.
            TamperedError: it is not the one that was promised.
        """
        if name in self.digests:
            return read_verified(self._path(name), self.digests[name])
        if name in self._unpacked:
            return self._unpacked.pop(name)
        raise DeployError(
            f"{self.folder}: {name} is not among the files with a digest "
            f"({', '.join(sorted({*self.digests, *self._unpacked})) or 'there are none'}); "
            "make the folder again with `cairn compress`"
        )

    def _path(self, name: str) -> Path:
        path = Path(name)
        if path.is_absolute() or ".." in path.parts:
            raise DeployError(f"{name!r} in the digests: names must stay inside {self.folder}")
        return self.folder / path


def _used(name: str, backend: str) -> bool:
    if name in (STUDENT, TOKENIZER, PACKET):
        return True
    if backend == "onnx":
        return name.endswith(".onnx")
    return name.startswith("openvino/")


def _card(folder: Path) -> dict[str, str]:
    path = folder / CARD
    try:
        card: Any = json.loads(path.read_text(encoding="utf-8"))
        digests = card["digests"]
        if not all(isinstance(part, str) for pair in digests.items() for part in pair):
            raise TypeError("digests must map file names to BLAKE3")
    except OSError as error:
        raise DeployError(
            f"{path}: {error.strerror}; nothing says which bytes are right: give their digests"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DeployError(f"{path}: not a card with `digests` ({error})") from None
    return dict(digests)
