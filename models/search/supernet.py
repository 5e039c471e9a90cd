"""One network that holds many: the head of a view for every depth of its encoder and every width.

The first weights of a wide layer are a narrow layer. A supernet trains all the heads that can be
cut out of it at once, and any of them is taken afterwards without training again. Each step trains
the largest, the smallest and a few at random (the sandwich rule); the largest learns from labels
and the teacher, the others from what the largest answers (in-place distillation).

The encoders are frozen, so what they say at each variant (how many pixels, layers, word pieces) is
computed once beforehand, and a step costs no more than a head.

Sources: Yu & Huang 2019, https://arxiv.org/abs/1903.05134; units sorted by importance before they
are cut as in Cai et al. 2020, https://arxiv.org/abs/1908.09791.

Shapes: K contents, B batch, W width of a summary, D width of the details, H hidden units,
C classes, O width of the vectors.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.compression.answers import Answers
from models.multimodal import View
from models.spec import Spec
from models.towers import Blocks, Encoded, Segments
from models.training import rate


@dataclasses.dataclass(frozen=True)
class Described:
    """What a variant of an encoder says about a view's contents.

    Args:
        whole: (K, W) summaries, for the expert.
        detail: (K, D) everything, for the projection; half precision is enough to keep it.
    """

    whole: Tensor
    detail: Tensor


class Supernet(nn.Module):
    """The heads of one view.

    Norm and expert belong to a variant: they are small, and features of different depths differ in
    scale. The projection, nearly all of the weights, is shared.

    Args:
        variants: names of what the encoder may be; the last one is the teacher's own.
        hidden: widths of the hidden layer, rising.
        whole: W.
        detail: D.
        classes: C.
        width: O.
    """

    def __init__(
        self,
        *,
        variants: Sequence[str],
        hidden: Sequence[int],
        whole: int,
        detail: int,
        classes: int,
        width: int,
    ) -> None:
        super().__init__()
        if not variants or len(set(variants)) < len(variants):
            raise ValueError(f"variants={list(variants)}: at least one, each name once")
        if not hidden or sorted(set(hidden)) != list(hidden) or hidden[0] < 1:
            raise ValueError(f"hidden={list(hidden)}: rising widths from 1 are needed")
        self.variants, self.hidden = tuple(variants), tuple(hidden)
        self.norm = nn.ModuleDict({name: nn.LayerNorm(detail) for name in variants})
        self.expert = nn.ModuleDict({name: nn.Linear(whole, classes) for name in variants})
        self.first = nn.Linear(detail, hidden[-1])
        self.last = nn.Linear(hidden[-1], width)

    @torch.no_grad()
    def start_from(self, head: View) -> None:
        """Take a trained head's weights for every variant, its most important units first.

        A unit is as important as the product of the norms of what goes into it and out of it.

        Raises:
            ValueError: its hidden layer is narrower than the widest choice.
        """
        first, last = _linear(head.project[2]), _linear(head.project[5])
        if len(first.weight) < self.hidden[-1]:
            raise ValueError(
                f"hidden={list(self.hidden)}: the trained head has {len(first.weight)} units; "
                "leave out what is wider"
            )
        importance = first.weight.norm(dim=1) * last.weight.norm(dim=0)
        order = importance.argsort(descending=True, stable=True)[: self.hidden[-1]]
        self.first.weight.copy_(first.weight[order])
        self.first.bias.copy_(first.bias[order])
        self.last.weight.copy_(last.weight[:, order])
        self.last.bias.copy_(last.bias)
        for name in self.variants:
            self.norm[name].load_state_dict(head.project[0].state_dict())
            self.expert[name].load_state_dict(head.expert[1].state_dict())

    def forward(
        self,
        variant: str,
        hidden: int,
        whole_BW: Tensor,
        detail_BD: Tensor,
        *,
        drop: "Drop | None" = None,
    ) -> tuple[Tensor, Tensor]:
        """Scores (B, C) and unit vectors (B, O) of one of the networks inside.

        Args:
            variant: which encoder described the contents.
            hidden: how many of the hidden units count.
            whole_BW, detail_BD: what it said.
            drop: hides a share of the units, in training.

        Raises:
            ValueError: no such variant or width.
        """
        self._check(variant, hidden)
        hide = _keep if drop is None else drop
        scores = self.expert[variant](hide(whole_BW))
        normed = hide(self.norm[variant](detail_BD))
        units = F.gelu(F.linear(normed, self.first.weight[:hidden], self.first.bias[:hidden]))
        made = F.linear(hide(units), self.last.weight[:, :hidden], self.last.bias)
        return scores, F.normalize(made, dim=-1)

    @torch.no_grad()
    def subnet(
        self, variant: str, hidden: int, *, tower: Blocks | Segments | Encoded, spec: Spec
    ) -> View:
        """One of the networks inside as a module of its own, with its own weights.

        Args:
            variant, hidden: which.
            tower: of the view, put in front; it is shared, not copied.
            spec: of the model that the view belongs to.

        Raises:
            ValueError: no such variant or width.
        """
        self._check(variant, hidden)
        head = View(tower, dataclasses.replace(spec, hidden=hidden))
        head.expert[1].load_state_dict(self.expert[variant].state_dict())
        head.project[0].load_state_dict(self.norm[variant].state_dict())
        first, last = _linear(head.project[2]), _linear(head.project[5])
        first.weight.copy_(self.first.weight[:hidden])
        first.bias.copy_(self.first.bias[:hidden])
        last.weight.copy_(self.last.weight[:, :hidden])
        last.bias.copy_(self.last.bias)
        return head.eval().requires_grad_(False)

    @torch.no_grad()
    def answers(self, variant: str, hidden: int, described: Described) -> Answers:
        """What one of the networks inside says about all contents."""
        parts = zip(
            torch.split(described.whole, 512), torch.split(described.detail, 512), strict=True
        )
        found = [self(variant, hidden, whole.float(), detail.float()) for whole, detail in parts]
        return Answers(torch.cat([s for s, _ in found]), torch.cat([v for _, v in found]))

    def _check(self, variant: str, hidden: int) -> None:
        if variant not in self.variants:
            raise ValueError(f"variant {variant!r}: allowed are {', '.join(self.variants)}")
        if hidden not in self.hidden:
            raise ValueError(f"hidden={hidden}: allowed are {list(self.hidden)}")


class Drop:
    """Dropout that draws from a generator of its own: views may learn side by side.

    Args:
        share: of the units that are hidden.
        generator: source of randomness.
    """

    def __init__(self, *, share: float, generator: torch.Generator) -> None:
        self.share, self.generator = share, generator

    def __call__(self, x: Tensor) -> Tensor:
        if self.share == 0.0:
            return x
        seen = torch.rand(x.shape, generator=self.generator) >= self.share
        return x * seen / (1 - self.share)


def _linear(layer: nn.Module) -> nn.Linear:
    return cast(nn.Linear, layer)  # nn.Sequential loses the type


def _keep(x: Tensor) -> Tensor:
    return x


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a supernet learns.

    Args:
        steps: of the optimiser; each trains `2 + subnets` networks.
        batch_size: contents a step.
        subnets: networks at random a step, besides the largest and the smallest.
        learning_rate: its peak, warmed up over a tenth of the steps and then falling as a cosine.
        weight_decay: AdamW's.
        dropout: share of the units hidden.
        smoothing: of the labels.
        temperature: of the soft answers; theirs count its square, as Hinton et al. 2015 advise
            (https://arxiv.org/abs/1503.02531).
        sharpness: inverse temperature of the similarities that vectors are taught by.
        vectors: weight of the vectors beside the scores.
    """

    steps: int
    batch_size: int
    subnets: int
    learning_rate: float
    weight_decay: float
    dropout: float
    smoothing: float
    temperature: float
    sharpness: float
    vectors: float


def teach(
    net: Supernet,
    described: Mapping[str, Described],
    *,
    label_K: Tensor,
    targets: Answers,
    settings: Settings,
    seed: int,
) -> list[float]:
    """Train all networks inside at once.

    Args:
        net: changed in place; the same arguments give the same weights.
        described: variant to what it says about the K contents to learn from.
        label_K: class, or -1 where there is none.
        targets: what the teacher says about them.
        settings: how.
        seed: of batches, networks and dropout.

    Returns:
        The loss of every step.

    Raises:
        ValueError: fewer than 2 contents, or a variant that is not described.
    """
    count = len(label_K)
    if count < 2 or set(described) != set(net.variants):
        raise ValueError(
            f"{count} contents, described by {sorted(described)}: at least 2 contents and "
            f"exactly {sorted(net.variants)} are needed"
        )
    generator = torch.Generator().manual_seed(seed)
    drop = Drop(share=settings.dropout, generator=generator)
    lesson = _Lesson(settings)
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=settings.learning_rate, betas=(0.9, 0.98),
        weight_decay=settings.weight_decay, foreach=True,
    )  # fmt: skip
    net.train()
    curve, queue = [], torch.empty(0, dtype=torch.long)
    for step in range(settings.steps):
        if len(queue) < 2:
            queue = torch.randperm(count, generator=generator)
        rows, queue = queue[: settings.batch_size], queue[settings.batch_size :]
        for group in optimizer.param_groups:
            group["lr"] = rate(step, settings.steps, settings.learning_rate)
        optimizer.zero_grad()
        largest, *others = _sandwich(net, settings.subnets, generator)
        answer = _answer(net, largest, described, rows, drop)
        loss = lesson.labels(answer[0], label_K[rows])
        loss = loss + lesson.likeness(answer, (targets.scores[rows], targets.vectors[rows]))
        torch.autograd.backward(loss)
        total = loss.item()
        wise = answer[0].detach(), answer[1].detach()
        for choice in others:
            loss = lesson.likeness(_answer(net, choice, described, rows, drop), wise)
            torch.autograd.backward(loss)
            total += loss.item()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        curve.append(total)
    net.eval()
    return curve


def _sandwich(net: Supernet, count: int, generator: torch.Generator) -> list[tuple[str, int]]:
    """The largest, the smallest, and some between; one alone where there is no other."""
    if len(net.variants) == len(net.hidden) == 1:
        return [(net.variants[0], net.hidden[0])]
    places = torch.rand(count, 2, generator=generator).tolist()
    between = [
        (net.variants[int(v * len(net.variants))], net.hidden[int(h * len(net.hidden))])
        for v, h in places
    ]
    return [(net.variants[-1], net.hidden[-1]), (net.variants[0], net.hidden[0]), *between]


def _answer(
    net: Supernet,
    choice: tuple[str, int],
    described: Mapping[str, Described],
    rows: Tensor,
    drop: Drop,
) -> tuple[Tensor, Tensor]:
    found = described[choice[0]]
    whole, detail = found.whole[rows].float(), found.detail[rows].float()
    scores, vectors = net(*choice, whole, detail, drop=drop)
    return scores, vectors


class _Lesson:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def labels(self, scores_BC: Tensor, label_B: Tensor) -> Tensor:
        known = label_B >= 0
        if not bool(known.any()):
            return scores_BC.sum() * 0.0
        return F.cross_entropy(
            scores_BC[known], label_B[known], label_smoothing=self.settings.smoothing
        )

    def likeness(self, found: tuple[Tensor, Tensor], wanted: tuple[Tensor, Tensor]) -> Tensor:
        """How far the answers are from those of who knows better."""
        warm = self.settings.temperature
        scores = _divergence(found[0] / warm, wanted[0] / warm) * warm**2
        sharp, anchors = self.settings.sharpness, wanted[1]
        near = _divergence(sharp * found[1] @ anchors.T, sharp * anchors @ anchors.T)
        far = 1 - (found[1] * anchors).sum(1).mean()
        return scores + self.settings.vectors * (near + far)


def _divergence(found_BN: Tensor, wanted_BN: Tensor) -> Tensor:
    return F.kl_div(
        found_BN.log_softmax(1), wanted_BN.log_softmax(1), reduction="batchmean", log_target=True
    )
