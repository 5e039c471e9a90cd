"""Numbers that depend on features and weights by sums alone: one matrix product for many gates.

Samples come last, as in the engine's state. Shapes: B batch, D features, W weights, K numbers. D
and W count products of entries as entries of their own, which `Products` appends.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from models.quantum.circuit import Param, Ref


class Products(nn.Module):
    """Appends to the entries of a source every product of them that a circuit names.

    Args:
        refs: to one source.
        entries: of it, without products.
    """

    def __init__(self, refs: Iterable[Ref], entries: int) -> None:
        super().__init__()
        self.entries = entries
        needed = sorted({tuple(sorted((ref.index, *ref.times))) for ref in refs if ref.times})
        self.place = {factors: entries + at for at, factors in enumerate(needed)}
        self.count = entries + len(needed)
        longest = max(map(len, needed), default=0)
        # Shorter products are filled up with the place after the last entry, where a 1 stands.
        padded = [list(factors) + [entries] * (longest - len(factors)) for factors in needed]
        self.register_buffer("factors", torch.tensor(padded, dtype=torch.long), persistent=False)

    factors: Tensor

    def forward(self, source: Tensor) -> Tensor:
        """(entries, ...) -> (entries and products, ...)."""
        if source.shape[0] != self.entries:
            raise ValueError(
                f"{source.shape[0]} features or weights given: the circuit takes {self.entries}"
            )
        if not len(self.factors):
            return source
        padded = torch.cat([source, torch.ones_like(source[:1])])
        return torch.cat([source, padded[self.factors].prod(1)])

    def column(self, ref: Ref) -> int:
        """Where the entry or product of a reference stands."""
        if not ref.times:
            return ref.index
        return self.place[tuple(sorted((ref.index, *ref.times)))]


class Affine(nn.Module):
    """K sums in one product: base + factors @ params.

    Args:
        base: (K,) numbers.
        factors: (K, P).
        params: P numbers, features and weights.
        x, w: where features and weights stand.
        real: precision of the result.
    """

    base: Tensor
    by_weight: Tensor
    by_sample: Tensor

    def __init__(
        self,
        base: Tensor,
        factors: Tensor,
        params: Sequence[Param],
        *,
        x: Products,
        w: Products,
        real: torch.dtype,
    ) -> None:
        super().__init__()
        base = base.double().clone()
        tables: dict[str, dict[int, Tensor]] = {"x": {}, "w": {}}
        for column, param in zip(factors.double().unbind(1), params, strict=True):
            if isinstance(param, Ref):
                own, at = tables[param.source], (x if param.source == "x" else w).column(param)
                own[at] = own.get(at, torch.zeros(())) + column * param.scale
            else:
                base += column * param
        self.trained, self.per_sample = bool(tables["w"]), bool(tables["x"])
        self.register_buffer("base", base.to(real), persistent=False)
        by_weight, by_sample = _table(tables["w"], w, len(base)), _table(tables["x"], x, len(base))
        self.register_buffer("by_weight", by_weight.to(real), persistent=False)
        self.register_buffer("by_sample", by_sample.to(real), persistent=False)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(D, B) features and (W,) weights -> (K, B), or (K,) where no feature matters."""
        shared = torch.addmv(self.base, self.by_weight, w) if self.trained else self.base
        return torch.addmm(shared[:, None], self.by_sample, x) if self.per_sample else shared


def _table(columns: Mapping[int, Tensor], source: Products, rows: int) -> Tensor:
    """(rows, entries); empty where no column is used."""
    table = torch.zeros(rows if columns else 0, source.count, dtype=torch.float64)
    for at, column in columns.items():
        table[:, at] = column
    return table
