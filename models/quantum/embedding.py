"""What a frozen multimodal model knows of a row, as a short vector for a head to learn from.

The summaries of all views side by side, each a unit vector weighed by the model's trust in its
view, absent views zero; then the principal components of the training rows.

Shapes: N rows, W joint width of the views' summaries, D components.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.batches import VIEWS, Batch, Examples
from models.multimodal import Multimodal, View


@torch.no_grad()
def summaries(model: Multimodal, batch: Batch) -> Tensor:
    """Of a batch (B, W)."""
    parts = []
    for place, view in enumerate(VIEWS):
        whole, _ = cast(View, model.views[view]).tower(batch.inputs[view])
        here = batch.present[:, place, None]
        parts.append(F.normalize(whole.float(), dim=-1) * here * model.spec.trust[view])
    return torch.cat(parts, 1)


def summaries_of(model: Multimodal, examples: Examples, rows: Tensor, *, size: int = 512) -> Tensor:
    """Of rows of a data set (N, W), `size` at a time."""
    return torch.cat([summaries(model, examples.batch(part)) for part in torch.split(rows, size)])


@dataclass(frozen=True)
class Components:
    """Principal components, scaled by one number so that features have a variance of about 1.

    Args:
        mean: of the training rows (W,).
        axes: columns are components, already scaled (W, D).
    """

    mean: Tensor
    axes: Tensor

    @classmethod
    def fit(cls, summaries_NW: Tensor, *, components: int, seed: int) -> "Components":
        """From training rows alone.

        Raises:
            ValueError: more components than rows or columns.
        """
        from sklearn.decomposition import PCA  # serving needs none of it

        most = min(summaries_NW.shape)
        if not 1 <= components <= most:
            raise ValueError(
                f"components={components}: {len(summaries_NW)} rows of {summaries_NW.shape[1]} "
                f"features have 1 to {most}"
            )
        found = PCA(components, svd_solver="randomized", random_state=seed)
        made: NDArray[np.float32] = found.fit_transform(summaries_NW.numpy())
        spread = float(made.std(0).mean())
        if not spread > 0:
            raise ValueError("all training rows are the same: there is nothing to learn from")
        axes = torch.from_numpy(np.ascontiguousarray(found.components_.T / spread))
        return cls(torch.from_numpy(found.mean_), axes)

    def __call__(self, summaries_NW: Tensor) -> Tensor:
        """(N, W) to (N, D)."""
        return (summaries_NW - self.mean) @ self.axes
