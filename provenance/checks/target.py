"""What is asked about: one release, one run, or everything that the log vouches for."""

from dataclasses import dataclass

from provenance.body import vouches
from provenance.entry import Entry
from provenance.history import History
from provenance.releases import RELEASE, WEIGHTS, Release
from provenance.statements.place import first_release

SHORTEST_ID = 6
"""Digits of a run id that stand for the whole of it."""


@dataclass(frozen=True)
class Target:
    """What the questions are about.

    Args:
        name: for people.
        releases: the entries that first released the versions concerned, oldest first.
        run: the entry of a run, where one was named.
        whole: whether everything else that the log vouches for counts too.
    """

    name: str
    releases: tuple[Entry, ...] = ()
    run: Entry | None = None
    whole: bool = False

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries named."""
        return self.releases + ((self.run,) if self.run else ())


def whole_log(history: History, model: str | None = None) -> Target:
    """Everything; of the releases the champion of `model`, or all that stand where it is None."""
    standing = [
        entry
        for entry in release_entries(history)
        if Release.of(entry.body).digest(WEIGHTS) not in history.revoked
    ]
    if model is None:
        return Target("everything in the log", tuple(_first_of_each(standing)), whole=True)
    champions = {
        entry.body["release"]["model"]: release_target(history, Release.of(entry.body))
        for entry in standing
        if entry.body["release"]["champion"]
    }
    if model in champions:
        champion = champions[model]
        return Target(f"{champion.name} and the whole log", champion.releases, whole=True)
    # The name comes from params.yaml, which anybody may edit: it must not talk the releases away.
    others = tuple(entry for champion in champions.values() for entry in champion.releases)
    more = ", but of " + " and ".join(champions) if others else ""
    return Target(f"the log; no champion of {model} is released yet{more}", others, whole=True)


def release_target(history: History, release: Release) -> Target:
    """One version of a model, with just these files.

    A registry that was made anew counts from 1 again, so a number alone may name two releases.
    """
    first = first_release(release_entries(history), release)
    entries = () if first is None else (first,)
    return Target(f"{release.model} version {release.version}", entries)


def find_target(history: History, wanted: str) -> Target | None:
    """What a person means by NAME, NAME/VERSION, a run id (or how it begins), an entry's id or a
    stage; None if nothing has that name.

    A name alone is the champion, or the newest version where none is.
    """
    model, _, version = wanted.rpartition("/")
    found = [entry for entry in release_entries(history) if _is_of(entry, wanted, model, version)]
    if found:
        crowned = [entry for entry in found if entry.body["release"]["champion"]]
        return release_target(history, Release.of((crowned or found)[-1].body))
    run = _find_run(history, wanted)
    if run is None:
        return None
    if run.body["kind"] == RELEASE:
        return release_target(history, Release.of(run.body))
    stage = f" of stage {run.body['stage']}" if "stage" in run.body else ""
    return Target(f"run {run.body['id']}{stage}", run=run)


def release_entries(history: History) -> list[Entry]:
    """All entries that released something, oldest first."""
    return [entry for entry in history.entries() if entry.body["kind"] == RELEASE]


def _find_run(history: History, wanted: str) -> Entry | None:
    good = [entry for entry in history.entries() if vouches(entry.body)]
    exact = [entry for entry in good if entry.body["id"] == wanted]
    begins = [entry for entry in good if entry.body["id"].startswith(wanted)]
    of_stage = [
        entry for entry in good if entry.body["kind"] == "run" and entry.body.get("stage") == wanted
    ]
    if len(wanted) < SHORTEST_ID or len(begins) > 1:
        begins = []
    return next((found[-1] for found in (exact, begins, of_stage) if found), None)


def _is_of(entry: Entry, wanted: str, model: str, version: str) -> bool:
    said = entry.body["release"]
    return said["model"] == wanted or (said["model"], said["version"]) == (model, version)


def _first_of_each(entries: list[Entry]) -> list[Entry]:
    """A version that became champion again has two entries; the first one is the release."""
    first = [first_release(entries, Release.of(entry.body)) for entry in entries]
    return list({entry.seq: entry for entry in first if entry is not None}.values())
