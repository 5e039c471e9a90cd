"""What an entry may say: the part of a log line that its writer chooses.

    {"v":1, "kind":"run", "id":..., "ts":..., "actor":...,
     "artifacts":[{"path","blake3","size","kept"?}],
     "inputs":[{"entry"?,"path","blake3","kept"?}], ...}

Only `kind` and `id` are needed; other keys are free. `artifacts` are what the entry vouches for,
`inputs` what they were made from. `"kept": false` says that the bytes need not be on disk (they
were downloaded, say).
A `revoked` entry withdraws the digests it lists; a `failure` entry vouches for nothing.
"""

import re
from collections.abc import Mapping
from typing import Any

from provenance import canonical
from provenance.errors import BadPathError, BodyError, NotCanonicalError
from provenance.paths import check_path

Body = Mapping[str, Any]
Record = Mapping[str, Any]

REVOKED = "revoked"
FAILURE = "failure"

LONGEST_BODY = 1 << 20
"""Bytes in canonical form: a log is for digests, not for data."""

LONGEST_ID = 256
"""Characters in an id or a kind."""

_KNOWN_PATHS: set[str] = set()
"""Good ones: the same few come back in every run, and each check of one takes microseconds."""

_MOST_PATHS = 4096

_is_digest = re.compile(r"[0-9a-f]{64}").fullmatch


def artifacts_of(body: Body) -> list[Record]:
    """The records under `artifacts`; none if the key is absent."""
    return list(body.get("artifacts", ()))


def inputs_of(body: Body) -> list[Record]:
    """The records under `inputs`; none if the key is absent."""
    return list(body.get("inputs", ()))


def vouches(body: Body) -> bool:
    """Whether the entry says that its artifacts are good."""
    return body["kind"] not in (REVOKED, FAILURE)


def is_kept(record: Record) -> bool:
    """Whether the bytes of a record must be on disk."""
    return "kept" not in record or record["kept"]


def encode_body(body: Body) -> bytes:
    """The canonical bytes of a body that the log takes.

    Raises:
        BodyError: names the field, its value and what is allowed.
    """
    try:
        check_body(body)
        data = canonical.encode(body)
    except (BadPathError, NotCanonicalError) as error:
        raise BodyError(f"entry refused, nothing was written: {error}") from error
    if len(data) > LONGEST_BODY:
        raise BodyError(
            f"entry refused, nothing was written: {len(data)} bytes, at most {LONGEST_BODY} are "
            "allowed; put bulk into an artifact and log its digest"
        )
    return data


def check_body(body: object) -> None:
    """Whether the log's own fields have the right form.

    Raises:
        BodyError: names the field, its value and what is allowed.
        BadPathError: a record's path leaves the workspace or is not portable.
    """
    if not isinstance(body, dict):
        raise BodyError(f"an entry's body is a {type(body).__name__}, a dict is needed")
    for field in ("kind", "id"):
        value = body.get(field)
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID:
            raise BodyError(
                f"{field}={value!r}: a string of 1 to {LONGEST_ID} characters is needed"
            )
    if "ts" in body and not isinstance(body["ts"], str):
        raise BodyError(f"ts={body['ts']!r}: a string with an ISO 8601 time is needed")
    if "artifacts" in body:
        _check_artifacts(body["artifacts"], needs_size=body["kind"] != REVOKED)
    if "inputs" in body:
        for record in _checked(body["inputs"], "inputs"):
            if "entry" in record and (type(record["entry"]) is not int or record["entry"] < 0):
                raise BodyError(f"inputs: {record!r}: entry must be the number of an earlier entry")


def _check_artifacts(records: object, needs_size: bool) -> None:
    paths = set()
    for record in _checked(records, "artifacts"):
        size = record.get("size")
        counts = type(size) is int and size >= 0  # not isinstance: a bool is no size
        if not counts and (needs_size or "size" in record):
            raise BodyError(f"artifacts: {record!r} needs a size in bytes")
        path = record["path"]
        if path in paths:
            raise BodyError(f"artifacts: path {path!r} is listed twice")
        paths.add(path)


def _checked(records: object, field: str) -> list[dict[str, Any]]:
    if not isinstance(records, list):
        raise BodyError(f"{field} is a {type(records).__name__}, a list is needed")
    for record in records:
        try:
            path, digest = record["path"], record["blake3"]
        except (KeyError, TypeError):
            raise BodyError(f"{field}: {record!r} needs path and blake3") from None
        if not isinstance(path, str) or path not in _KNOWN_PATHS:
            _remember_path(check_path(path))
        if not isinstance(digest, str) or not _is_digest(digest):
            raise BodyError(f"{field}: blake3={digest!r}: 64 lowercase hex digits are needed")
        if "kept" in record and not isinstance(record["kept"], bool):
            raise BodyError(f"{field}: kept={record['kept']!r}: true or false is needed")
    return records


def _remember_path(path: str) -> None:
    if len(_KNOWN_PATHS) >= _MOST_PATHS:
        _KNOWN_PATHS.clear()
    _KNOWN_PATHS.add(path)
