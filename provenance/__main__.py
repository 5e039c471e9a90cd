"""The library's own command line: verify, list and show a log, add to it, check a receipt.

    python -m provenance verify  [--json] [--root DIR] [--keys DIR] [FOLDER]
    python -m provenance log     [--json] [--keys DIR] [FOLDER]
    python -m provenance show    [--json] [--keys DIR] [--entry N|ID] [FOLDER]
    python -m provenance record  [--json] [--keys DIR] [--id ID] [--log FOLDER] PATH...
    python -m provenance receipt [--json] [--keys DIR] [--key PUB]... --entry FILE|N|ID RECEIPT

FOLDER is `.provenance` unless given. Exit codes: 0 all good, 1 something is wrong, 2 could not
check (no log, no key, wrong usage), 3 the log is locked by another process.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provenance.body import artifacts_of
from provenance.commands import add_receipt, add_record
from provenance.entry import Entry
from provenance.errors import NotThereError, ProvenanceError, TamperedError
from provenance.log import Log
from provenance.verify import verify


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ProvenanceError as error:
        if options.json:
            reason = (
                error.reason.value if isinstance(error, TamperedError) else type(error).__name__
            )
            print(json.dumps({"ok": False, "reason": reason, "error": str(error)}))
        else:
            print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "folder", nargs="?", type=Path, default=Path(".provenance"), metavar="FOLDER"
    )
    shared.add_argument("--json", action="store_true", help="for scripts")
    shared.add_argument(
        "--keys", type=Path, help="key store (default: $CAIRN_KEYS, ~/.config/cairn/keys)"
    )
    parser = argparse.ArgumentParser(
        prog="python -m provenance",
        description="Exit codes: 0 all good, 1 something is wrong, 2 could not check, 3 locked.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "verify", parents=[shared], help="check the log and every artifact"
    )
    command.add_argument(
        "--root", type=Path, help="the workspace (default: the folder above FOLDER)"
    )
    command.set_defaults(run=_verify)
    command = commands.add_parser("log", parents=[shared], help="list the entries")
    command.set_defaults(run=_log)
    command = commands.add_parser("show", parents=[shared], help="show the head, or one entry")
    command.add_argument("--entry", metavar="N|ID", help="number or id of an entry")
    command.set_defaults(run=_show)
    add_record(commands)
    add_receipt(commands)
    return parser


def _verify(options: argparse.Namespace) -> int:
    folder = options.folder.absolute()
    if options.root is not None and not options.root.is_dir():
        raise NotThereError(f"--root {options.root} is no folder: name the workspace's")
    report = verify(folder, options.root or folder.parent, options.keys)
    print(json.dumps(report.to_dict(), indent=2) if options.json else "\n".join(report.lines()))
    return report.exit_code


def _log(options: argparse.Namespace) -> int:
    for entry in _open(options).entries():
        print(json.dumps(_as_dict(entry)) if options.json else _line(entry))
    return 0


def _show(options: argparse.Namespace) -> int:
    log = _open(options)
    if options.entry is None:
        head = log.head()
        shown: dict[str, Any] = {
            "log": log.origin,
            "entries": head.checkpoint.size,
            "root": head.checkpoint.root.hex(),
            "signer": head.signer,
            "pinned": head.pinned.size if head.pinned else None,
        }
    else:
        shown = _as_dict(_find(log, options.entry))
    if options.json or options.entry is not None:
        print(json.dumps(shown, indent=2))
    else:
        print("\n".join(f"{key:8} {value}" for key, value in shown.items()))
    return 0


def _open(options: argparse.Namespace) -> Log:
    return Log.open(options.folder, options.keys, create=False)


def _find(log: Log, wanted: str) -> Entry:
    entry = log.find(wanted)
    if entry is None:  # compared as text: a thousand digits make no number
        entry = next((found for found in log.entries() if str(found.seq) == wanted), None)
    if entry is None:
        raise NotThereError(f"no entry has the number or id {wanted!r}; `log` lists them")
    return entry


def _as_dict(entry: Entry) -> dict[str, Any]:
    return {"seq": entry.seq, "hash": entry.hash, "body": entry.body}


def _line(entry: Entry) -> str:
    body = entry.body
    words = [str(body[key]) for key in ("ts", "kind", "stage", "id") if key in body]
    paths = [f"{record['path']}={record['blake3'][:8]}" for record in artifacts_of(body)]
    return f"{entry.seq:6}  {'  '.join(words + paths)}"


if __name__ == "__main__":
    sys.exit(main())
