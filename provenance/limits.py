"""Up to where a key counts: what this user learned of keys that were rotated or revoked.

Kept in the key store (revoked.json), so that a head signed by such a key is refused at once, also
where the log's own entries that say so were taken away.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from provenance.durable import locked, replace_file
from provenance.errors import KeyStoreError


@dataclass(frozen=True)
class Limit:
    """Up to where the signatures of a key count in one log.

    Args:
        until: the largest size of a head that it may have signed.
        heir: fingerprint of the identity that took its place; None after a revocation.
    """

    until: int
    heir: str | None = None

    def and_also(self, other: "Limit | None") -> "Limit":
        """Both limits at once: the smaller size, and the heir that was named first."""
        if other is None:
            return self
        return Limit(min(self.until, other.until), self.heir or other.heir)


def read_limits(file: Path, origin: str) -> dict[str, Limit]:
    """What was learned for one log, by fingerprint.

    Raises:
        KeyStoreError: the file is damaged; forgetting a revocation would be worse.
    """
    try:
        return {
            fingerprint: Limit(value["until"], value["heir"])
            for fingerprint, value in _read(file).get(origin, {}).items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(file) from error


def add_limits(file: Path, origin: str, limits: dict[str, Limit]) -> None:
    """Remember limits besides those that are known; they never become wider."""
    known = read_limits(file, origin)
    merged = known | {name: limit.and_also(known.get(name)) for name, limit in limits.items()}
    if merged == known:
        return
    with locked(file.with_name("lock")):
        everything, known = _read(file), read_limits(file, origin)  # someone may have been faster
        merged = known | {name: limit.and_also(known.get(name)) for name, limit in limits.items()}
        everything[origin] = {
            name: {"until": limit.until, "heir": limit.heir} for name, limit in merged.items()
        }
        replace_file(file, json.dumps(everything, sort_keys=True).encode() + b"\n", mode=0o600)


def _read(file: Path) -> dict[str, Any]:
    try:
        value = orjson.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _damaged(file) from error
    if not isinstance(value, dict):
        raise _damaged(file)
    return value


def _damaged(file: Path) -> KeyStoreError:
    return KeyStoreError(f"{file} cannot be read: restore it; it says which keys were revoked")
