"""Verifying the released model of a workspace, end to end, after imports.

Three questions of `cairn verify`: integrity (every byte of the model and of what it was made from),
authenticity and lineage; and the shorter check before a model is loaded.
"""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.provenance_worker import cost_of
from provenance import Log
from provenance.checks import Verdict, verify_model
from provenance.checks.ancestry import CodeRules, ancestry
from provenance.checks.authenticity import authenticity
from provenance.checks.case import open_case
from provenance.checks.integrity import integrity
from provenance.checks.target import release_target
from provenance.keys import KeyStore
from provenance.layout import Layout
from provenance.releases import RELEASE, Release

WAYS = ("three questions", "before loading")


def verify_costs(workspace: Path, repeats: int) -> dict[str, Any]:
    """Seconds of each way, in processes of their own, in turns.

    Args:
        workspace: where `cairn run` has released a model; CAIRN_KEYS names its keys.
    """
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(repeats):
        for way, line in found.items():
            command = [sys.executable, "-m", "benchmarks.provenance_verify", str(workspace), way]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            line.append(json.loads(done.stdout.splitlines()[-1]))
    return {
        "repeats": repeats,
        "ways": {
            way: {
                "seconds": {
                    "median": median(line["wall"] for line in lines),
                    "low": min(line["wall"] for line in lines),
                    "high": max(line["wall"] for line in lines),
                },
                **{key: lines[0][key] for key in ("entries", "bytes", "outcomes")},
            }
            for way, lines in found.items()
        },
    }


def _measured(workspace: Path, way: str) -> dict[str, Any]:
    folder, verdicts = workspace / ".provenance", list[Verdict]()
    log = Log.open(folder, create=False)
    newest = [entry for entry in log.entries() if entry.body["kind"] == RELEASE][-1:]
    if not newest:
        raise SystemExit(f"{workspace}: no model was released there: run `cairn run` first")
    release = Release.of(newest[0].body)

    def load() -> None:
        report = verify_model(Log.open(folder, create=False), workspace, release)
        verdicts.extend(verdict for verdict in report.verdicts if verdict.outcome != "not checked")

    def ask() -> None:
        case = open_case(Layout(folder), KeyStore(log.keys))
        if case.reading is None:
            raise SystemExit(f"{workspace}: the log itself does not verify")
        target = release_target(case.reading.history, release)
        verdicts.append(integrity(case, workspace, target))
        verdicts.append(authenticity(case, workspace, target))
        verdicts.append(ancestry(case, workspace, target, CodeRules()))

    cost = cost_of(ask if way == WAYS[0] else load)
    return {
        **cost,
        "entries": log.head().checkpoint.size,
        "bytes": sum(record["size"] for record in release.files),
        "outcomes": {verdict.category.value: verdict.outcome.value for verdict in verdicts},
    }


if __name__ == "__main__":
    print(json.dumps(_measured(Path(sys.argv[1]).absolute(), sys.argv[2])))
