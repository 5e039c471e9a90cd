"""Points of the compression benchmark: models as files, as answers and as measurements."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from benchmarks.compression_outcomes import Outcomes, outcomes
from models.compression.graphs.graph import Graph
from models.compression.storage import unpack
from models.compression.student import Student, ViewModel
from models.spec import Spec
from tasks.compress.bench import Bench
from tasks.compress.folder import OPENVINO, PACKED, STUDENT, TOKENIZER, files
from tasks.compress.probe import Measured, measure
from tasks.compress.rows import lay_out
from tasks.compress.state import ALL, State

REPEATS = 20


@dataclass(frozen=True)
class Entry:
    """One model that is compared.

    Args:
        name: for people.
        kind: "ours", "peer" or "control".
        backend: onnx or openvino.
        files: what that runtime needs, by relative path.
        state: what answers, for the judge.
        notes: what went otherwise than asked.
    """

    name: str
    kind: str
    backend: str
    files: Mapping[str, bytes]
    state: State
    notes: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(len(data) for data in self.files.values())


def of_state(name: str, kind: str, state: State) -> Entry:
    """From graphs for ONNX Runtime, or all for OpenVINO."""
    if state.openvino:
        made = files(replace(state, onnx={}), parts=False)
        answering = replace(state, onnx=dict(state.openvino))
        return Entry(name, kind, "openvino", made, answering, state.notes)
    return Entry(name, kind, "onnx", files(state, parts=False), state, state.notes)


def of_files(name: str, held: Mapping[str, bytes], backend: str, teacher: Student) -> Entry:
    """From a deployable as it was shipped."""
    beside = {key: held[key] for key in (STUDENT, TOKENIZER) if key in held}
    ending: tuple[str, ...]
    if backend == "openvino":
        graphs = {key: data for key, data in held.items() if key.startswith(f"{OPENVINO}/")}
        ending, plain = (".xml", ".bin"), {Path(key).name: data for key, data in graphs.items()}
    else:
        endings = (".onnx",) if PACKED not in held else (PACKED,)
        graphs = {
            key: data for key, data in held.items() if "/" not in key and key.endswith(endings)
        }
        ending, plain = (".onnx",), unpack(held[PACKED]) if PACKED in held else graphs
    parts = {
        part: Graph(part, backend, {f"{part}{end}": plain[f"{part}{end}"] for end in ending})
        for part in ALL
    }
    told = json.loads(held[STUDENT])
    student = _named(told, beside.get(TOKENIZER), teacher)
    state = State(student, told["scratch"], parts, parts, {}, (), packed=PACKED in held)
    return Entry(name, "ours", backend, {**beside, **graphs}, state)


def _named(told: Mapping[str, Any], tokenizer: bytes | None, teacher: Student) -> Student:
    """A student of which only the names of its inputs are known: graphs answer in its place."""
    named = {
        view: cast(ViewModel, SimpleNamespace(view=view, inputs=tuple(held["inputs"])))
        for view, held in told["views"].items()
    }
    read = None if tokenizer is None else tokenizer.decode()
    return Student(Spec.of(told["spec"]), told["settings"], named, teacher.fusion, read)


def judged(entry: Entry, bench: Bench) -> Outcomes:
    """Ask a model about every test clip."""
    return outcomes(bench.source, bench.judge.answers(entry.state, bench.source.test))


class Probes:
    """Measures models in turns: whatever else the machine does meets all of them.

    Args:
        folder: new; deployables are laid out in it.
        entries: to measure.
        teacher: folder of the trained model, measured as fp32 eager torch.
    """

    def __init__(self, folder: Path, entries: Sequence[Entry], teacher: Path) -> None:
        self.teacher = teacher
        self.places = {}
        for number, entry in enumerate(entries):
            place = folder / str(number)
            place.mkdir()
            lay_out(dict(entry.files), place)
            self.places[entry.name] = (place, entry.backend)
        self.found: dict[str, list[Measured]] = {}

    def round(self) -> None:
        """Measure each once, the teacher first and last, so that it stands for the whole round."""
        first = self._one(self.teacher, "torch")
        for name, (place, backend) in self.places.items():
            self.found.setdefault(name, []).append(self._one(place, backend))
        self.found.setdefault(TEACHER, []).append(first)
        self.found.setdefault(AGAIN, []).append(self._one(self.teacher, "torch"))

    def figures(self, name: str) -> dict[str, Any]:
        """Medians over rounds; ratios to the teacher round by round, with their range."""
        own = self.found[name]
        told: dict[str, Any] = {
            "cpu_ms": _median(one.at(batch=1, threads=1).cpu_p50_ms for one in own),
            "wall_ms": _median(one.at(batch=1, threads=1).p50_ms for one in own),
            "rss_bytes": _median(one.rss_bytes for one in own),
            "cold_start_cpu_s": _median(one.cold_start_cpu_s for one in own),
            "view_cpu_ms": {
                view: _median(one.view_ms[view] for one in own) for view in own[0].view_ms
            },
        }
        faster = [base / one.at(batch=1, threads=1).cpu_p50_ms for base, one in self._pairs(own)]
        walls = [
            first.at(batch=1, threads=1).p50_ms / one.at(batch=1, threads=1).p50_ms
            for first, one in zip(self.found[TEACHER], own, strict=True)
        ]
        lighter = [
            1 - one.rss_bytes / base.rss_bytes
            for base, one in zip(self.found[TEACHER], own, strict=True)
        ]
        told |= _range("faster", faster) | _range("faster_wall", walls)
        return told | _range("memory_saved", lighter)

    def _pairs(self, own: Sequence[Measured]) -> list[tuple[float, Measured]]:
        bases = zip(self.found[TEACHER], self.found[AGAIN], strict=True)
        means = [
            statistics.mean(one.at(batch=1, threads=1).cpu_p50_ms for one in pair) for pair in bases
        ]
        return list(zip(means, own, strict=True))

    def _one(self, folder: Path, backend: str) -> Measured:
        return measure(
            folder,
            backend=backend,
            cores=1,
            quick=True,
            repeats=REPEATS,
            rounds=1,
            seconds=6.0,
        )


TEACHER, AGAIN = "teacher", "teacher again"


def _median(values: Any) -> float:
    return float(statistics.median(values))


def _range(name: str, values: Sequence[float]) -> dict[str, float]:
    return {
        name: float(statistics.median(values)),
        f"{name}_low": min(values),
        f"{name}_high": max(values),
    }


def dominates(own: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """No worse on bytes, milliseconds and loss, and better on one."""
    pairs = [(own[key], other[key]) for key in ("bytes", "cpu_ms", "loss")]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)
