"""The numbers that a circuit's parameters have in one run: gathered once for many gates."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.quantum.circuit import Param, Ref


class Shared(nn.Module):
    """Parameters that the whole batch shares: numbers and weights.

    Args:
        params: K numbers or references to weights.
        real: precision of the values.
    """

    index: Tensor
    scale: Tensor
    numbers: Tensor

    def __init__(self, params: Sequence[Param], real: torch.dtype) -> None:
        super().__init__()
        refs = [value for value in params if isinstance(value, Ref)]
        self.from_weights = len(refs)
        self.all_weights = len(refs) == len(params)
        _remember(self, refs, real)
        numbers = [0.0 if isinstance(value, Ref) else float(value) for value in params]
        self.register_buffer("numbers", torch.tensor(numbers, dtype=real), persistent=False)
        places = [at for at, value in enumerate(params) if isinstance(value, Ref)]
        self.register_buffer("places", torch.tensor(places, dtype=torch.long), persistent=False)

    places: Tensor

    def forward(self, w: Tensor) -> Tensor:
        """(W,) weights -> (K,) values."""
        if not self.from_weights:
            return self.numbers
        picked = _pick(self, w)
        if self.all_weights:
            return picked
        return self.numbers.index_add(0, self.places, picked)


class PerSample(nn.Module):
    """Parameters of gates that differ by sample: features, and whatever stands beside them.

    Args:
        params: K numbers or references to features or weights.
        real: precision of the values.
    """

    index: Tensor
    scale: Tensor
    order: Tensor

    def __init__(self, params: Sequence[Param], real: torch.dtype) -> None:
        super().__init__()
        own = [at for at, value in enumerate(params) if _of_sample(value)]
        others = [at for at, value in enumerate(params) if not _of_sample(value)]
        _remember(self, [value for value in params if _of_sample(value)], real)
        self.rest = Shared([params[at] for at in others], real) if others else None
        order = torch.tensor(own + others, dtype=torch.long).argsort()
        self.register_buffer("order", order, persistent=False)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, D) features and (W,) weights -> (B, K) values."""
        picked = _pick(self, x)
        if self.rest is None:
            return picked
        rest = self.rest(w).expand(len(picked), -1)
        return torch.cat([picked, rest], -1).index_select(-1, self.order)


def _of_sample(value: Param) -> bool:
    return isinstance(value, Ref) and value.source == "x"


def _remember(lookup: nn.Module, params: Sequence[Param], real: torch.dtype) -> None:
    """Entries to pick: as many rows as the longest product has factors; 1 stands past the end."""
    refs = [value for value in params if isinstance(value, Ref)]
    longest = max((len(ref.times) for ref in refs), default=0)
    rows = [[ref.index, *ref.times] + [-1] * (longest - len(ref.times)) for ref in refs]
    index = torch.tensor(rows, dtype=torch.long).reshape(len(refs), longest + 1).T.contiguous()
    scale = torch.tensor([ref.scale for ref in refs], dtype=real)
    lookup.register_buffer("index", index, persistent=False)
    lookup.register_buffer("scale", scale, persistent=False)
    lookup.plain = bool((scale == 1).all())  # type: ignore[assignment]
    lookup.straight = index.shape[0] == 1 and index[0].tolist() == list(range(len(refs)))  # type: ignore[assignment]


def _pick(lookup: "Shared | PerSample", source: Tensor) -> Tensor:
    count = lookup.index.shape[1]
    if lookup.straight:
        picked = source[..., :count]
    elif len(lookup.index) == 1:
        picked = source.index_select(-1, lookup.index[0])
    else:
        padded = torch.cat([source, torch.ones_like(source[..., :1])], -1)
        index = lookup.index % padded.shape[-1]
        picked = padded[..., index].prod(-2)
    return picked if lookup.plain else picked * lookup.scale
