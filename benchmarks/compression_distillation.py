"""A small student that learns from the teacher, against the same student that learns from data.

    python -m benchmarks.compression_distillation --workspace PATH

Two small views, speech and letters: a head on the first two blocks of Whisper's encoder, which stay
as they are, and letters by one layer of convolutions; heads of 64 where the teacher's have 512, and
all that learns from new weights. Architecture, initial weights, data, epochs, batches, optimiser
and rate are the same for both ways of teaching; only the targets differ:

- distilled: the teacher's softened scores and its vectors, for all clips;
- from scratch: labels, and the contrastive loss between speech and text of the same clip, which is
  what the teacher itself learned from.

Accuracy is that of speech alone and of letters alone; R@10 is speech to text with both views
the student's. Five seeds; 95% t-intervals over them, and of the paired differences.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.compression import open_bench
from benchmarks.compression_tables import distillation
from benchmarks.seeds import over_seeds
from benchmarks.table import keep, show
from models.batches import language_batches
from models.compression.distil_losses import apart, soft_scores
from models.encoders.text_chars import FIRST
from models.losses import category, contrastive
from models.metrics import ranks
from models.multimodal import View
from models.spec import TowerSpec
from models.towers import build_tower
from models.training import rate
from tasks.compress.bench import Bench
from tasks.params.encoders import EncoderParams
from tasks.progress import say
from tasks.train.features import sounds_at_every_depth
from tasks.workspace import Workspace

VIEWS = ("text", "audio")
WAYS = ("distilled", "from scratch")
SEEDS = (0, 1, 2, 3, 4)
EPOCHS, BATCH, RATE, DECAY = 10, 128, 2.0e-3, 0.01
BLOCKS, LAYERS, HIDDEN = 2, 1, 64
"""Of Whisper's encoder, of the spelling encoder, and width of the heads."""
SCALE = 20.0
"""Inverse temperature of the contrastive loss: that which the search's supernet learns with."""
DEPTH = 10

FIGURES = {
    "audio_accuracy": "accuracy, speech",
    "text_accuracy": "accuracy, letters",
    "r10": "speech to text R@10",
}


class Lessons:
    """The data set as the students take it.

    Args:
        bench: teacher and data.
        workspace: whose cache has the recordings as Whisper hears them after every block.
    """

    def __init__(self, bench: Bench, workspace: Workspace) -> None:
        self.source = bench.source
        encoders = EncoderParams(**bench.source.teacher.settings)
        depths, _ = sounds_at_every_depth(bench.source.manifest, workspace, encoders)
        self.inputs = {
            "text": bench.source.examples.contents["text"],
            "audio": depths[:, BLOCKS - 1],
        }
        self.train, self.test = self._both(bench.source.train), self._both(bench.source.test)

    def _both(self, rows: Tensor) -> Tensor:
        """Rows with speech and text."""
        place = self.source.examples.place
        return rows[(place["audio"][rows] >= 0) & (place["text"][rows] >= 0)]

    def batch(self, view: str, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Contents of some rows, and their numbers."""
        place = self.source.examples.place[view][rows]
        inputs = self.inputs[view][place]
        return inputs.float() if view == "audio" else inputs, place

    def student(self, seed: int) -> dict[str, View]:
        """Both views with new weights; torch's own RNG moves on."""
        torch.manual_seed(seed)
        spec = self.source.teacher.spec
        text = TowerSpec("spelling", {**spec.towers["text"].settings, "layers": LAYERS})
        spec = replace(spec, hidden=HIDDEN, towers={**spec.towers, "text": text})
        vocabulary = FIRST + len(spec.characters)
        return {
            view: View(build_tower(spec.towers[view], vocabulary=vocabulary), spec)
            for view in VIEWS
        }


def main() -> None:
    parser = argparse.ArgumentParser(description="Distilled against learned from scratch.")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    workspace = Workspace(asked.workspace.resolve())
    lessons = Lessons(open_bench(workspace), workspace)
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for seed in SEEDS[: asked.seeds]:
        for way in WAYS:
            start = time.process_time()
            views = teach(lessons, way, seed, asked.epochs)
            line = examined(lessons, views) | {"cpu_s": time.process_time() - start}
            found[way].append(line)
            say(f"seed {seed}, {way}: " + ", ".join(f"{k} {v:.3f}" for k, v in line.items()))
    results = summary(found, asked.epochs, lessons)
    keep("distillation", results)
    head, *rows = distillation(results)
    show("Distilled against from scratch", head, rows)


def teach(lessons: Lessons, way: str, seed: int, epochs: int) -> dict[str, View]:
    """Train a student's two views together."""
    source = lessons.source
    examples, told = source.examples, source.answers
    with torch.random.fork_rng(devices=[]):
        views = {view: module.train() for view, module in lessons.student(seed).items()}
        learned = [weight for module in views.values() for weight in module.parameters()]
        optimizer = torch.optim.AdamW(learned, lr=RATE, weight_decay=DECAY, betas=(0.9, 0.98))
        plan = [
            list(
                language_batches(
                    examples,
                    lessons.train,
                    size=BATCH,
                    generator=torch.Generator().manual_seed(1000 * seed + epoch),
                )
            )
            for epoch in range(epochs)
        ]
        batches = [rows for epoch in plan for rows in epoch]
        for step, rows in enumerate(batches):
            loss = torch.zeros(())
            vectors, places = {}, {}
            for view, module in views.items():
                inputs, place = lessons.batch(view, rows)
                scores, vectors[view] = module(inputs)
                places[view] = place
                if way == "distilled":
                    loss = loss + soft_scores(scores, told[view].scores[place], temperature=2.0)
                    loss = loss + apart(vectors[view], told[view].vectors[place])
                else:
                    loss = loss + category(scores, examples.label[rows], smoothing=0.0)
            if way != "distilled":
                keys = (places["audio"], places["text"])
                pair = (vectors["audio"], vectors["text"])
                loss = loss + contrastive(*pair, torch.tensor(SCALE), *keys)
            for group in optimizer.param_groups:
                group["lr"] = rate(step, len(batches), RATE)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(learned, 1.0)
            optimizer.step()
    return {view: module.eval() for view, module in views.items()}


@torch.no_grad()
def examined(lessons: Lessons, views: dict[str, View]) -> dict[str, float]:
    """Figures on the test clips."""
    examples, rows = lessons.source.examples, lessons.test
    scores, vectors = {}, {}
    for view, module in views.items():
        parts = [module(lessons.batch(view, part)[0]) for part in torch.split(rows, 128)]
        scores[view] = torch.cat([part[0] for part in parts])
        vectors[view] = torch.cat([part[1] for part in parts])
    label = examples.label[rows]
    known = label >= 0
    told = {
        f"{view}_accuracy": float((scores[view].argmax(1) == label)[known].float().mean())
        for view in VIEWS
    }
    recalls = []
    for language in torch.unique(examples.language[rows]).tolist():
        own = (examples.language[rows] == language).nonzero()[:, 0]
        text, place = torch.unique(examples.place["text"][rows][own], return_inverse=True)
        first = torch.stack([(place == i).nonzero()[0, 0] for i in range(len(text))])
        similarity = vectors["audio"][own] @ vectors["text"][own][first].T
        rank = ranks(similarity.double().numpy(), place.numpy())
        recalls.append(float((rank <= DEPTH).mean()))
    return {**told, "r10": float(np.mean(recalls))}


def summary(
    found: dict[str, list[dict[str, float]]], epochs: int, lessons: Lessons
) -> dict[str, Any]:
    """Means with intervals over seeds, and the paired difference."""
    scratch, distilled = found["from scratch"], found["distilled"]
    gains = [
        {name: one[name] - other[name] for name in FIGURES}
        for one, other in zip(distilled, scratch, strict=True)
    ]
    with torch.random.fork_rng(devices=[]):
        made = lessons.student(0)
    counted = sum(weight.numel() for view in VIEWS for weight in made[view].parameters())
    return {
        "seeds": list(SEEDS[: len(scratch)]),
        "epochs": epochs,
        "batch": BATCH,
        "learning_rate": RATE,
        "training_clips": len(lessons.train),
        "test_clips": len(lessons.test),
        "parameters": counted,
        "figures": FIGURES,
        "ways": {way: _lines(lines) for way, lines in found.items()},
        "differences": {"distilled - from scratch": _lines(gains)},
        "cpu_s": {way: statistics.mean(x["cpu_s"] for x in lines) for way, lines in found.items()},
    }


def _lines(lines: Sequence[dict[str, float]]) -> dict[str, dict[str, Any]]:
    return {name: over_seeds([line[name] for line in lines]) for name in FIGURES}


if __name__ == "__main__":
    main()
