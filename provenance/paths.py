"""Which paths the log takes: from the workspace, forward slashes, nothing that climbs out."""

import re

from provenance.errors import BadPathError

MOST_COMPONENTS = 128
LONGEST_COMPONENT = 255
"""Bytes in a file name on the file systems in use (NAME_MAX)."""
LONGEST_PATH = 4096
"""Bytes in a path on Linux (PATH_MAX)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


def check_path(path: object) -> str:
    """The path itself, when it may stand in the log or in a folder listing.

    Names are compared byte for byte: no case folding, no Unicode normalisation.

    Raises:
        BadPathError: names the path and the rule that it breaks.
    """
    if not isinstance(path, str):
        raise BadPathError(f"path {path!r} is a {type(path).__name__}, a string is needed")
    if rule := _broken_rule(path):
        raise BadPathError(
            f"path {path[:200]!r} {rule}: give one inside the workspace, like 'data/x.csv'"
        )
    return path


def _broken_rule(path: str) -> str | None:
    try:
        raw = path.encode()
    except UnicodeEncodeError:
        return "is not valid Unicode"
    parts = path.split("/")
    if path.startswith("/"):
        return "is absolute"
    if _CONTROL.search(path):
        return "holds a control character or a backslash"
    if any(part in ("", ".", "..") for part in parts):
        return "has an empty, '.' or '..' component"
    if len(parts) > MOST_COMPONENTS:
        return f"has {len(parts)} components, at most {MOST_COMPONENTS} are allowed"
    if len(raw) > LONGEST_PATH:
        return f"is {len(raw)} bytes long, at most {LONGEST_PATH} are allowed"
    if any(len(part.encode()) > LONGEST_COMPONENT for part in parts):
        return f"has a component of more than {LONGEST_COMPONENT} bytes"
    return None
