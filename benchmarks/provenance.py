"""The provenance library beside its peers: hashing, the log, verification, anchoring.

    python -m benchmarks.provenance                       # full size; about half an hour
    python -m benchmarks.provenance --only hashing --file-mib 64 --files 1000 --repeats 2

Writes docs/results/provenance_*.json, which fill docs/RESULTS.md. Ratios compare calls of one run.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.provenance_anchor import anchor_costs
from benchmarks.provenance_hashing import large_file, small_files
from benchmarks.provenance_log import log_costs
from benchmarks.provenance_verify import verify_costs
from benchmarks.results import TABLES
from benchmarks.table import keep, show


def hashing(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    return {
        "file": large_file(scratch, options.file_mib << 20, options.repeats),
        "tree": small_files(scratch, options.files, options.file_bytes, options.repeats),
    }


def log(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    return log_costs(scratch, options.entries, options.repeats)


def verify(options: argparse.Namespace, _: Path) -> dict[str, Any]:
    return verify_costs(options.workspace.resolve(), options.repeats)


def anchor(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    return anchor_costs(scratch, options.repeats)


PARTS: dict[str, Callable[[argparse.Namespace, Path], dict[str, Any]]] = {
    "hashing": hashing,
    "log": log,
    "verify": verify,
    "anchor": anchor,
}


def main() -> None:
    options = _options()
    environment = dict(os.environ)
    for part in options.only or PARTS:
        os.environ.clear()  # parts point CAIRN_KEYS at keys of their own
        os.environ.update(environment)
        with tempfile.TemporaryDirectory(dir=options.scratch, prefix="provenance-") as scratch:
            results = PARTS[part](options, Path(scratch).resolve())
        name = f"provenance_{part}"
        if not options.dry:
            keep(name, results)
        head, *lines = TABLES[name](results)
        show(name, head, lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.provenance")
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), help="default: all parts")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--scratch", type=Path, help="a folder on the disk to measure")
    parser.add_argument("--dry", action="store_true", help="print, write no results")
    parser.add_argument(
        "--file-mib", type=int, default=1024, help="hashing: size of the large file"
    )
    parser.add_argument("--files", type=int, default=10_000, help="hashing: files in the tree")
    parser.add_argument("--file-bytes", type=int, default=4096, help="hashing: size of each")
    parser.add_argument(
        "--entries", type=int, default=1_000_000, help="log: entries of the long log"
    )
    parser.add_argument(
        "--workspace", type=Path, default=Path(), help="verify: where a model was released"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
