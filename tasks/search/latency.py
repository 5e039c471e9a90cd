"""How long each part of a student takes on this class of machine: measured once, then looked up.

A search that timed its candidates would end elsewhere each time. The table makes it repeatable: it
is measured part by part (an encoder in one variant, a head of one width), kept beside the
runs under the class of the machine, and what it already holds is not measured again.

Milliseconds of processor time on one thread, one input at a time: what else runs on the machine
hardly shows in them.
"""

import json
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from models.compression.layers import keep_layers
from models.compression.student import Pooled, ViewModel, parameters
from models.encoders import text_minilm
from models.encoders.packaged import load_efficientnet, load_minilm, load_whisper
from models.multimodal import View
from models.search.depths import shorter
from models.towers import Encoded
from tasks.compress.machine import machine_class
from tasks.search.source import Source
from tasks.search.views import WORD_PIECES, Elastic
from tasks.train.parallel import one_core_each
from tasks.workspace import Workspace

WARM = 3
"""Runs before the clock is read."""
TOKENS, LETTERS, FRAMES = 12, 12, 120
"""Length of the inputs that are timed: word pieces of a caption, letters of a word, and mel frames
of 10 ms in a spoken word; about what the stamps have."""


@dataclass(frozen=True)
class Cost:
    """What the parts of a student cost.

    Args:
        ms: milliseconds by part.
        numbers: numbers that it holds, by part; parts are `VIEW/VARIANT` and `VIEW//HIDDEN`.
    """

    ms: dict[str, float]
    numbers: dict[str, int]

    def latency(self, choices: Mapping[str, tuple[str, int]]) -> float:
        """Milliseconds to answer about one clip of which everything is known."""
        return sum(self.ms[part] for part in _parts(choices))

    def size(self, choices: Mapping[str, tuple[str, int]], bits: int) -> int:
        """Bytes of the weights, at so many bits each."""
        return sum(self.numbers[part] for part in _parts(choices)) * bits // 8


def measure(
    source: Source, views: Mapping[str, Elastic], workspace: Workspace, *, repeats: int
) -> tuple[Cost, Path]:
    """The cost of every part, and the file that holds the latencies.

    Args:
        source: the trained model.
        views: what its views may be.
        workspace: where the table is kept.
        repeats: runs of each part; the median counts.
    """
    machine = machine_class()
    path = workspace.mlruns / "latency" / f"{machine.name}.json"
    table = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    held: dict[str, float] = table.get("ms", {})
    ms, numbers = {}, {}
    for view, elastic in views.items():
        for part in _parts_of(view, elastic, source):
            numbers[part.name] = part.numbers
            if part.key not in held:
                held[part.key] = round(_median(part, repeats), 4)
            ms[part.name] = held[part.key]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    text = json.dumps({"machine": machine.plain(), "ms": held}, indent=2, sort_keys=True)
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path)
    return Cost(ms, numbers), path


def _parts(choices: Mapping[str, tuple[str, int]]) -> list[str]:
    return [
        part
        for view, (variant, hidden) in choices.items()
        for part in (f"{view}/{variant}", f"{view}//{hidden}")
    ]


@dataclass(frozen=True)
class _Part:
    """What is timed.

    Args:
        name: in `Cost`.
        key: in the table; says everything that the time depends on.
        module: to run.
        inputs: of one clip.
        numbers: that it holds.
    """

    name: str
    key: str
    module: nn.Module
    inputs: tuple[Tensor, ...]
    numbers: int


def _parts_of(view: str, elastic: Elastic, source: Source) -> Iterator[_Part]:
    spec, tower = source.model.spec, source.head(view).tower
    encoder = _encoder(view, source)
    for variant in elastic.variants:
        values = dict(zip(elastic.dimensions, map(int, variant.split("-")), strict=False))
        module = _front(view, values, encoder, tower)
        inputs = _inputs(view, values, source)
        shapes = " ".join("x".join(map(str, tensor.shape)) for tensor in inputs)
        numbers = parameters(module)
        key = f"{view} encoder of {numbers} numbers for {shapes}"
        if "caption_tokens" in values:
            gone = WORD_PIECES - values["caption_tokens"]
            numbers -= gone * text_minilm.WIDTH
        yield _Part(f"{view}/{variant}", _key(key), module, inputs, numbers)
    for hidden in elastic.hidden:
        head = _Head(View(tower, replace(spec, hidden=hidden))).eval().requires_grad_(False)
        inputs = (torch.zeros(1, tower.whole), torch.zeros(1, tower.detail))
        sizes = f"{tower.whole}, {tower.detail} to {hidden} to {len(spec.classes)}, {spec.width}"
        yield _Part(f"{view}//{hidden}", _key(f"head {sizes}"), head, inputs, parameters(head))


def _encoder(view: str, source: Source) -> nn.Module | None:
    """What stands before the tower; None where the tower holds it."""
    encoders = source.encoders
    match view, getattr(encoders, view, None):
        case "image", "efficientnet-lite0":
            return load_efficientnet()
        case "audio", "whisper-tiny":
            return Pooled(load_whisper(), segments=encoders.audio_segments)
    return load_minilm() if view == "caption" and encoders.text == "minilm" else None


def _front(
    view: str, values: Mapping[str, int], encoder: nn.Module | None, tower: nn.Module
) -> "_Front":
    """An encoder cut to a variant, with its tower; the one it is cut from is unchanged."""
    if "text_layers" in values:
        tower = Encoded(
            shorter(tower.encoder, values["text_layers"]),  # type: ignore[arg-type]
            width=tower.whole,  # type: ignore[arg-type]
            segments=1,
        )
    if f"{view}_layers" in values and encoder is not None:
        module = ViewModel(view=view, encoder=encoder, head=nn.Identity())  # type: ignore[arg-type]
        encoder = keep_layers(module, keep=values[f"{view}_layers"], which="first").encoder
    return _Front(encoder, tower)


def _inputs(view: str, values: Mapping[str, int], source: Source) -> tuple[Tensor, ...]:
    encoders = source.encoders
    if view == "text" or (view == "caption" and encoders.text == "chars"):
        return (torch.full((1, LETTERS), 2),)
    if view == "caption":
        return (torch.full((1, TOKENS), 1000), torch.ones(1, TOKENS, dtype=torch.long))
    if view == "image":
        side = values["image_pixels"] if values else encoders.image_pixels
        return (torch.zeros(1, 3, side, side),)
    if encoders.audio == "whisper-tiny":
        return (torch.zeros(1, 80, FRAMES), torch.tensor([FRAMES // 2]))
    return (torch.zeros(1, FRAMES, 80),)


def _median(part: _Part, repeats: int) -> float:
    with one_core_each(), torch.inference_mode():
        spent = []
        for _ in range(WARM + repeats):
            before = time.thread_time()
            part.module(*part.inputs)
            spent.append(time.thread_time() - before)
    return 1000 * statistics.median(spent[WARM:])


def _key(part: str) -> str:
    return f"torch {torch.__version__} fp32: {part}"


class _Head(nn.Module):
    """A view behind its tower."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self.expert, self.project = view.expert, view.project

    def forward(self, whole: Tensor, detail: Tensor) -> tuple[Tensor, Tensor]:
        return self.expert(whole), nn.functional.normalize(self.project(detail), dim=-1)


class _Front(nn.Module):
    """An encoder with its tower: everything before a view's head."""

    def __init__(self, encoder: nn.Module | None, tower: nn.Module) -> None:
        super().__init__()
        self.encoder, self.tower = encoder, tower

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        found = inputs[0] if self.encoder is None else self.encoder(*inputs)
        answer: tuple[Tensor, Tensor] = self.tower(found)
        return answer
