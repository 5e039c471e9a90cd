"""Which files a folder holds: regular files only, by names that travel, each with its identity."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from provenance.digest import IDENTITY, Identity, describe_mode, identity_of
from provenance.errors import BadPathError, ChangedWhileHashingError, UnhashableError
from provenance.paths import check_path


@dataclass(frozen=True, slots=True)
class Walked:
    """The files below a folder at one moment.

    Args:
        names: paths inside the folder, with forward slashes, sorted by code point.
        identities: of the same files, in the same order.
        linked: names with more than one hard link, and the number of links of each.
    """

    names: list[str]
    identities: list[Identity]
    linked: dict[str, int]

    def sizes(self) -> list[int]:
        """Bytes of each file."""
        return [size for _, _, size, _, _ in IDENTITY.iter_unpack(b"".join(self.identities))]

    def linked_outside(self) -> list[str]:
        """Names whose file has a further name, a hard link, that is not below the folder."""
        identity = dict(zip(self.names, self.identities, strict=True))
        inside = Counter(identity[name] for name in self.linked)
        return [name for name, links in self.linked.items() if links > inside[identity[name]]]


def walk(folder: Path) -> Walked:
    """Look at every file below a folder, without opening any.

    Names are not checked yet: `check_names` does, for those who have not seen them before.

    Raises:
        FileNotFoundError: there is no such folder.
        UnhashableError: a link, pipe, socket or device in it, or no permission.
        ChangedWhileHashingError: a subfolder went meanwhile.
    """
    found: dict[str, Identity] = {}
    linked: dict[str, int] = {}
    pending = [""]
    while pending:
        prefix = pending.pop()
        try:
            with os.scandir(folder / prefix) as items:
                for item in items:
                    status = item.stat(follow_symlinks=False)
                    name, mode = prefix + item.name, status.st_mode
                    if S_ISREG(mode):
                        found[name] = identity_of(status)
                        if status.st_nlink > 1:
                            linked[name] = status.st_nlink
                    elif S_ISDIR(mode):
                        pending.append(name + "/")
                    else:
                        raise UnhashableError(
                            f"{folder / name}: is {describe_mode(mode)}, only regular files are "
                            "hashed"
                        )
        except FileNotFoundError:
            if not folder.exists():
                raise
            raise ChangedWhileHashingError(f"{folder}: changed while it was listed") from None
        except OSError as error:
            raise UnhashableError(
                f"{folder / prefix}: cannot be listed ({error.strerror})"
            ) from error
    names = sorted(found)
    return Walked(names, [found[name] for name in names], linked)


def check_names(folder: Path, names: Sequence[str]) -> None:
    """Refuse names that do not travel, and a folder without files.

    Raises:
        UnhashableError: says which name, or that there is none.
    """
    if not names:
        raise UnhashableError(f"{folder}: holds no files, an empty folder proves nothing")
    for name in names:
        try:
            check_path(name)
        except BadPathError as error:
            raise UnhashableError(f"{folder}: {error}") from error
