"""The files of a state: what a step leaves on disk, and what a deployable is made of.

student.json        settings, inputs, counts: what no tensor and no graph says
tokenizer.json      of the caption encoder, where there is one
model.safetensors   the torch modules
image.onnx ...      one graph a view, and fusion.onnx, after the export
openvino/           the same as .xml and .bin
model.zst           all of the graphs in one, where they are stored entropy-coded
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from models.compression.artifact import written
from models.compression.storage import pack
from tasks.compress.state import ALL, State

STUDENT = "student.json"
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
PACKED = "model.zst"
OPENVINO = "openvino"


def files(state: State, *, parts: bool = True) -> dict[str, bytes]:
    """What a state is as files, by relative path.

    Args:
        state: any.
        parts: whether the torch modules are among them, one file a part, so that steps which
            change one part share the others.
    """
    tensors, told = written(state.student)
    made = {STUDENT: json_bytes({**told, "scratch": state.scratch})}
    if state.student.tokenizer is not None:
        made[TOKENIZER] = state.student.tokenizer.encode()
    for part in ALL if parts else ():
        own = {name: tensor for name, tensor in tensors.items() if name.startswith(f"{part}.")}
        made[f"{part}.safetensors"] = save(own)
    return dict(sorted((made | graphs(state)).items()))


def graphs(state: State) -> dict[str, bytes]:
    """The graphs of a state, as they are deployed."""
    made = {
        name: data
        for part in ALL
        if part in state.onnx
        for name, data in state.onnx[part].data.items()
    }
    if state.packed:
        made = {PACKED: pack(made)}
    for graph in state.openvino.values():
        made |= {f"{OPENVINO}/{name}": data for name, data in graph.data.items()}
    return made


def weights(state: State) -> bytes:
    """The torch modules in one file, in half precision: for who wants to go on from them."""
    tensors, _ = written(state.student)
    return save({name: _halved(tensor) for name, tensor in tensors.items()})


def deployed_bytes(made: dict[str, bytes]) -> int:
    """Bytes that one runtime needs: graphs and what goes with them, or the torch modules."""
    return sum(len(data) for data in _needed(made).values())


def compressed_bytes(made: dict[str, bytes]) -> int:
    """The same, entropy-coded: what a download costs, not what a runtime maps.

    At zstd's default level, which takes a second for a whole model; the step `zstd` tries harder.
    """
    import zstandard

    coder = zstandard.ZstdCompressor()
    return sum(len(coder.compress(data)) for data in _needed(made).values())


def _needed(made: dict[str, bytes]) -> dict[str, bytes]:
    beside = {name: made[name] for name in (STUDENT, TOKENIZER) if name in made}
    for ending in (".zst", ".onnx", ".safetensors"):
        if found := {name: data for name, data in made.items() if name.endswith(ending)}:
            return found | beside
    return beside


def _halved(tensor: Tensor) -> Tensor:
    if tensor.dtype != torch.float32:
        return tensor
    half = tensor.half()
    return half if bool(half.isfinite().all()) else tensor


def write(made: dict[str, bytes], folder: Path) -> None:
    """Put files where they belong; the folder is new."""
    for name, data in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def json_bytes(plain: dict[str, Any]) -> bytes:
    """JSON that is the same for the same values."""
    return (json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
