"""Measure the model that was trained, in fp32 eager torch, as the deployable folders are measured.

    python -m services.probe_teacher FOLDER --threads 1 --batch 1 --repeats 50

The folder holds config.json and model.safetensors, as the train stage writes them. Same figures as
`services.deployed.probe`, the same question, the same prepared inputs.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.deployed.probe import fewest, figures, parser, prepared, told
from services.timing import measure, resident, sample_question

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from models.compression.student import ViewModel
    from models.fusion import GatedProduct
    from services.predict import Predictor


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; errors are one line on stderr."""
    asked = parser("FOLDER", "config.json and model.safetensors").parse_args(arguments)
    return told(probe, asked)


def probe(asked: argparse.Namespace) -> dict[str, Any]:
    """The figures of `services.deployed.probe`."""
    question = sample_question()
    bare, started, worked = resident(), time.perf_counter(), time.process_time()
    import torch

    from services.loading import load
    from services.predict import Predictor

    torch.set_num_threads(asked.threads)
    predictor = Predictor(load(asked.folder, _digests(asked.folder)))
    predictor.answer(question)
    cold, worked = time.perf_counter() - started, time.process_time() - worked
    first = resident()
    views = _views(predictor)
    model: Any = predictor.loaded.model  # the trained one: no variant is probed

    def timed(batch: int, threads: int) -> dict[str, Any]:
        torch.set_num_threads(threads)
        inputs = _inputs(predictor, views, asked.inputs, batch)
        return time_modules(asked, views, inputs, model.fusion)

    return {
        "backend": "torch",
        "fallbacks": {},
        "cold_start_s": round(cold, 4),
        "cold_start_cpu_s": round(worked, 4),
        **figures(asked, timed, bare=bare, first=first),
    }


def time_modules(
    asked: argparse.Namespace,
    views: "Mapping[str, ViewModel]",
    inputs: "Mapping[str, list[Tensor]]",
    fusion: "GatedProduct",
) -> dict[str, Any]:
    """Time torch modules as graphs are timed."""
    import torch

    batch = len(next(iter(inputs.values()))[0])

    def fuse(scores: "dict[str, Tensor]") -> object:
        return fusion(
            torch.stack(list(scores.values()), 1), torch.ones(batch, len(scores), dtype=torch.bool)
        )

    with torch.inference_mode():
        return measure(
            {view: asker(module, inputs[view]) for view, module in views.items()},
            fuse,
            batch=batch,
            repeats=asked.repeats,
            seconds=asked.seconds,
            fewest=fewest(batch),
        )


def _digests(folder: Path) -> dict[str, str]:
    """What lies there is what is measured; who serves it takes the digests from the log."""
    from provenance.digest import digest_file
    from provenance.releases import CONFIG, WEIGHTS

    return {name: digest_file(folder / name).blake3 for name in (CONFIG, WEIGHTS)}


def _views(predictor: "Predictor") -> "dict[str, ViewModel]":
    """The loaded weights as one module a view; nothing is copied."""
    from models.compression.student import Pooled, ViewModel

    settings, describer = predictor.loaded.config["encoders"], predictor.describer
    encoders: dict[str, Any] = {}
    if settings["image"] == "efficientnet-lite0":
        encoders["image"] = describer.image_encoder
    if settings["text"] == "minilm":
        encoders["caption"] = describer.sentence_encoder
    if settings["audio"] == "whisper-tiny":
        whisper: Any = describer.audio_encoder
        encoders["audio"] = Pooled(whisper.encoder, segments=settings["audio_segments"])
    heads: Any = predictor.loaded.model.views
    return {
        view: ViewModel(view=view, encoder=encoders.get(view), head=head).eval()
        for view, head in heads.items()
    }


def _inputs(
    predictor: "Predictor", views: "dict[str, ViewModel]", path: Path | None, batch: int
) -> "dict[str, list[Tensor]]":
    import torch

    from models.encoders.packaged import read_files
    from services.deployed.frontend import FrontEnd

    settings = predictor.loaded.config["encoders"]
    reads = settings["text"] == "minilm"
    front_end = FrontEnd(
        settings=settings,
        characters=predictor.loaded.model.spec.characters,
        inputs={view: module.inputs for view, module in views.items()},
        tokenizer=read_files("minilm")["tokenizer.json"].decode() if reads else None,
    )
    found = prepared(front_end.describe(sample_question()), path, batch)
    return {
        view: [torch.from_numpy(found[view][name]) for name in module.inputs]
        for view, module in views.items()
    }


def asker(module: "ViewModel", inputs: "list[Tensor]") -> "Callable[[], Tensor]":
    return lambda: module(*inputs)[0]


if __name__ == "__main__":
    # Installed for compression; transformers would import it: two seconds that serving can spare.
    sys.modules["torchao"] = None  # type: ignore[assignment]  # how Python says "cannot be imported"
    sys.exit(main())
