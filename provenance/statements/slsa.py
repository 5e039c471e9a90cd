"""What a release says about how it came to be: SLSA provenance v1, written from the log.

https://slsa.dev/spec/v1.0/provenance. Names of ours lie below `https://cairn.invalid/`: the format
wants URIs, `.invalid` is reserved (RFC 2606) and so can never be somebody else's, and an
unregistered `urn:` name space would not be a valid URN (RFC 8141).
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from blake3 import blake3

from provenance import canonical
from provenance.body import Record, artifacts_of, inputs_of, is_kept
from provenance.checkpoint import log_id
from provenance.entry import Entry
from provenance.statements.place import run_of
from provenance.statements.sha256 import sha256

PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://cairn.invalid/build/release/v1"
BUILDER = "https://cairn.invalid/builder/release/v1"
FOLDER_DIGEST = "cairn-folder-blake3"
"""A folder's digest is the root of a tree over its listing, not BLAKE3 of any file's bytes."""
METRICS = "metrics.json"
LOCK = "requirements.lock"

Known = Mapping[str, Mapping[str, str]]
"""Other digests of the same bytes, by path and by BLAKE3: {"blake3": ..., "md5": ...} a path."""


@dataclass(frozen=True)
class Story:
    """All that the log knows about a release.

    Args:
        origin: identity of the log.
        release: its entry.
        run: entry of the run that released it.
        upstream: entries of the runs before that it was made from, in the order of the log.
        folders: digests that are of folders.
    """

    origin: str
    release: Entry
    run: Entry
    upstream: Sequence[Entry]
    folders: frozenset[str]

    @property
    def runs(self) -> list[Entry]:
        """Every run that had a part in it, in the order of the log."""
        return [*self.upstream, self.run]


def predicate(story: Story, known: Known, started: str | None = None) -> dict[str, Any]:
    """The predicate of a release.

    Args:
        story: from the log.
        known: other digests of dependencies, such as the MD5 that DVC goes by; taken only where
            their BLAKE3 is that of the log.
        started: when the run began, ISO 8601, if somebody knows.
    """
    body = story.run.body
    times = {"startedOn": started, "finishedOn": body.get("ts")}
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": body.get("params", {}),
            "internalParameters": {
                "log": story.origin,
                "release_entry": story.release.seq,
                "run_entry": story.run.seq,
                "run": {
                    key: value for key, value in body["run"].items() if key not in ("git", "dirty")
                },
            },
            "resolvedDependencies": list(_dependencies(story, known)),
        },
        "runDetails": {
            "builder": {"id": BUILDER},
            "metadata": {
                "invocationId": run_of(story.release),
                **{name: _utc(time) for name, time in times.items() if time},
            },
            "byproducts": [
                _file(story, record, known)
                for record in inputs_of(body)
                if record["path"].endswith(f"/{METRICS}")
            ],
        },
    }


def _dependencies(story: Story, known: Known) -> Iterator[dict[str, Any]]:
    seen = set()
    for run in reversed(story.runs):  # nearest first
        for record in inputs_of(run.body):
            if (what := (record["path"], record["blake3"])) not in seen:
                seen.add(what)
                yield _file(story, record, known)
        for record in artifacts_of(run.body):
            if not is_kept(record):
                yield _download(story, record, run)
    yield from _code(story)
    yield from _environments(story, known)
    for run in story.runs:
        stage = run.body.get("stage", run.body["kind"])
        yield _content(story, f"parameters of {stage}", run.body.get("params", {}), run)
        yield _content(story, f"environment of {stage}", run.body.get("env", {}), run)


def _download(story: Story, record: Record, run: Entry) -> dict[str, Any]:
    """Something from outside, known by its name alone: it must not look like a file of ours."""
    return {
        "name": record["path"],
        "uri": _uri(story, f"entries/{run.seq}/downloads/{record['path']}"),
        "digest": {"blake3": record["blake3"]},
        "annotations": {"downloaded_in_entry": run.seq},
    }


def _file(story: Story, record: Record, known: Known) -> dict[str, Any]:
    path, digest = record["path"], record["blake3"]
    name = FOLDER_DIGEST if digest in story.folders else "blake3"
    others = known.get(path, {})
    more = others if name == "blake3" and others.get("blake3") == digest else {}
    where = {"entry": record["entry"]} if "entry" in record else {}
    return {
        "name": path,
        "uri": _uri(story, path),
        "digest": {**more, name: digest},
        **({"annotations": where} if where else {}),
    }


def _code(story: Story) -> Iterator[dict[str, Any]]:
    states: dict[str, dict[str, Any]] = {}
    for run in story.runs:
        state = run.body.get("run", {})
        if commit := state.get("git"):
            notes = states.setdefault(commit, {"dirty": False, "entries": []})
            notes["dirty"] = bool(notes["dirty"] or state.get("dirty"))
            notes["entries"].append(run.seq)
    for commit, notes in states.items():
        yield {
            "name": "code",
            "uri": f"git+{_uri(story, 'code')}@{commit}",
            "digest": {"gitCommit": commit},
            "annotations": notes,
        }


def _environments(story: Story, known: Known) -> Iterator[dict[str, Any]]:
    for lock in {run.body.get("env", {}).get("lock"): None for run in reversed(story.runs)}:
        if lock:
            yield _file(story, {"path": LOCK, "blake3": lock}, known)


def _content(story: Story, name: str, value: object, run: Entry) -> dict[str, Any]:
    data = canonical.encode(value)
    return {
        "name": name,
        "uri": f"{_uri(story, 'entries')}/{run.seq}",
        "digest": {"blake3": blake3(data).hexdigest(), "sha256": sha256(data).hex()},
        "content": base64.b64encode(data).decode(),
        "mediaType": "application/json",
    }


def _uri(story: Story, path: str) -> str:
    return f"https://cairn.invalid/log/{log_id(story.origin)}/{quote(path)}"


def _utc(time: str) -> str:
    """RFC 3339 in UTC, as the format asks."""
    return datetime.fromisoformat(time).astimezone(UTC).isoformat().replace("+00:00", "Z")
