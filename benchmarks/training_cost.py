"""Training cost: our loop against transformers' Trainer, same model, data, batches and epochs.

    python -m benchmarks.training_cost     # prints a table, writes docs/results/training_cost.json

Each run is a process of its own (peak memory is the process's), the two take turns, and the
throughput is clips per second of training, imports and features excluded.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.data import Fold, fold, load
from benchmarks.table import keep, show
from models.foreign import transformers
from models.multimodal import Multimodal, build
from models.objective import losses, total
from models.training import Report, fit
from tasks.params import TrainParams
from tasks.train.fit import reproducible, settings

EPOCHS = 2
REPEATS = 3
METHODS = ("ours", "trainer")


def main() -> None:
    if len(sys.argv) == 2:
        print(json.dumps(_measure(sys.argv[1])))
        return
    runs: dict[str, list[dict[str, float]]] = {method: [] for method in METHODS}
    for _ in range(REPEATS):
        for method in METHODS:  # in turns: whatever else the machine does meets both
            command = [sys.executable, "-m", "benchmarks.training_cost", method]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            runs[method].append(json.loads(done.stdout.splitlines()[-1]))
    results = _summary(runs)
    keep("training_cost", results)
    lines = [
        [name, f"{line['clips_per_second']:.0f}", f"{line['peak_mib']:.0f}"]
        for name, line in results["methods"].items()
    ]
    lines.append(["ours / trainer", f"{results['speed']:.2f}", f"{results['memory']:.2f}"])
    show("Training cost", ["loop", "clips/s (median)", "peak MiB (median)"], lines)


def _summary(runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    methods: dict[str, dict[str, Any]] = {
        name: {
            "clips_per_second": statistics.median(run["clips_per_second"] for run in found),
            "peak_mib": statistics.median(run["peak_mib"] for run in found),
            "runs": found,
        }
        for name, found in runs.items()
    }
    ours, theirs = (methods[name] for name in METHODS)
    return {
        "epochs": EPOCHS,
        "repeats": REPEATS,
        "methods": methods,
        "speed": ours["clips_per_second"] / theirs["clips_per_second"],
        "memory": ours["peak_mib"] / theirs["peak_mib"],
    }


def _measure(method: str) -> dict[str, float]:
    bench = load()
    test = np.flatnonzero(bench.manifest["split"] == "test")
    split = fold(bench, test, seed=bench.params.seed)
    params = bench.params.model_copy(update={"epochs": EPOCHS, "patience": EPOCHS})
    model = build(split.spec, seed=params.seed, class_names=bench.class_names)
    train = {"ours": _ours, "trainer": _trainer}[method]
    with reproducible(params.threads):
        start = time.perf_counter()
        train(model, split, params)
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"clips_per_second": EPOCHS * len(split.train) / seconds, "peak_mib": peak}


def _ours(model: Multimodal, split: Fold, params: TrainParams) -> None:
    def on_epoch(_: Report) -> None:
        """Nothing to tell."""

    fit(model, split.data, settings(params), on_epoch=on_epoch)


class Rows(torch.utils.data.Dataset[Tensor]):
    """Row numbers; the collator gathers what they stand for."""

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Tensor:
        return self.rows[index]


class WithLoss(nn.Module):
    """Our model in the form that Trainer wants: a forward that returns the loss."""

    def __init__(self, model: Multimodal, split: Fold, params: TrainParams) -> None:
        super().__init__()
        self.model, self.split, self.params = model, split, params

    def forward(self, rows: Tensor) -> dict[str, Tensor]:
        examples = self.split.examples
        batch = examples.batch(rows)
        weights = settings(self.params).weights
        smoothing = self.params.smoothing if self.training else 0.0
        parts = losses(
            self.model, self.model(batch), examples, rows, batch.present, smoothing=smoothing
        )
        return {"loss": total(parts, weights)}


def _trainer(model: Multimodal, split: Fold, params: TrainParams) -> None:
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            output_dir=folder,
            num_train_epochs=EPOCHS,
            per_device_train_batch_size=params.batch_size,
            per_device_eval_batch_size=params.batch_size,
            learning_rate=params.learning_rate,
            weight_decay=params.weight_decay,
            lr_scheduler_type="cosine",
            max_grad_norm=params.clip,
            eval_strategy="epoch",  # ours validates after every epoch too
            save_strategy="no",
            logging_strategy="epoch",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            seed=params.seed,
            remove_unused_columns=False,
            label_names=[],
        )
        transformers.Trainer(
            model=WithLoss(model, split, params),
            args=arguments,
            train_dataset=Rows(split.train),
            eval_dataset=Rows(split.validation),
            data_collator=lambda rows: {"rows": torch.stack(rows)},
        ).train()


if __name__ == "__main__":
    main()
