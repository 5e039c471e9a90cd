"""The compressed family against its targets and against peers, on the test clips of a finished run.

    python -m benchmarks.compression --workspace PATH [--olive PYTHON]

Prints tables and writes docs/results/compression.json. The workspace is one in which search and
compress have run. Every model is probed in a process of its own, in turns over several rounds, the
fp32 eager torch teacher at the start and the end of each; milliseconds are processor time of one
question with all four views, batch 1, one thread. Peers run through our runtime without torch,
which spares them the memory of torch and of their own libraries.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.compression_olive import olive
from benchmarks.compression_outcomes import RESAMPLES, SEED, losses, outcomes
from benchmarks.compression_peers import peers, plain
from benchmarks.compression_points import (
    AGAIN,
    REPEATS,
    TEACHER,
    Entry,
    Probes,
    dominates,
    judged,
    of_files,
    of_state,
)
from benchmarks.compression_tables import COMPRESSION_TABLES
from benchmarks.table import keep, show
from tasks.compress.bench import Bench
from tasks.compress.folder import deployed_bytes, files
from tasks.compress.front import read_front
from tasks.compress.judge import Judge
from tasks.compress.machine import machine_class
from tasks.compress.objects import Objects
from tasks.compress.prepared import Prepared
from tasks.compress.rows import Noted
from tasks.compress.source import read_source
from tasks.compress.state import State
from tasks.params import load_params
from tasks.progress import say
from tasks.workspace import Workspace

ROUNDS = 5
TARGETS = {
    "smaller": (0.90, "at least 90% smaller files"),
    "faster": (5.0, "at least 5 times faster at batch 1"),
    "memory_saved": (0.80, "at least 80% less process memory"),
    "accuracy_loss": (0.05, "under 5% relative loss of accuracy"),
    "r10_loss": (0.05, "under 5% relative loss of speech to text R@10"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a compressed family against peers.")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--olive", type=Path, help="Python of an environment with olive-ai")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    workspace = Workspace(asked.workspace.resolve())
    bench = open_bench(workspace)
    base = plain(bench)
    tried = olive(base, asked.olive)
    entries = [
        *ours(bench, workspace),
        of_state("fp32, onnxruntime", "control", base),
        *(of_state(name, "peer", state) for name, state in peers(base, bench)),
        *(of_state(name, "peer", state) for name, state in tried.states),
    ]
    quality = {entry.name: lost(entry, bench) for entry in entries}
    results = measured(entries, quality, bench, workspace, asked.rounds) | {"olive": tried.told}
    keep("compression", results)
    for name, table in COMPRESSION_TABLES.items():
        if name != "distillation":
            head, *rows = table(results)
            show(name, head, rows)


def open_bench(workspace: Workspace) -> Bench:
    """The trained model of a workspace, its data and its settings."""
    source = read_source(workspace)
    prepared = Prepared(source)
    params = load_params(workspace.params_file).compress
    front, _ = read_front(workspace)
    return Bench(source, prepared, Judge(prepared), front, params, machine_class())


def ours(bench: Bench, workspace: Workspace) -> list[Entry]:
    """The last step of every level for ONNX Runtime, and OpenVINO's twins of what shipped."""
    folder, teacher = workspace.stage("compress"), bench.source.teacher
    rows = [
        Noted.of(found)
        for found in json.loads((folder / "rows.json").read_text(encoding="utf-8"))["rows"]
    ]
    last = {found.level: found for found in rows if found.kept and found.deployable}
    store = Objects(workspace.mlruns / "compress")
    found = [
        of_files(f"{level}, onnxruntime", store.take(noted.digest), "onnx", teacher)
        for level, noted in last.items()
    ]
    members = json.loads((folder / "family" / "family.json").read_text(encoding="utf-8"))["members"]
    for level in last:
        names = [name for name, told in members.items() if told["level"] == level]
        for name in names[:1]:
            held = read(folder / "family" / name)
            found.append(of_files(f"{level}, OpenVINO", held, "openvino", teacher))
    return found


def read(folder: Path) -> dict[str, bytes]:
    """All files of a folder by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def lost(entry: Entry, bench: Bench) -> dict[str, Any]:
    """What a model gets right on the test clips, and what it loses."""
    told = losses(judged(entry, bench), outcomes(bench.source, bench.source.answers))
    say(f"{entry.name}: {entry.bytes / 1e6:.2f} MB, loss {told['loss']:.1%}")
    return told


def measured(
    entries: Sequence[Entry],
    quality: Mapping[str, Mapping[str, Any]],
    bench: Bench,
    workspace: Workspace,
    rounds: int,
) -> dict[str, Any]:
    """Everything that the tables tell."""
    teacher = outcomes(bench.source, bench.source.answers)
    with tempfile.TemporaryDirectory() as temporary:
        probes = Probes(Path(temporary), entries, workspace.stage("train"))
        for number in range(rounds):
            probes.round()
            say(f"round {number + 1} of {rounds}")
    whole = deployed_bytes(files(State.of(bench.source.teacher)))
    lines = {
        entry.name: {
            "kind": entry.kind,
            "backend": entry.backend,
            "bytes": entry.bytes,
            "smaller": 1 - entry.bytes / whole,
            "notes": list(entry.notes),
            **quality[entry.name],
            **probes.figures(entry.name),
        }
        for entry in entries
    }
    base = {"bytes": whole, **losses(teacher, teacher), **probes.figures(TEACHER)}
    base["again"] = probes.figures(AGAIN)["cpu_ms"]
    groups = len(set(teacher.clip_group) | set(teacher.query_group))
    return {
        "machine": bench.machine.name,
        "libraries": dict(bench.machine.libraries),
        "rounds": rounds,
        "repeats": REPEATS,
        "resamples": RESAMPLES,
        "seed": SEED,
        "clips": len(teacher.right),
        "queries": len(teacher.hit),
        "groups": groups,
        "teacher": base,
        "models": lines,
        "targets": {name: verdicts(line) for name, line in lines.items() if line["kind"] == "ours"},
        "dominance": dominance(lines),
    }


def verdicts(line: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By target: what was wanted, what was found, whether it was met."""
    told: dict[str, dict[str, Any]] = {}
    for name, (limit, words) in TARGETS.items():
        value = line[name]
        met = value < limit if name.endswith("loss") else value >= limit
        told[name] = {"wanted": words, "found": value, "met": bool(met)}
    return told


def dominance(lines: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """By peer: which of our points are no worse on bytes, time and loss and better on one, and
    which of ours the peer so beats."""
    own = {name: line for name, line in lines.items() if line["kind"] == "ours"}
    return {
        name: {
            "dominated_by": [key for key, point in own.items() if dominates(point, line)],
            "dominates": [key for key, point in own.items() if dominates(line, point)],
        }
        for name, line in lines.items()
        if line["kind"] == "peer"
    }


if __name__ == "__main__":
    main()
