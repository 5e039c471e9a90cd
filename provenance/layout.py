"""Which file is which in the folder of a log."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Names inside a log's folder.

    entries.jsonl   one line an entry; only grows
    checkpoint      the signed head: what counts is what it covers
    state.json      a cache that makes appending O(log n); safe to lose
    index.sqlite    a cache for look-ups, filled from the entries; safe to lose
    lock            held while appending
    orphan-*        bytes found after the last committed entry, kept for a person to look at
    manifests/      listings of folder artifacts, named by digest
    keys/           public halves of the keys that signed, for auditors; never trusted from here
    """

    folder: Path

    @property
    def entries(self) -> Path:
        return self.folder / "entries.jsonl"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint"

    @property
    def state(self) -> Path:
        return self.folder / "state.json"

    @property
    def index(self) -> Path:
        return self.folder / "index.sqlite"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    def listing(self, digest: str) -> Path:
        """Where the listing of a folder with this digest is kept."""
        return self.folder / "manifests" / f"{digest}.jsonl"

    def public_key(self, fingerprint: str) -> Path:
        """Where the public half of a signing key is kept."""
        return self.folder / "keys" / f"{fingerprint}.pub"

    def is_blank(self) -> bool:
        """Whether no log was committed here: no folder, or one whose making was interrupted."""
        if not self.folder.exists():
            return True
        return {path.name for path in self.folder.iterdir()} <= {"lock", "checkpoint.tmp"}
