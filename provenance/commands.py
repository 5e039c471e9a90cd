"""Two commands of `python -m provenance` that change or need no log: record, receipt."""

import argparse
import contextlib
import getpass
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provenance.artifact import Artifact
from provenance.body import Record
from provenance.entry import Entry
from provenance.errors import BadPathError, NotThereError
from provenance.identity import Identity
from provenance.keys import KeyStore, default_keys
from provenance.log import Log
from provenance.progress import artifact_for_recording

FOLDER = Path(".provenance")


def add_record(commands: Any) -> None:
    """`record PATH...`: hash files and folders, and append one entry that vouches for them."""
    command = commands.add_parser("record", help="append an entry that vouches for files")
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="file or folder")
    command.add_argument("--id", help="of the entry (default: from the time)")
    _shared(command)
    command.set_defaults(run=_record)


def add_receipt(commands: Any) -> None:
    """`receipt RECEIPT`: check a receipt with public keys alone, away from the log."""
    command = commands.add_parser("receipt", help="check a receipt, offline")
    command.add_argument("receipt", type=Path, metavar="RECEIPT")
    command.add_argument(
        "--entry",
        required=True,
        metavar="FILE|N|ID",
        help="a file with the entry's line, or its number or id where the log is at hand",
    )
    command.add_argument(
        "--key",
        type=Path,
        action="append",
        default=[],
        metavar="PUB",
        help="public keys to trust, as `cairn keys export` prints them (default: the key store's)",
    )
    _shared(command)
    command.set_defaults(run=_receipt)


def _shared(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="for scripts")
    command.add_argument(
        "--keys", type=Path, help="key store (default: $CAIRN_KEYS, ~/.config/cairn/keys)"
    )
    command.add_argument(
        "--log", type=Path, default=FOLDER, metavar="FOLDER", help="of the log (.provenance)"
    )


def _record(options: argparse.Namespace) -> int:
    root = options.log.absolute().parent
    made = [artifact_for_recording(path) for path in options.paths]
    records = [_as_record(root, artifact) for artifact in made]
    log = Log.open(options.log, options.keys)
    for artifact in made:
        log.keep(artifact)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    entry = log.append(
        {
            "v": 1,
            "kind": "artifact",
            "id": options.id or f"recorded-{now}",
            "ts": now,
            "actor": getpass.getuser(),
            "artifacts": records,
        }
    )
    if options.json:
        print(json.dumps({"seq": entry.seq, "hash": entry.hash, "artifacts": records}, indent=2))
    else:
        for record in records:
            print(f"entry {entry.seq}  {record['blake3']}  {record['path']}")
    return 0


def _as_record(root: Path, artifact: Artifact) -> Record:
    place = Path(os.path.abspath(artifact.path))  # noqa: PTH100  # resolve() would follow links
    if not place.is_relative_to(root):
        raise BadPathError(f"{artifact.path} lies outside the workspace {root}: give one inside it")
    path = place.relative_to(root).as_posix()
    return {"path": path, "blake3": artifact.digest, "size": artifact.size}


def _receipt(options: argparse.Namespace) -> int:
    # Here, because it is the one command that reads receipts.
    from provenance.receipt import check_receipt

    identities = (
        tuple(Identity.parse(path.stem, _bytes(path), path) for path in options.key)
        if options.key
        else KeyStore(options.keys or default_keys()).identities()
    )
    head = check_receipt(_bytes(options.receipt), _entry(options), identities)
    told = {"ok": True, "log": head.origin, "entries": head.size, "root": head.root.hex()}
    print(
        json.dumps(told, indent=2)
        if options.json
        else f"ok  the entry is in {head.origin}, {head.size} entries, root {head.root.hex()}"
    )
    return 0


def _entry(options: argparse.Namespace) -> Entry | bytes:
    place = Path(options.entry)
    with contextlib.suppress(OSError):  # a name that is too long for a file may be an id
        if place.is_file():
            return _bytes(place).removesuffix(b"\n")
    log = Log.open(options.log, options.keys, create=False)
    entry = log.find(options.entry)
    if entry is None:  # compared as text: a thousand digits make no number
        entry = next((one for one in log.entries() if str(one.seq) == options.entry), None)
    if entry is None:
        raise NotThereError(f"{options.entry!r} is neither a file nor the number or id of an entry")
    return entry


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotThereError(f"{path} cannot be read ({error.strerror})") from error
