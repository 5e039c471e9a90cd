"""A student as tensors and JSON, and back: what a step of a recipe leaves behind is loadable.

The JSON says what no tensor tells: settings of the inputs, numbers of heads, which base each view
was cut from. The tensors say the rest by their shapes (models/compression/reload.py).
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from models.batches import VIEWS
from models.compression.plain import joined, plain
from models.compression.plain import read as read_view
from models.compression.reload import numbers, reload
from models.compression.student import Student
from models.compression.students import tiny_view
from models.compression.teacher import teacher
from models.multimodal import Multimodal
from models.spec import Spec

FUSION = "fusion"


def written(student: Student) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name, and JSON types, that `read` makes the same student of.

    Tensors of the views are named `VIEW.NAME`, those of the fusion `fusion.NAME`.
    """
    tensors = {
        f"{part}.{name}": tensor.clone()
        for part, module in (*student.views.items(), (FUSION, student.fusion))
        for name, tensor in plain(module).items()
    }
    told = {
        "spec": student.spec.plain(),
        "settings": student.settings,
        "views": {
            view: {"inputs": list(module.inputs), "counts": numbers(module), "bf16": False}
            for view, module in student.views.items()
        },
    }
    return dict(sorted(tensors.items())), told


def base_of(told: Mapping[str, Any], model: Multimodal, config: dict[str, Any]) -> Student:
    """What the views of a written student were cut from.

    Args:
        told: from `written`, and whether the student is a tiny one (`scratch`).
        model: of the train stage; only its shapes matter.
        config: what the train stage wrote beside it.
    """
    whole = teacher(model, config)
    if not told["scratch"]:
        return whole
    spec = Spec.of(told["spec"])
    views = {view: tiny_view(view, spec) for view in VIEWS}
    return replace(whole, spec=spec, views=views, tokenizer=None)


def read(
    tensors: Mapping[str, Tensor],
    told: Mapping[str, Any],
    *,
    base: Student,
    tokenizer: str | None,
    flags: Collection[str],
) -> Student:
    """The student that `written` wrote.

    Args:
        tensors, told: from `written`.
        base: what each view was cut from: the teacher, or new scratch encoders.
        tokenizer: of the caption encoder.
        flags: of the processor, as Linux names them; half precision asks for them.

    Raises:
        ReloadError: the tensors do not fit the base in any shape.
    """
    views = {
        view: read_view(
            base.views[view], _of(tensors, view), told["views"][view]["counts"], flags=flags
        )
        for view in VIEWS
    }
    fusion = reload(base.fusion, joined(_of(tensors, FUSION)), {})
    return replace(
        base,
        settings=dict(told["settings"]),
        views=views,
        fusion=fusion,  # type: ignore[arg-type]  # a copy of base.fusion
        tokenizer=tokenizer,
    )


def _of(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(f"{part}."): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{part}.")
    }
