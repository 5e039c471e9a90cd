"""Verify the files of a model against its signature (OMS 1.0)."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from provenance.digest import describe_mode
from provenance.errors import ChangedWhileHashingError, Reason, TamperedError, UnhashableError
from provenance.report import Finding
from provenance.statements.oms_read import Manifest, open_bundle
from provenance.statements.sha256 import digests_of


def check_folder(
    manifest: Manifest,
    folder: Path,
    *,
    unsigned: bool = False,
    passing: Callable[[str], bool] | None = None,
) -> list[Finding]:
    """Compare a folder with what was signed.

    Args:
        folder: of the model.
        unsigned: whether files that were not signed may be there.
        passing: says of a path whether it may be there though not signed.

    Returns:
        what is wrong: ARTIFACT_MISSING, ARTIFACT_CHANGED, ARTIFACT_EXTRA, ARTIFACT_REFUSED.
    """
    findings = [
        finding
        for path, digest in manifest.files.items()
        if (finding := _compare(folder, path, manifest.algorithm, digest)) is not None
    ]
    for path, mode in _walk(folder):
        if path in manifest.files or manifest.ignores(path) or (passing and passing(path)):
            continue
        if not stat.S_ISREG(mode):
            text = f"{path} is {describe_mode(mode)}: models hold regular files only"
            findings.append(Finding(Reason.ARTIFACT_REFUSED, text, path=path))
        elif not unsigned:
            text = f"{path} was not there when the model was signed"
            findings.append(Finding(Reason.ARTIFACT_EXTRA, text, path=path))
    return findings


def verify_bundle(
    data: bytes, folder: Path, keys: Iterable[ec.EllipticCurvePublicKey], *, unsigned: bool = False
) -> Manifest:
    """Verify a signature and every file that it names.

    Args:
        data: the bundle.
        folder: of the model.
        keys: that are trusted.
        unsigned: whether files that were not signed may be there.

    Raises:
        TamperedError: the first thing that is wrong.
    """
    manifest = open_bundle(data, keys)
    for found in check_folder(manifest, folder, unsigned=unsigned):
        raise TamperedError(found.message, found.reason, path=found.path)
    return manifest


def _compare(folder: Path, path: str, algorithm: str, expected: str) -> Finding | None:
    try:
        if _is_linked(folder, path):
            text = f"{path} is reached through a symbolic link: models hold regular files only"
            return Finding(Reason.ARTIFACT_REFUSED, text, path=path)
        found = digests_of(folder / path, [algorithm])[algorithm]
    except (FileNotFoundError, NotADirectoryError):
        return Finding(Reason.ARTIFACT_MISSING, f"{path} was signed and is missing", path=path)
    except (UnhashableError, ChangedWhileHashingError) as error:
        return Finding(Reason.ARTIFACT_REFUSED, str(error), path=path)
    if found != expected:
        text = f"{path}: signed {algorithm} {expected[:8]}..., found {found[:8]}..."
        return Finding(Reason.ARTIFACT_CHANGED, text, path=path)
    return None


def _is_linked(folder: Path, path: str) -> bool:
    """Whether the file, or a folder on the way to it, is a symbolic link."""
    parts = path.split("/")
    return any((folder / "/".join(parts[:end])).is_symlink() for end in range(1, len(parts) + 1))


def _walk(folder: Path) -> Iterator[tuple[str, int]]:
    """Path and mode of everything below a folder but folders themselves; links not followed."""
    pending = [""]
    while pending:
        prefix = pending.pop()
        try:
            with os.scandir(folder / prefix) as found:
                items = sorted(
                    (item.name, item.stat(follow_symlinks=False).st_mode) for item in found
                )
        except OSError:
            continue  # its signed files were found missing; an unsigned one cannot be read
        for name, mode in items:
            if stat.S_ISDIR(mode):
                pending.append(f"{prefix}{name}/")
            else:
                yield f"{prefix}{name}", mode
