"""Tensors on disk under the digest of what they were computed from; trusted only when whole."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from blake3 import blake3
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from tasks.progress import say


def cached(folder: Path, recipe: Mapping[str, Any], compute: Callable[[], Tensor]) -> Tensor:
    """The tensor of a recipe: from the cache if it is there and undamaged, else computed and kept.

    Args:
        folder: where the cache is; made when needed, safe to delete.
        recipe: everything that the result depends on, as JSON types.
        compute: makes the tensor.
    """
    text = json.dumps(recipe, sort_keys=True, ensure_ascii=True)
    path = folder / f"{blake3(text.encode()).hexdigest()}.safetensors"
    found = _read(path)
    if found is not None:
        return found
    made = compute().contiguous()
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        save_file({"features": made}, partial, metadata={"blake3": tensor_digest(made)})
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return made


def tensor_digest(tensor: Tensor) -> str:
    """BLAKE3 of a tensor's type, shape and values."""
    hasher = blake3(f"{tensor.dtype} {tuple(tensor.shape)} ".encode())
    hasher.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
    return hasher.hexdigest()


def _read(path: Path) -> Tensor | None:
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            tensor: Tensor = file.get_tensor("features")
            expected = (file.metadata() or {})["blake3"]
    except (OSError, SafetensorError, KeyError) as error:
        say(f"{path.name} in the feature cache cannot be read ({error}): computing it again")
        return None
    if (found := tensor_digest(tensor)) != expected:
        say(
            f"{path.name} in the feature cache is damaged: expected blake3 {expected[:8]}..., "
            f"found {found[:8]}...: computing it again"
        )
        return None
    return tensor
