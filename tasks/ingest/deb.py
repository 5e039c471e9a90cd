"""Open a Debian package without Debian's tools.

A .deb is an `ar` archive (deb(5)): the member `debian-binary`, then `control.tar.*` and
`data.tar.*`.
"""

import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from cryptography.hazmat.primitives import hashes

from tasks.errors import InputError

MAGIC = b"!<arch>\n"
HEADER_BYTES = 60
CHUNK = 1 << 20
MOST_BYTES = 4 << 30
"""More than this is not a set of pictures and words but a bomb."""


@dataclass(frozen=True)
class Member:
    """Where in the file a part of the package lies."""

    name: str
    offset: int
    size: int


def members(deb: Path) -> dict[str, Member]:
    """The parts of a package, by name.

    Raises:
        InputError: the file is missing, is no package, or ends too early.
    """
    if not deb.is_file():
        raise InputError(f"package file {deb} does not exist: check `ingest.stamps.deb`")
    found: dict[str, Member] = {}
    with deb.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(0)
        if file.read(len(MAGIC)) != MAGIC:
            raise InputError(f"{deb} is not a Debian package: it does not start with {MAGIC!r}")
        while file.tell() < end:
            header = file.read(HEADER_BYTES)
            if (
                len(header) < HEADER_BYTES
                or header[58:] != b"`\n"
                or not header[48:58].strip().isdigit()
            ):
                raise _truncated(deb, "a header of its archive is broken")
            name = header[:16].decode("ascii", "replace").strip().removesuffix("/")
            member = Member(name, file.tell(), int(header[48:58]))
            if member.offset + member.size > end:
                missing = member.offset + member.size - end
                raise _truncated(deb, f"{name} lacks its last {missing:,} bytes")
            found[name] = member
            file.seek(member.offset + member.size + member.size % 2)  # parts start at even offsets
    if not any(name.startswith("data.tar") for name in found):
        raise _truncated(deb, "it has no data.tar")
    return found


def sha256(path: Path) -> str:
    """SHA-256, in which Debian's archive lists its packages."""
    state = hashes.Hash(hashes.SHA256())
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            state.update(chunk)
    return state.finalize().hex()


def control(deb: Path) -> dict[str, str]:
    """Fields of the package's control file that fit on one line, such as Package and Version."""
    with _tar(deb, "control.tar") as archive:
        for member in archive:
            if PurePosixPath(member.name).name == "control" and (
                file := archive.extractfile(member)
            ):
                lines = file.read().decode("utf-8", "replace").splitlines()
                fields = (line.split(":", 1) for line in lines if ":" in line and line[0] != " ")
                return {name: value.strip() for name, value in fields}
    raise _truncated(deb, "it has no control file")


def unpack(deb: Path, folder: str, into: Path) -> None:
    """Write the regular files below one folder of the package.

    Args:
        deb: the package.
        folder: path in the package without a leading slash, such as "usr/share/x".
        into: existing folder that stands for `folder`.

    Raises:
        InputError: the package is damaged, leads outside `folder`, or holds a link or device there.
    """
    written = 0
    with _tar(deb, "data.tar") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts:
                raise InputError(
                    f"{deb} is not safe to unpack: {member.name!r} leads outside of it"
                )
            if not path.is_relative_to(folder) or member.isdir():
                continue
            file = archive.extractfile(member) if member.isreg() else None
            if file is None:
                raise InputError(
                    f"{deb} is not safe to unpack: {member.name!r} is a link or device"
                )
            written += member.size
            if written > MOST_BYTES:
                raise InputError(f"{deb} holds more than {MOST_BYTES:,} bytes: refused")
            target = into / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as copy:
                while chunk := file.read(CHUNK):
                    copy.write(chunk)


@contextmanager
def _tar(deb: Path, prefix: str) -> Iterator[tarfile.TarFile]:
    member = next((part for name, part in members(deb).items() if name.startswith(prefix)), None)
    if member is None:
        raise _truncated(deb, f"it has no {prefix}")
    try:
        with deb.open("rb") as file:
            part = io.BufferedReader(_Part(file, member), CHUNK)
            with (
                _decompressed(part, member.name) as stream,
                tarfile.open(fileobj=stream, mode="r|") as archive,
            ):
                yield archive
    except (lzma.LZMAError, zlib.error, EOFError, tarfile.TarError) as error:
        raise _truncated(deb, f"{member.name}: {error}") from None
    except OSError as error:
        if error.errno is not None:  # a full disk or a vanished file, not a damaged package
            raise
        raise _truncated(deb, f"{member.name}: {error}") from None


def _decompressed(part: IO[bytes], name: str) -> IO[bytes]:
    """deb(5) names these; Ubuntu uses zstd, for which Python 3.11 has nothing but pyarrow has."""
    match name.rpartition(".")[2]:
        case "xz":
            return cast(IO[bytes], lzma.open(part))
        case "zst":
            import pyarrow as pa  # heavy, and most packages do without

            return cast(
                IO[bytes], pa.input_stream(pa.PythonFile(part, mode="r"), compression="zstd")
            )
        case "gz":
            import gzip

            return cast(IO[bytes], gzip.open(part))
        case "tar":
            return part
        case other:
            raise InputError(
                f"{name} is compressed in an unknown way ({other}): xz, zst, gz are known"
            )


class _Part(io.RawIOBase):
    """A read-only window on a file."""

    def __init__(self, file: IO[bytes], member: Member) -> None:
        self._file = file
        self._left = member.size
        file.seek(member.offset)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)


def _truncated(deb: Path, what: str) -> InputError:
    return InputError(f"{deb} is truncated or damaged ({what}): fetch it again")
