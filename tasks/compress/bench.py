"""What every step of a recipe works with."""

from dataclasses import dataclass, field

import torch

from models.compression.answers import Answers
from models.compression.calibration import Calibration
from models.compression.graphs.graph import Graph
from tasks.compress.front import Front
from tasks.compress.judge import Judge
from tasks.compress.machine import Machine
from tasks.compress.prepared import Prepared
from tasks.compress.source import Source
from tasks.compress.state import State
from tasks.params.compress import CompressParams


@dataclass(frozen=True)
class Bench:
    """Everything that steps work with.

    Args:
        source: teacher and data.
        prepared: inputs by view and content.
        judge: asks what came out.
        front: what the search found.
        params: `compress` of params.yaml.
        machine: what this machine's instruction set is.
        exports: graphs that were exported, by the digest of the module.
        graphs: graphs that a step made, with its note, by the digest of what it made them of and
            by its settings.
        asked: made-up captions and what the teacher says of them, by their number.
    """

    source: Source
    prepared: Prepared
    judge: Judge
    front: Front
    params: CompressParams
    machine: Machine
    exports: dict[str, Graph] = field(default_factory=dict)
    graphs: dict[tuple[str, str], tuple[Graph, str | None]] = field(default_factory=dict)
    asked: dict[int, tuple[list[str], Answers]] = field(default_factory=dict)

    def calibration(self, state: State, view: str) -> Calibration:
        """Some training contents of a view, the same ones every time."""
        contents = self.source.contents(view, self.source.train)
        order = torch.randperm(
            len(contents), generator=torch.Generator().manual_seed(self.params.seed)
        )
        return self._calibration(state, view, contents[order[: self.params.calibration]])

    def training(self, state: State, view: str) -> Calibration:
        """All training contents of a view."""
        return self._calibration(state, view, self.source.contents(view, self.source.train))

    def validation(self, state: State, view: str) -> Calibration:
        """All validation contents of a view."""
        return self._calibration(state, view, self.source.contents(view, self.source.validation))

    def _calibration(self, state: State, view: str, contents: torch.Tensor) -> Calibration:
        return self.prepared.calibration(state.student, view, contents)
