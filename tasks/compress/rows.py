"""Measure what each step made, keep it, and tell MLflow and the person watching."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from blake3 import blake3

from tasks.compress.bench import Bench
from tasks.compress.engine import Tried
from tasks.compress.folder import compressed_bytes, deployed_bytes, files
from tasks.compress.judge import Quality
from tasks.compress.objects import Objects
from tasks.compress.probe import Measured, measure
from tasks.compress.row import Drop, Row
from tasks.compress.state import State
from tasks.compress.targets import Point
from tasks.progress import say
from tasks.tracked import TrackedRun
from tasks.workspace import Workspace

TEACHER = "teacher"
SECONDS = 2.0
"""Timing of one batch on some threads ends after these, with fewer answers."""


@dataclass(frozen=True)
class Noted:
    """A measured step.

    Args:
        level: of the recipe; `teacher` for where all start.
        number: of the step, 0 for the teacher.
        technique, settings: what was done.
        kept: whether the recipe went on from it.
        deployable: whether a runtime without torch can take it.
        loss: relative to the teacher, on validation rows.
        digest: of its files in the store.
        row: what was measured, on validation rows.
        notes: what a person should know.
    """

    level: str
    number: int
    technique: str
    settings: dict[str, Any]
    kept: bool
    deployable: bool
    loss: float
    digest: str
    row: Row
    notes: tuple[str, ...]

    @property
    def point(self) -> Point:
        """As budgets look at it."""
        return point(f"{self.level} after {self.technique}", self.digest, self.row, self.loss)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "row": self.row.plain(), "notes": list(self.notes)}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Noted":
        """From what `plain` made."""
        return cls(**{**plain, "row": Row.of(plain["row"]), "notes": tuple(plain["notes"])})


class Rows:
    """All rows of a run.

    Args:
        bench: data, judge and settings.
        store: where the artifacts of the steps are kept.
        workspace: whose train stage made the teacher.
        run: gets every row as metrics.
    """

    def __init__(self, bench: Bench, store: Objects, workspace: Workspace, run: TrackedRun) -> None:
        self.bench, self.store, self.workspace, self.run = bench, store, workspace, run
        self.noted: list[Noted] = []
        self._measured: dict[str, Measured] = {}

    def teacher(self) -> None:
        """The row that all others are held against: the trained model in fp32, eager torch."""
        quality = self.bench.judge.teacher(self.bench.source.validation)
        made = files(State.of(self.bench.source.teacher))
        measured = self._measure(self.workspace.stage("train"), "torch")
        row = self.row(TEACHER, made, measured, quality)
        self._note(Noted(TEACHER, 0, TEACHER, {}, True, False, 0.0, self.store.put(made), row, ()))

    def step(self, level: str, tried: Tried) -> None:
        """A step of a recipe."""
        state, made = tried.state, files(tried.state)
        digest = self.store.put(made)
        # Dense modules of one shape take one time, whatever their numbers are.
        alike = digest if state.exported else shape(state)
        if alike not in self._measured:
            self._measured[alike] = self.measured(made, "onnx" if state.exported else "student")
        measured = self._measured[alike]
        row = self.row(f"{level} {tried.number}: {tried.technique}", made, measured, tried.quality)
        self._note(
            Noted(
                level=level,
                number=tried.number,
                technique=tried.technique,
                settings=tried.settings,
                kept=tried.kept,
                deployable=state.exported,
                loss=tried.loss,
                digest=digest,
                row=row,
                notes=state.notes,
            )
        )

    def measured(self, made: dict[str, bytes], backend: str) -> Measured:
        """Measure some files in a process of their own."""
        with TemporaryDirectory() as temporary:
            folder = Path(temporary)
            lay_out(made, folder)
            return self._measure(folder, backend)

    def row(self, name: str, made: dict[str, bytes], measured: Measured, quality: Quality) -> Row:
        """A row of figures that were measured."""
        return Row(
            name=name,
            file_bytes=deployed_bytes(made),
            compressed_bytes=compressed_bytes(made),
            measured=measured,
            accuracy=quality.accuracy,
            recall={"speech_to_text": {1: quality.r1, 10: quality.r10}},
            agreement=quality.agreement,
            worst_class=Drop(*quality.worst_class),
            worst_language=Drop(*quality.worst_language),
            machine=self.bench.machine,
        )

    def points(self) -> dict[str, list[Point]]:
        """By level, the teacher first, what was kept."""
        found: dict[str, list[Point]] = {}
        for noted in self.noted:
            if noted.kept:
                found.setdefault(noted.level, []).append(noted.point)
        return found

    def _measure(self, folder: Path, backend: str) -> Measured:
        return measure(
            folder,
            backend=backend,
            cores=self.bench.machine.logical,
            quick=False,
            repeats=self.bench.params.repeats,
            rounds=1,
            seconds=SECONDS,
            teacher=self.workspace.stage("train"),
        )

    def _note(self, noted: Noted) -> None:
        self.noted.append(noted)
        row = noted.row
        step = len(self.noted) - 1
        self.run.metrics({**row.flat(), "loss": noted.loss}, step=step)
        fate = "" if noted.kept else ", rolled back"
        say(
            f"{row.name}: {row.file_bytes / 1e6:.2f} MB, "
            f"{row.measured.at(batch=1, threads=1).p50_ms:.1f} ms, "
            f"{row.measured.rss_bytes / 1e6:.0f} MB of memory, loss {noted.loss:.1%}{fate}"
        )


def point(name: str, digest: str, row: Row, loss: float) -> Point:
    """A row as budgets look at it: processor time, which other work on the machine hardly moves."""
    return Point(
        name=name,
        digest=digest,
        bytes=row.file_bytes,
        latency_ms=row.measured.at(batch=1, threads=1).cpu_p50_ms,
        memory_bytes=row.measured.rss_bytes,
        loss=loss,
        machine=row.machine.name,
    )


def shape(state: State) -> str:
    """BLAKE3 of what decides the time of torch modules: layers, shapes, kinds of numbers."""
    told = [repr(sorted(state.student.settings.items())), state.student.tokenizer or ""]
    for view, module in state.student.views.items():
        told += [view, repr(module)]
        told += [
            f"{name} {type(tensor).__name__} {tensor.dtype} {tuple(tensor.shape)}"
            for name, tensor in module.state_dict().items()
        ]
    return blake3("\n".join(told).encode()).hexdigest()


def lay_out(made: dict[str, bytes], folder: Path) -> None:
    """Put files into a folder, with the card that a runtime reads digests from."""
    import json

    from tasks.compress.folder import write

    digests = {name: blake3(data).hexdigest() for name, data in made.items()}
    write({**made, "card.json": json.dumps({"digests": digests}).encode()}, folder)
