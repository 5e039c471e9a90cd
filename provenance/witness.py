"""Witnesses: who remembers heads of a log outside of it, so that a rollback has to reach them too.

After a successful verification the head is told to every witness; the next verification demands
that the log goes on from all that they remember. The pin in the key store is the nearest one
(provenance/pins.py); a git note travels with every push; anchors on a chain are out of anybody's
reach (provenance/anchors/).
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from provenance.checkpoint import Checkpoint, parse_checkpoint
from provenance.errors import LogError, TamperedError
from provenance.seen import Seen

NOTES_REF = "cairn-provenance"


class WitnessError(LogError):
    """A witness could not be asked or told; says what to do."""


class Witness(Protocol):
    """Something that remembers heads."""

    @property
    def name(self) -> str:
        """For messages."""

    def recall(self, origin: str) -> list[Seen]:
        """All heads that it remembers of a log.

        Raises:
            WitnessError: it is there, but what it holds cannot be read.
        """

    def remember(self, head: Checkpoint) -> None:
        """Keep a head that was verified.

        Raises:
            WitnessError: it cannot.
        """


@dataclass(frozen=True)
class GitNoteWitness:
    """Notes on git commits, under refs/notes/cairn-provenance.

    `git push origin refs/notes/cairn-provenance` hands them to everybody who fetches, and from then
    on nobody can take them back alone. Each head is added to the note of the commit that was
    checked out when it was verified; nothing is ever removed.

    Args:
        repository: a folder inside the work tree.
    """

    repository: Path
    name: str = "git note"

    def recall(self, origin: str) -> list[Seen]:
        if not self._is_repository():
            return []
        seen = []
        for line in self._git("notes", f"--ref={NOTES_REF}", "list").splitlines():
            blob, commit = line.split()
            where = f"{self.name} on {commit[:12]}"
            heads = decode_heads(self._git("cat-file", "blob", blob), where)
            seen += [Seen(head, where) for head in heads if head.origin == origin]
        return seen

    def remember(self, head: Checkpoint) -> None:
        if any(old.checkpoint == head for old in self.recall(head.origin)):
            return
        # As a user of its own: a machine without a git identity can be a witness too.
        self._git(
            *("-c", "user.name=cairn", "-c", "user.email=cairn@localhost"),
            *("notes", f"--ref={NOTES_REF}", "append", "-m", encode_head(head), "HEAD"),
        )

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.repository), *arguments]
        try:
            # A note that is no text becomes one that is no head, which is told like any other.
            done = subprocess.run(
                command, capture_output=True, encoding="utf-8", errors="replace", check=True
            )
            return done.stdout
        except (OSError, subprocess.CalledProcessError) as error:
            said = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else ""
            raise WitnessError(
                f"git note: {said or error}; run inside a git repository with at least one commit, "
                "or leave out --git-note"
            ) from error

    def _is_repository(self) -> bool:
        command = ["git", "-C", str(self.repository), "rev-parse", "--git-dir"]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            return False  # no git here, so nobody ever wrote a note


def encode_head(head: Checkpoint) -> str:
    """The head as a witness writes it: the text of a checkpoint on one line."""
    return head.text().strip().replace("\n", " ")


def decode_heads(text: str, where: str) -> list[Checkpoint]:
    """The heads in a witness's text, one a line.

    Raises:
        WitnessError: a line is no head; a witness that was scribbled on says nothing.
    """
    heads = []
    for line in filter(None, map(str.strip, text.splitlines())):
        try:
            heads.append(parse_checkpoint(line.replace(" ", "\n") + "\n"))
        except TamperedError as error:
            raise WitnessError(f"{where}: {line[:80]!r} is no head of a log ({error})") from error
    return heads


def recall_all(witnesses: Sequence[Witness], origin: str) -> list[Seen]:
    """What all witnesses remember.

    Raises:
        WitnessError: one of them cannot be asked: its silence is no consent.
    """
    return [seen for witness in witnesses for seen in witness.recall(origin)]


def tell_all(witnesses: Sequence[Witness], head: Checkpoint) -> list[str]:
    """Have all witnesses remember a head; gives a note for each that cannot."""
    notes = []
    for witness in witnesses:
        try:
            witness.remember(head)
        except WitnessError as error:
            notes.append(f"{witness.name} does not remember this head: {error}")
    return notes
