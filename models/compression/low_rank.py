"""Low-rank factorisation: one wide matrix as the product of two thin ones."""

from torch import Tensor, nn


class LowRank(nn.Module):
    """A linear layer through a bottleneck: `second(first(x))`.

    Args:
        inputs, outputs: sizes of the layer it stands for.
        rank: size of the bottleneck.
        bias: whether the second layer has one; the first never has.
    """

    def __init__(self, *, inputs: int, rank: int, outputs: int, bias: bool) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, rank, bias=False)
        self.second = nn.Linear(rank, outputs, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.second(self.first(x))
        return out
