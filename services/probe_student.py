"""Measure a step of a recipe before it becomes graphs: torch modules, as the other probes measure.

    python -m services.probe_student FOLDER --teacher TRAIN --threads 1 --batch 1 --repeats 50

FOLDER holds student.json, tokenizer.json and PART.safetensors, as the compress stage keeps them;
TRAIN the model that they were cut from, which says what the layers are. Same figures, same
question as `services.deployed.probe`.
"""

import gc
import json
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.deployed.probe import figures, parser, prepared
from services.probe_teacher import time_modules
from services.timing import resident, sample_question

if TYPE_CHECKING:
    from torch import Tensor

    from models.compression.student import Student

INTEGERS = (".int8_weight_only", ".int8_dynamic", ".int8_static", ".int4")


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    made = parser("FOLDER", "student.json and PART.safetensors")
    made.add_argument("--teacher", type=Path, required=True, help="config.json, model.safetensors")
    sys.stdout.write(json.dumps(probe(made.parse_args(arguments)), sort_keys=True) + "\n")
    return 0


def probe(asked: Namespace) -> dict[str, Any]:
    """The figures of `services.deployed.probe`."""
    question = sample_question()
    bare, started, worked = resident(), time.perf_counter(), time.process_time()
    import torch

    from services.deployed.frontend import FrontEnd

    torch.set_num_threads(asked.threads)
    student = load(asked.folder, asked.teacher)
    gc.collect()
    front_end = FrontEnd(
        settings=student.settings,
        characters=student.spec.characters,
        inputs={view: module.inputs for view, module in student.views.items()},
        tokenizer=student.tokenizer,
    )

    def tensors(batch: int, path: Path | None) -> "dict[str, list[Tensor]]":
        found = prepared(front_end.describe(question), path, batch)
        return {
            view: [torch.from_numpy(found[view][name]) for name in module.inputs]
            for view, module in student.views.items()
        }

    with torch.inference_mode():
        answers = [student.views[view](*given)[0] for view, given in tensors(1, None).items()]
        student.fusion(torch.stack(answers, 1), torch.ones(1, len(answers), dtype=torch.bool))
    cold, worked = time.perf_counter() - started, time.process_time() - worked
    first = resident()

    def timed(batch: int, threads: int) -> dict[str, Any]:
        torch.set_num_threads(threads)
        return time_modules(asked, student.views, tensors(batch, asked.inputs), student.fusion)

    return {
        "backend": "torch",
        "fallbacks": {},
        "cold_start_s": round(cold, 4),
        "cold_start_cpu_s": round(worked, 4),
        **figures(asked, timed, bare=bare, first=first),
    }


def load(folder: Path, train: Path) -> "Student":
    """The student of a step."""
    from safetensors.torch import load_file

    tensors = {
        name: tensor
        for path in sorted(folder.glob("*.safetensors"))
        for name, tensor in load_file(path).items()
    }
    if not any(name.endswith(INTEGERS) for name in tensors):
        # transformers would import it where it is installed: two seconds that serving can spare.
        sys.modules["torchao"] = None  # type: ignore[assignment]  # how Python says "cannot be imported"
    from models.compression.artifact import base_of, read
    from models.multimodal import build
    from models.spec import Spec

    told = json.loads((folder / "student.json").read_text(encoding="utf-8"))
    config = json.loads((train / "config.json").read_text(encoding="utf-8"))
    model = build(Spec.of(config["model"]), seed=0)  # shapes alone: no weight of it is used
    tokenizer = folder / "tokenizer.json"
    return read(
        tensors,
        told,
        base=base_of(told, model, config),
        tokenizer=tokenizer.read_text(encoding="utf-8") if tokenizer.is_file() else None,
        flags=(),
    )


if __name__ == "__main__":
    sys.exit(main())
