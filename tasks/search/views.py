"""What each view of a student may be, and what its frozen encoder says in each of its variants.

A variant is one way to use the encoder: how many pixels, layers, word pieces. Its features are
computed once, for the contents of training and validation rows alone, and kept in the cache.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import cast

import torch
from torch import Tensor

from models.batches import VIEWS
from models.encoders.text_spelling import SpellingEncoder
from models.multimodal import View
from models.search.depths import shorter
from models.search.space import Config, Value
from models.search.supernet import Described
from models.towers import Encoded, Segments
from tasks.errors import InputError
from tasks.params.search import SpaceParams
from tasks.search.captions import captions_at
from tasks.search.source import Source
from tasks.train.features import images, sounds_at_every_depth
from tasks.workspace import Workspace

WORD_PIECES = 30_522
"""That MiniLM knows."""
WHOLE = "whole"
"""The one variant of a view whose encoder cannot be cut."""


@dataclass(frozen=True)
class Elastic:
    """A view and its variants.

    Args:
        view: its name.
        dimensions: names of what may be chosen about its encoder, with the values.
        hidden: widths that its head may have.
        contents: places of its contents in the data set, those of training and validation rows.
        described: variant to what its encoder says about them.
    """

    view: str
    dimensions: dict[str, list[int]]
    hidden: list[int]
    contents: Tensor
    described: dict[str, Described]

    @property
    def variants(self) -> list[str]:
        """Their names; the last one is what the trained model does."""
        return list(self.described)

    def choice(self, config: Mapping[str, Value]) -> tuple[str, int]:
        """Variant and hidden width of this view in a configuration."""
        values = [str(config[name]) for name in self.dimensions]
        return "-".join(values) or WHOLE, int(config[f"{self.view}_hidden"] or 0)

    def only(self, contents: Tensor) -> dict[str, Described]:
        """What is said about some of the contents, given by their places in the data set."""
        rows = torch.searchsorted(self.contents, contents)
        return {
            name: Described(found.whole[rows], found.detail[rows])
            for name, found in self.described.items()
        }


def space_of(views: Mapping[str, Elastic]) -> dict[str, Sequence[Value]]:
    """Names and values of everything that may be chosen, as `models.search.space` takes it."""
    plain: dict[str, Sequence[Value]] = {}
    for view, elastic in views.items():
        plain |= {**elastic.dimensions, f"{view}_hidden": elastic.hidden}
    return plain


def extremes(views: Mapping[str, Elastic]) -> list[Config]:
    """The largest configuration, which is the trained model's, and the smallest."""
    plain = space_of(views)
    return [{name: values[end] for name, values in plain.items()} for end in (-1, 0)]


def elastic_views(source: Source, workspace: Workspace, space: SpaceParams) -> dict[str, Elastic]:
    """Every view with all that its encoder may be.

    Raises:
        InputError: a list of `search.space` does not end in what the trained model has.
    """
    return {view: _elastic(view, source, workspace, space) for view in VIEWS}


def dimensions(source: Source, space: SpaceParams) -> dict[str, dict[str, list[int]]]:
    """View to what may be chosen about its encoder, checked against the trained model.

    Raises:
        InputError: a list does not end in what the trained model has.
    """
    encoders, found = source.encoders, dict[str, dict[str, int]]()
    letters = cast(SpellingEncoder, source.head("text").tower.encoder)
    found["image"] = (
        {"image_pixels": encoders.image_pixels} if encoders.image == "efficientnet-lite0" else {}
    )
    found["caption"] = (
        {"caption_layers": 6, "caption_tokens": WORD_PIECES} if encoders.text == "minilm" else {}
    )
    found["text"] = {"text_layers": len(letters.layers)}
    found["audio"] = {"audio_layers": 4} if encoders.audio == "whisper-tiny" else {}
    for wanted in found.values():
        for name, value in wanted.items():
            _ends(name, getattr(space, name), value)
    _ends("hidden", space.hidden, source.model.spec.hidden)
    return {
        view: {name: list(getattr(space, name)) for name in wanted}
        for view, wanted in found.items()
    }


def _ends(name: str, values: list[int], value: int) -> None:
    if values[-1] != value:
        raise InputError(
            f"`search.space.{name}` ({values}) must end in {value}, which the trained model has"
        )


def _elastic(view: str, source: Source, workspace: Workspace, space: SpaceParams) -> Elastic:
    wanted = dimensions(source, space)[view]
    contents = source.contents(view, torch.cat([source.train, source.validation]))
    features = _features(view, source, workspace, contents)
    head = source.head(view)
    return Elastic(
        view=view,
        dimensions=wanted,
        hidden=list(space.hidden),
        contents=contents,
        described={
            "-".join(map(str, values)) or WHOLE: _described(head, features(*values))
            for values in product(*wanted.values())
        },
    )


def _features(
    view: str, source: Source, workspace: Workspace, contents: Tensor
) -> Callable[..., Tensor | tuple[Tensor, Tensor]]:
    """A function from the values of a variant to its features of the contents."""
    encoders, manifest = source.encoders, source.manifest
    known = manifest[manifest["split"].isin(["train", "val"])]
    own = source.examples.contents[view][contents]

    def smaller_pictures(pixels: int) -> Tensor:
        if pixels == encoders.image_pixels:
            return own
        at = encoders.model_copy(update={"image_pixels": pixels})
        return images(known, workspace, at)[0]

    def shorter_captions(layers: int, tokens: int) -> Tensor:
        return captions_at(known, workspace, encoders, layers=layers, tokens=tokens)

    def shorter_spelling(layers: int) -> tuple[Tensor, Tensor]:
        tower = cast(Encoded, source.head("text").tower)
        encoder = shorter(cast(SpellingEncoder, tower.encoder), layers)
        return _run(Encoded(encoder, width=tower.whole, segments=1), own)

    if view == "text":
        return shorter_spelling
    if view == "image" and encoders.image == "efficientnet-lite0":
        return smaller_pictures
    if view == "caption" and encoders.text == "minilm":
        return shorter_captions
    if view == "audio" and encoders.audio == "whisper-tiny":
        depths, _ = sounds_at_every_depth(manifest, workspace, encoders)
        return lambda layers: depths[contents, layers - 1]
    return lambda: own


def _described(head: View, features: Tensor | tuple[Tensor, Tensor]) -> Described:
    if isinstance(features, tuple):
        return Described(*features)
    return Described(*_run(head.tower, features))


@torch.no_grad()
def _run(tower: torch.nn.Module, features: Tensor) -> tuple[Tensor, Tensor]:
    """Summaries and details; details of recordings stay in half precision, as they came."""
    found = [tower(part) for part in torch.split(features, 512)]
    whole, detail = (torch.cat([pair[i] for pair in found]) for i in (0, 1))
    return whole, detail.to(features.dtype) if isinstance(tower, Segments) else detail
