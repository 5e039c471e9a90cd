"""Download a package with apt as an ordinary user, into a private folder.

apt's own lists and cache live in that folder, so no root is needed and the system stays as it is.
The sources and the keys are the system's: apt checks the archive's signature as always.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tasks.errors import InputError, UnreachableError

LONGEST_SECONDS = 1800
"""A download that takes longer hangs."""

OTHER_WAYS = (
    "give a package file you have as `ingest.stamps.deb`, or choose another `ingest.source` "
    "(folder, digits)"
)


def download(package: str, version: str | None, into: Path, options: Sequence[str] = ()) -> Path:
    """Fetch one .deb with apt-get.

    Args:
        package: name in the archive.
        version: exact version, or None for whichever apt prefers.
        into: an existing empty folder; apt's lists, its cache and the file go here.
        options: more apt settings, such as "Dir::Etc::SourceList=...".

    Returns:
        the file, in `into`.

    Raises:
        InputError: there is no apt on this machine.
        UnreachableError: there is no network, or no such package or version.
    """
    apt = shutil.which("apt-get")
    if apt is None:
        raise InputError(
            f"apt-get is not on this machine, so {package} cannot be fetched: {OTHER_WAYS}"
        )
    lists, cache = into / "lists", into / "cache"
    (lists / "partial").mkdir(parents=True)
    (cache / "archives" / "partial").mkdir(parents=True)
    settings = [
        f"Dir::State::Lists={lists}",
        f"Dir::Cache={cache}",
        "Debug::NoLocking=1",  # the system's locks belong to root
        "APT::Sandbox::User=",  # no switch to the user _apt, who may not write here
        "Acquire::Languages=none",
        "Acquire::Retries=2",
        "Acquire::http::Timeout=30",
        "Acquire::https::Timeout=30",
        *options,
    ]
    command = [apt, "-qq", *(part for setting in settings for part in ("-o", setting))]
    wanted = package if version is None else f"{package}={version}"
    said = _run([*command, "update"], into)[1]
    status, more = _run([*command, "download", wanted], into)
    found = sorted(into.glob("*.deb"))
    if status != 0 or len(found) != 1:
        raise UnreachableError(
            f"apt could not download {wanted} ({_gist(said + more)}): {OTHER_WAYS}"
        )
    return found[0]


def _run(command: list[str], folder: Path) -> tuple[int, str]:
    """Exit status and what was said; English, as the message may be searched for."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, f"E: gave up after {LONGEST_SECONDS} s\n"
    return done.returncode, done.stderr


def _gist(said: str) -> str:
    """apt's errors, then its warnings, the first three of them: the rest repeats them."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    worst = sorted(dict.fromkeys(lines), key=lambda line: not line.startswith("E:"))
    return "; ".join(worst[:3]) or "it gave no reason"
