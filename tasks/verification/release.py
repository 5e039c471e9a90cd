"""Which release a person means."""

from provenance import Log
from provenance.releases import RELEASE, Release
from tasks.errors import InputError


def named_release(log: Log, wanted: str) -> Release:
    """MODEL (the champion, else the newest version) or MODEL/VERSION.

    Raises:
        InputError: there is none.
    """
    model, _, version = wanted.rpartition("/")
    every = [Release.of(e.body) for e in log.entries() if e.body["kind"] == RELEASE]
    found = [
        one for one in every if one.model == wanted or (one.model, one.version) == (model, version)
    ]
    if not found:
        names = sorted({f"{one.model}/{one.version}" for one in every})
        raise InputError(f"no release {wanted!r}; there are: {', '.join(names) or 'none yet'}")
    crowned = [one for one in found if one.champion]
    return (crowned or found)[-1]
