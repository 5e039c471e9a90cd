"""The log: append-only, hash-chained, signed, safe against crashes and concurrent writers."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from provenance.artifact import Artifact
from provenance.beginning import begin_log, remember
from provenance.body import Body, artifacts_of, encode_body
from provenance.durable import locked, replace_file
from provenance.entry import Entry
from provenance.errors import BodyError, LogError, Reason, TamperedError
from provenance.head import Head, read_head
from provenance.history import History
from provenance.ids import KnownIds
from provenance.keys import KeyStore, default_keys
from provenance.layout import Layout
from provenance.listing import encode_listing
from provenance.seen import Seen
from provenance.state import Tail, cached_tail, replayed_tail
from provenance.writer import commit, make_durable, prepare, set_aside


class Log:
    """A log in a folder; open it with `Log.open`. Threads and processes may share it."""

    def __init__(
        self, layout: Layout, store: KeyStore, origin: str, *, writing: bool = False
    ) -> None:
        self._layout = layout
        self._store = store
        self._origin = origin
        self._writing = writing
        self._history: History | None = None
        self._reading = threading.Lock()
        self._ids = KnownIds(layout, origin)

    @classmethod
    def open(cls, folder: Path, keys: Path | None = None, create: bool = True) -> "Log":
        """Open the log in a folder; its parent is the workspace.

        Args:
            folder: usually WORKSPACE/.provenance.
            keys: the key store; by default `default_keys()`.
            create: begin a log where there is none (a missing checkpoint is something else).

        Raises:
            LogMissingError: there is none, and `create` is false.
            TamperedError: the head is missing, unsigned, rolled back or another log's.
            KeyStoreError: no usable key, or one inside the workspace.
            LogError: the folder cannot be written or read.
        """
        layout = Layout(folder.absolute())
        store = KeyStore(default_keys() if keys is None else keys.absolute())
        store.refuse_inside(layout.folder.parent)
        if create and layout.is_blank():
            begin_log(layout, store)
        head = read_head(layout, store, writing=create)
        if head.place is None:
            remember(store, layout, head.checkpoint)
        return cls(layout, store, head.checkpoint.origin, writing=create)

    @property
    def folder(self) -> Path:
        """Where the log is."""
        return self._layout.folder

    @property
    def keys(self) -> Path:
        """The folder of the key store that says whom to trust."""
        return self._store.folder

    @property
    def origin(self) -> str:
        """The log's identity, as in its checkpoints."""
        return self._origin

    def head(self) -> Head:
        """The verified head as it is now; `head().checkpoint.size` is the number of entries."""
        head = read_head(self._layout, self._store, writing=self._writing)
        if head.checkpoint.origin != self._origin:
            raise TamperedError(
                f"{self.folder} held the log {self._origin}, now it holds {head.checkpoint.origin}",
                Reason.LOG_REPLACED,
            )
        return head

    def append(self, body: Body) -> Entry:
        """Add one entry; returns when it is signed and on disk.

        Calling again with the same `id`, kind and artifacts returns the entry made the first time.

        Raises:
            BodyError: the log does not take this body; nothing was written.
            LogError: nothing was acknowledged (disk full, read-only, locked for long).
            TamperedError: the log is not as it was left; nothing was written.
        """
        return self.append_many([body])[0]

    def append_many(self, bodies: Sequence[Body]) -> list[Entry]:
        """Add entries in one commit: all or none. As `append` otherwise."""
        encoded = [encode_body(body) for body in bodies]
        ids = [body["id"] for body in bodies]
        if len(set(ids)) < len(ids):
            raise BodyError("two entries of one batch have the same id; nothing was written")
        if not bodies:
            return []
        with locked(self._layout.lock):
            tail = self._tail(self.head())
            set_aside(self._layout, tail)
            entries = self._known(ids, tail)
            for body in bodies:
                if body["id"] in entries:
                    _refuse_conflict(entries[body["id"]], body)
            if entries:  # acknowledged a second time: as durable as the first
                make_durable(self._layout)
            pairs = zip(bodies, encoded, strict=True)
            if fresh := [pair for pair in pairs if pair[0]["id"] not in entries]:
                entries |= {entry.body["id"]: entry for entry in self._commit(tail, fresh)}
        return [entries[name] for name in ids]

    def keep(self, artifact: Artifact) -> None:
        """Store a folder artifact's listing, so that `verify` can name the file that changed.

        Does nothing for files. Call it before the entry is appended.

        Raises:
            LogError: the listing cannot be written.
        """
        path = self._layout.listing(artifact.digest)
        if not artifact.files or path.exists():
            return
        with locked(self._layout.lock):
            try:
                path.parent.mkdir(exist_ok=True)
                replace_file(path, encode_listing(artifact.files))
            except OSError as error:
                raise LogError(f"{path} cannot be written ({error.strerror})") from error

    def entries(self) -> Iterator[Entry]:
        """All committed entries, oldest first; all are checked before the first is given.

        Raises:
            TamperedError: an entry, or the head, is not as it was written; so for all that read.
        """
        yield from self.history().entries()

    def find(self, id: str) -> Entry | None:  # noqa: A002  # the field's name in the log
        """The entry with this id, or None."""
        return self.history().find(id)

    def newest(self, path: str, digest: str | None = None) -> tuple[Entry, dict[str, Any]] | None:
        """The newest entry that vouches for a path, and its record {"path", "blake3", "size", ...}.

        Args:
            path: from the workspace, with forward slashes.
            digest: only a record with this BLAKE3.
        """
        return self.history().newest(path, digest)

    def is_revoked(self, digest: str) -> bool:
        """Whether a `revoked` entry withdrew these bytes."""
        return digest in self.history().revoked

    def history(self) -> History:
        """The checked history up to the present head; reads only what is new since last time.

        Raises:
            TamperedError: an entry, or the head, is not as it was written.
        """
        with self._reading:
            head = self.head()
            history, self._history = self._history, None  # set again only if all goes well
            if history is not None and history.size > head.checkpoint.size:
                raise TamperedError(
                    f"the log holds {head.checkpoint.size} entries, but {history.size} were read "
                    "before: it was rolled back",
                    Reason.ROLLED_BACK,
                )
            if history is None:
                history = History(self._layout, self._origin)
            history.extend(head.checkpoint, [Seen(head.pinned, "pin")] if head.pinned else [])
            self._history = history
            return history

    def _tail(self, head: Head) -> Tail:
        tail = cached_tail(self._layout, head.checkpoint)
        behind = head.pinned is not None and head.pinned.size < head.checkpoint.size
        if tail is None or behind:  # a pin in the middle can only be compared by reading up to it
            return replayed_tail(self.history())
        return tail

    def _known(self, ids: Sequence[str], tail: Tail) -> dict[str, Entry]:
        if not self._ids.may_hold(ids, tail):
            return {}
        history = self.history()
        return {name: entry for name in ids if (entry := history.find(name))}

    def _commit(self, tail: Tail, bodies: Sequence[tuple[Body, bytes]]) -> list[Entry]:
        # Asked anew each time: another process may have rotated the keys meanwhile.
        signers = self._store.signers(self._origin)
        batch = prepare(self._origin, tail, bodies)
        commit(self._layout, tail, batch, signers)
        self._ids.add((body["id"] for body, _ in bodies), batch.tail)
        remember(self._store, self._layout, batch.checkpoint, signed=True)
        return batch.entries


def _refuse_conflict(entry: Entry, body: Body) -> None:
    same_kind = entry.body["kind"] == body["kind"]
    if not same_kind or artifacts_of(entry.body) != artifacts_of(body):
        raise BodyError(
            f"id {body['id']!r} is taken by entry {entry.seq}, of kind {entry.body['kind']!r} or "
            "with other artifacts: give each entry its own id; nothing was written"
        )
