"""The step `architecture`: the student that the search chose, cut out of the teacher.

Encoders lose layers, word pieces and pixels; heads come out of the supernet, already trained.
"""

import copy
from collections.abc import Mapping
from typing import Any

from models.batches import VIEWS
from models.compression.layers import keep_layers
from models.compression.student import ViewModel
from models.search.depths import shorter
from models.search.supernet import Supernet
from tasks.compress.bench import Bench
from tasks.compress.state import State
from tasks.compress.techniques import with_pixels, with_words
from tasks.search.views import WHOLE

DIMENSIONS = {
    "image": ("image_pixels",),
    "caption": ("caption_layers", "caption_tokens"),
    "text": ("text_layers",),
    "audio": ("audio_layers",),
}
"""What the search may have chosen about each view's encoder."""


def architecture(step: Any, state: State, bench: Bench) -> State:
    """The student of a choice: the smallest one within the limit of the step."""
    found = bench.front.smallest(step.max_loss)
    return cut_out(found["choice"], state, bench)


def cut_out(config: Mapping[str, Any], state: State, bench: Bench) -> State:
    """The student of one configuration."""
    if "image_pixels" in config:
        state = with_pixels(config["image_pixels"], state)
    if "caption_tokens" in config:
        state = with_words(config["caption_tokens"], state, bench)
    for view in VIEWS:
        module = state.student.views[view]
        if f"{view}_layers" in config:
            module = shortened(module, config[f"{view}_layers"])
        state = state.with_view(_headed(module, config, bench))
    return state


def shortened(module: ViewModel, layers: int) -> ViewModel:
    """A view with the first layers of its encoder; of letters even none at all."""
    if module.view != "text":
        return keep_layers(module, keep=layers, which="first")
    made = copy.deepcopy(module)
    tower: Any = made.head.tower
    tower.encoder = shorter(tower.encoder, layers)
    return made


def _headed(module: ViewModel, config: Mapping[str, Any], bench: Bench) -> ViewModel:
    """A view with the head that the supernet holds for it."""
    chosen = [str(config[name]) for name in DIMENSIONS[module.view] if name in config]
    variant, hidden = "-".join(chosen) or WHOLE, int(config[f"{module.view}_hidden"])
    own = {
        name.removeprefix(f"{module.view}."): tensor
        for name, tensor in bench.front.tensors.items()
        if name.startswith(f"{module.view}.")
    }
    spec = bench.source.teacher.spec
    net = Supernet(
        variants=sorted({name.split(".")[1] for name in own if name.startswith("norm.")}),
        hidden=sorted({hidden, len(own["first.weight"])}),
        whole=own[f"expert.{variant}.weight"].shape[1],
        detail=own["first.weight"].shape[1],
        classes=len(spec.classes),
        width=spec.width,
    )
    net.load_state_dict(own, strict=True)
    head = net.subnet(variant, hidden, tower=module.head.tower, spec=spec)
    return (
        ViewModel(view=module.view, encoder=module.encoder, head=head).eval().requires_grad_(False)
    )
