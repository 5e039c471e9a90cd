"""Whose signatures count, and up to which size: read from the log's own entries about keys.

A statement beside the log (keys/FINGERPRINT.json) lets a reader check the head's signature before
any entry is read. It is only a claim: a thief of the old keys could write another one. What is in
the log decides, the first statement about a key first.
"""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from provenance.checkpoint import Checkpoint
from provenance.durable import open_regular
from provenance.entry import LONGEST_LINE, Entry
from provenance.errors import LogError, Reason, TamperedError
from provenance.history import open_entries
from provenance.identity import Identity
from provenance.key_statement import KEY, KeyStatement, parse
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.limits import Limit
from provenance.report import Finding

MOST_CLAIMS = 256
"""Statements read from beside a log; a folder full of them must not keep a reader busy."""


class KeyHistory:
    """Follows the keys of one log; pass `visit` to `History.extend`, then call `check`.

    Attributes:
        findings: entries about keys with a bad form or a bad signature.
        notes: entries about keys that had no effect.
        limits: up to where keys count, by fingerprint, as the entries say.
    """

    def __init__(self, origin: str, store: KeyStore) -> None:
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        self.limits: dict[str, Limit] = {}
        self._origin = origin
        self._store = store
        trusted = {one.fingerprint: one for one in store.identities()}
        former = {one.fingerprint: one for one in store.retired()}
        self._known = former | trusted
        # Own former keys count where the log was rotated; elsewhere all that they may say is who
        # follows them, and that must be a key which is trusted anyway.
        self._uncounted = set(former) - set(trusted) - set(store.limits(origin))
        self._trusted = set(trusted)

    def visit(self, entry: Entry) -> None:
        """Take in what an entry says about keys."""
        if entry.body["kind"] != KEY:
            return
        try:
            statement = parse(entry.body)
            self._take(statement, entry.seq)
        except TamperedError as error:
            message = f"entry {entry.seq}: {error}"
            self.findings.append(Finding(error.reason, message, entry.seq))

    def check(self, head: Checkpoint, signer: str) -> None:
        """Whether the one who signed a head may have signed it, now that the entries are read.

        Args:
            signer: fingerprint.

        Raises:
            TamperedError: KEY_REVOKED, beyond the size up to which the key counts; UNTRUSTED_KEY,
                no entry says that it follows a key that is trusted here.
        """
        if signer not in self._known or signer in self._uncounted:
            raise TamperedError(
                f"signed by key {signer}, which no entry of the log makes the successor of a key "
                "that is trusted here",
                Reason.UNTRUSTED_KEY,
            )
        refuse_beyond(head, signer, self.limits.get(signer))

    def identities_at(self, size: int) -> tuple[Identity, ...]:
        """Whose signatures count when the log has `size` entries."""
        return tuple(
            one
            for name, one in self._known.items()
            if name not in self._uncounted
            and (name not in self.limits or size <= self.limits[name].until)
        )

    def learn(self) -> None:
        """Remember in the key store what the entries said; call it when all was checked."""
        with contextlib.suppress(OSError, LogError):  # a store that cannot be written still reads
            self._store.learn(self._origin, self.limits)

    def _take(self, statement: KeyStatement, seq: int) -> None:
        if statement.log != self._origin:
            raise TamperedError(
                f"a key statement of the log {statement.log[:80]} was put here",
                Reason.BAD_STATEMENT,
            )
        if statement.until > seq:
            raise TamperedError(
                f"a key statement about size {statement.until}, which lies ahead",
                Reason.BAD_STATEMENT,
            )
        signer = self._known.get(statement.by)
        if signer is None:
            self.notes.append(f"entry {seq}: about keys, by {statement.by}, who is not known here")
            return
        if not statement.is_signed_by(signer) or (
            statement.heir is not None and not statement.is_signed_by(statement.heir)
        ):
            raise TamperedError(
                f"the signatures of the statement about key {statement.subject} do not fit",
                Reason.BAD_SIGNATURE,
            )
        before = self.limits.get(statement.by)
        # An entry at `seq` is first covered by a head of size seq + 1. A rotation is about the key
        # that signs it, so the first one counts and no other; it may be entered a little late.
        if before is not None and (statement.heir is not None or seq >= before.until):
            self.notes.append(f"entry {seq}: about keys, by {statement.by}, who no longer counts")
            return
        heir = statement.heir
        if statement.by in self._uncounted and (
            heir is None or heir.fingerprint not in self._trusted
        ):
            self.notes.append(f"entry {seq}: about keys, by your former key {statement.by}")
            return
        if heir is not None:
            self._known.setdefault(heir.fingerprint, heir)
            self._uncounted.discard(statement.subject)
        limit = Limit(statement.until, heir.fingerprint if heir else None)
        self.limits[statement.subject] = limit.and_also(self.limits.get(statement.subject))


def refuse_beyond(head: Checkpoint, signer: str, limit: Limit | None) -> None:
    """Refuse a head that a key signed which no longer counted.

    Raises:
        TamperedError: KEY_REVOKED.
    """
    if limit is not None and head.size > limit.until:
        raise TamperedError(
            f"signed by key {signer}, which counts up to {limit.until} entries only and was "
            f"{'replaced by ' + limit.heir if limit.heir else 'revoked'}; this head has "
            f"{head.size}: whoever signed it should not have these keys any more",
            Reason.KEY_REVOKED,
        )


class Trust:
    """Who may have signed a head: trusted identities, own former ones, and claimed successors.

    Args:
        store: of the reader.
        origin: of the log.
        also: identities to accept besides.
    """

    def __init__(self, store: KeyStore, origin: str, also: tuple[Identity, ...] = ()) -> None:
        self._identities = store.identities()
        self._origin = origin
        self._also = also
        # After the identities: asking for them ends what a crash left.
        self.limits = store.limits(origin)
        self._former = store.retired() if self.limits else ()

    def candidates(self, statements: Iterable[KeyStatement]) -> tuple[Identity, ...]:
        """Everyone who may have signed, if these statements are true.

        A successor is only a claim until `KeyHistory` has found it in the entries; once it has, no
        other successor of the same key is considered.
        """
        found = {one.fingerprint: one for one in self._identities}
        for one in self._former:
            if one.fingerprint in self.limits:
                found.setdefault(one.fingerprint, one)
        rotations = [one for one in statements if one.log == self._origin and one.heir is not None]
        while True:
            before = len(found)
            for rotation in rotations:
                _follow(rotation, found, self.limits)
            if len(found) == before:
                return (*found.values(), *self._also)

    def knows(self, one: Identity) -> bool:
        """Whether it takes no entry of the log to believe in this identity."""
        trusted = (*self._identities, *self._former, *self._also)
        return any(one.fingerprint == known.fingerprint for known in trusted) or any(
            one.fingerprint == limit.heir for limit in self.limits.values()
        )


def _follow(statement: KeyStatement, found: dict[str, Identity], limits: dict[str, Limit]) -> None:
    old, heir = found.get(statement.by), statement.heir
    if old is None or heir is None or heir.fingerprint in found:
        return
    limit = limits.get(statement.by)
    if limit is not None and limit.heir != heir.fingerprint:
        return
    if statement.is_signed_by(old) and statement.is_signed_by(heir):
        found[heir.fingerprint] = heir


def statement_file(layout: Layout, fingerprint: str) -> Path:
    """Where the statement that introduces a successor is kept beside the log."""
    return layout.public_key(fingerprint).with_suffix(".json")


def beside(layout: Layout) -> Iterator[KeyStatement]:
    """The statements kept beside the log; files that hold none are passed over."""
    for path in sorted(statement_file(layout, "x").parent.glob("*.json"))[:MOST_CLAIMS]:
        with contextlib.suppress(OSError, ValueError, RecursionError, TamperedError):
            with open_regular(path) as file:
                value = orjson.loads(file.read(LONGEST_LINE))
            if isinstance(value, dict):
                yield parse(value)


def in_entries(layout: Layout) -> Iterator[KeyStatement]:
    """The statements in the entries, unchecked: where the files beside the log were lost."""
    with contextlib.suppress(LogError), open_entries(layout) as stream:
        while line := stream.readline(LONGEST_LINE + 1):
            if b'"kind":"key"' in line:
                with contextlib.suppress(
                    ValueError, RecursionError, KeyError, TypeError, TamperedError
                ):
                    yield parse(orjson.loads(line)["body"])
