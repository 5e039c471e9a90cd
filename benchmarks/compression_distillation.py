"""A small student that learns from the teacher, against the same student that learns from data.

    python -m benchmarks.compression_distillation --workspace PATH

Two tiny views from new weights, speech and letters: same architecture, initial weights, data,
epochs, batches, optimiser and rate for every way of teaching; only the targets differ:

- distilled: the teacher's softened scores and its vectors, for all clips;
- from scratch: labels, and the contrastive loss between speech and text of the same clip, which is
  what the teacher itself learned from.

Accuracy is that of speech alone and of letters alone; R@10 is speech to text with both views
the student's. Five seeds; 95% t-intervals over them, and of the paired differences.
"""

import argparse
import math
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.compression import open_bench
from benchmarks.compression_tables import distillation
from benchmarks.table import keep, show
from models.batches import language_batches
from models.compression.distil_losses import apart, soft_scores
from models.compression.student import ViewModel
from models.compression.students import tiny_student
from models.losses import category, contrastive
from models.metrics import ranks
from models.training import rate
from tasks.compress.bench import Bench
from tasks.compress.tiny import sizes
from tasks.progress import say
from tasks.workspace import Workspace

VIEWS = ("text", "audio")
WAYS = ("distilled", "from scratch")
SEEDS = (0, 1, 2, 3, 4)
EPOCHS, BATCH, RATE, DECAY = 6, 128, 2.0e-3, 0.01
WIDTH, HIDDEN = 48, 64
SCALE = 20.0
"""Inverse temperature of the contrastive loss: that which the search's supernet learns with."""
DEPTH = 10
T_4 = 2.776
"""97.5% point of Student's t with 4 degrees of freedom."""

FIGURES = {
    "audio_accuracy": "accuracy, speech",
    "text_accuracy": "accuracy, letters",
    "r10": "speech to text R@10",
}


class Lessons:
    """The data set as the students take it.

    Args:
        bench: teacher and data.
    """

    def __init__(self, bench: Bench) -> None:
        self.source = bench.source
        self.sizes = sizes(48, WIDTH, HIDDEN, bench)
        self.student = tiny_student(bench.source.teacher, self.sizes, seed=0)
        self.inputs = {}
        for view in VIEWS:
            every = torch.arange(len(self.source.examples.contents[view]))
            used = torch.unique(
                torch.cat([self.source.contents(view, rows) for rows in (self.train, self.test)])
            )
            rows = bench.prepared.inputs(self.student, view, used)
            self.inputs[view] = _joined([row[0] for row in rows], used, len(every))

    @property
    def train(self) -> Tensor:
        return self._both(self.source.train)

    @property
    def test(self) -> Tensor:
        return self._both(self.source.test)

    def _both(self, rows: Tensor) -> Tensor:
        """Rows with speech and text."""
        place = self.source.examples.place
        return rows[(place["audio"][rows] >= 0) & (place["text"][rows] >= 0)]

    def batch(self, view: str, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Contents of some rows, cut to the longest of them, and their numbers."""
        place = self.source.examples.place[view][rows]
        inputs = self.inputs[view][place]
        if view == "audio":
            held = (inputs != 0).any(2).any(0).nonzero()
            inputs = inputs[:, : int(held.max()) + 1 if len(held) else 1].float()
        return inputs, place


def main() -> None:
    parser = argparse.ArgumentParser(description="Distilled against learned from scratch.")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    lessons = Lessons(open_bench(Workspace(asked.workspace.resolve())))
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


def teach(lessons: Lessons, way: str, seed: int, epochs: int) -> dict[str, ViewModel]:
    """Train a student's two views together."""
    source = lessons.source
    examples, told = source.examples, source.answers
    with torch.random.fork_rng(devices=[]):
        views = tiny_student(source.teacher, lessons.sizes, seed=seed).views
        views = {view: views[view].train().requires_grad_(True) for view in VIEWS}
        torch.manual_seed(seed)
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
def examined(lessons: Lessons, views: dict[str, ViewModel]) -> dict[str, float]:
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
    counted = sum(w.numel() for v in VIEWS for w in lessons.student.views[v].parameters())
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
    return {name: _line([line[name] for line in lines]) for name in FIGURES}


def _line(values: Sequence[float]) -> dict[str, Any]:
    mean = statistics.mean(values)
    half = T_4 * statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    told = {"mean": mean, "mean_low": mean - half, "mean_high": mean + half}
    return {**told, "per_seed": list(values)}


def _joined(rows: Sequence[Tensor], used: Tensor, count: int) -> Tensor:
    """Contents by number, padded at the end with zeros; those nobody asks for stay zero."""
    longest = max(row.shape[1] for row in rows)
    half = torch.float16 if rows[0].is_floating_point() else rows[0].dtype
    made = torch.zeros(count, longest, *rows[0].shape[2:], dtype=half)
    for number, row in zip(used.tolist(), rows, strict=True):
        made[number, : row.shape[1]] = row[0].to(half)
    return made


if __name__ == "__main__":
    main()
