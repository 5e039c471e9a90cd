"""An artifact: a file or folder together with the digest that its bytes must have.

Steps hand each other artifacts, never bare paths; whoever reads one calls `verified()` first.
"""

from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from provenance.errors import (
    ChangedWhileHashingError,
    Reason,
    TamperedError,
    UnhashableError,
)
from provenance.listing import Listing
from provenance.measure import Progress, measure
from provenance.stat_cache import StatCache


@dataclass(frozen=True)
class Artifact:
    """Where bytes are, and what they are.

    Args:
        path: the file or folder.
        digest: BLAKE3 of the file, or of the folder's listing, 64 hex digits.
        size: bytes of the file, or of all files in the folder.
        files: for a folder, the listing behind the digest; `Log.keep` stores it so that a later
            verification can name the very file that changed.
    """

    path: Path
    digest: str
    size: int
    files: Listing = field(default=(), compare=False, repr=False)

    @classmethod
    def of(
        cls,
        path: Path,
        cache: StatCache | None = None,
        progress: Progress | None = None,
        *,
        hard_links: bool = True,
    ) -> "Artifact":
        """Hash a file or a folder.

        Args:
            path: the file or folder.
            cache: spares reading what has not changed since it was last recorded with this cache;
                for recording only, whoever verifies gives none.
            progress: told bytes done and bytes in all.
            hard_links: whether files may have further names (hard links) outside of `path`. They
                may by default, since DVC and backups link files. It opens no way to other bytes, as
                a symbolic link does, and a change by the other name is found like any other.

        Raises:
            UnhashableError: nothing there, a link or special file, an empty folder, no permission.
            ChangedWhileHashingError: someone writes to it.
        """
        try:
            found = measure(path, cache, progress, hard_links=hard_links)
        except FileNotFoundError:
            raise UnhashableError(f"{path}: there is no such file or folder") from None
        except NotADirectoryError:
            raise UnhashableError(f"{path}: lies below a file, not a folder") from None
        except OSError as error:
            raise UnhashableError(f"{path}: cannot be read ({error.strerror})") from None
        return cls(path, found.digest, found.size, found.files)

    def verified(self) -> Path:
        """The path, after reading every byte again.

        Raises:
            TamperedError: the bytes are not those of the digest, or are gone, or cannot be read.
        """
        expected = f"{self.path}: expected blake3 {self.digest[:8]}..."
        try:
            self.path.lstat()
        except OSError:
            raise TamperedError(
                f"{expected}, found nothing", Reason.ARTIFACT_MISSING, path=str(self.path)
            ) from None
        try:
            found = Artifact.of(self.path)
        except (UnhashableError, ChangedWhileHashingError) as error:
            raise TamperedError(
                f"{expected}, found something that has no digest ({error})",
                Reason.ARTIFACT_REFUSED,
                path=str(self.path),
            ) from error
        if found.digest != self.digest:
            raise TamperedError(
                f"{expected}, found {found.digest[:8]}...",
                Reason.ARTIFACT_CHANGED,
                path=str(self.path),
            )
        return self.path

    def read(self) -> bytes:
        """The bytes of a file: those that were hashed, whatever lies there a moment later.

        Raises:
            TamperedError: as `verified`.
        """
        data = self.verified().read_bytes()
        if blake3(data).hexdigest() != self.digest:
            raise TamperedError(
                f"{self.path}: changed while it was read",
                Reason.ARTIFACT_CHANGED,
                path=str(self.path),
            )
        return data
