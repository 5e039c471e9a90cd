"""Approval of a release by somebody other than who made it, signed on its own.

An entry of the log names no signer; only heads are signed. So an approval carries the approver's
own signature, over the model, its version and digest, the policy and the log.
"""

import base64
import binascii
import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from provenance import Entry, Log, canonical
from provenance.ed25519 import Ed25519Verifier
from provenance.identity import Identity
from provenance.keys import KeyStore
from provenance.releases import WEIGHTS, Release
from tasks.entry import ENTRY_VERSION

APPROVAL = "approval"
"""Kind of the log entries written here."""
_PREFIX = b"cairn approval v1\n"
"""No checkpoint begins like this, so a signature over one cannot pass for the other."""


def approve(log: Log, release: Release, entry: Entry, policy: str) -> Entry:
    """Log that the owner of these keys approves a release.

    Args:
        log: opened with the approver's keys.
        entry: that made the release.
        policy: BLAKE3 of the policy in force.
    """
    store = KeyStore(log.keys)
    signer = store.signers(log.origin)[0]  # makes keys for who approves and never ran anything
    key, _ = store.public_bundle()
    said = {
        "model": release.model,
        "version": release.version,
        "blake3": release.digest(WEIGHTS),
        "release": entry.seq,
        "policy": policy,
        "key": key,
    }
    signature = signer.sign(_text(said, log.origin))
    return log.append(
        {
            "v": ENTRY_VERSION,
            "kind": APPROVAL,
            "id": f"approval-{release.model}-{release.version}-{policy[:16]}-{key}",
            "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "actor": getpass.getuser(),
            "inputs": [
                {**_weights(entry), "entry": entry.seq},
            ],
            "approval": {**said, "signature": base64.b64encode(signature).decode()},
        }
    )


def approvers(
    entries: Sequence[Entry],
    release: Release,
    policy: str,
    origin: str,
    identities: Sequence[Identity],
) -> list[Identity]:
    """The trusted identities that approved a release under a policy."""
    known = {one.fingerprint: one for one in identities}
    found = []
    for entry in entries:
        said: dict[str, Any] = entry.body.get("approval", {})
        one = known.get(said.get("key", ""))
        wanted = (release.model, release.version, release.digest(WEIGHTS), policy)
        told = tuple(said.get(name) for name in ("model", "version", "blake3", "policy"))
        if (
            entry.body["kind"] == APPROVAL
            and told == wanted
            and one
            and _is_signed(said, origin, one)
        ):
            found.append(one)
    return found


def _is_signed(said: dict[str, Any], origin: str, by: Identity) -> bool:
    rest = {name: value for name, value in said.items() if name != "signature"}
    try:
        signature = base64.b64decode(str(said.get("signature", "")), validate=True)
    except binascii.Error:
        return False
    return Ed25519Verifier(origin, by.ed25519).accepts(_text(rest, origin), signature)


def _text(said: dict[str, Any], origin: str) -> bytes:
    return _PREFIX + canonical.encode({"approval": said, "log": origin})


def _weights(entry: Entry) -> dict[str, str]:
    release = Release.of(entry.body)
    digest = release.digest(WEIGHTS)
    path = next(
        record["path"]
        for record in release.files
        if record["blake3"] == digest and record["path"].endswith(f"/artifacts/{WEIGHTS}")
    )
    return {"path": path, "blake3": digest}
