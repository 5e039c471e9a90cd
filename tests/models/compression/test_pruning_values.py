"""Unstructured pruning: which weights become zero, counted and compared with closed forms."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import prune as torch_prune

from models.compression import magnitude as magnitudes
from models.compression import random_zeros as randoms
from models.compression import snip as snips
from models.compression import taylor as taylors
from models.compression import wanda as wandas
from models.compression.answers import Answers
from models.compression.calibration import Calibration, CalibrationError, ask, samples
from models.compression.gradients import distance, sensitivity
from models.compression.lottery import lottery, ticket
from models.compression.magnitude import magnitude
from models.compression.masks import (
    PruningError,
    cut,
    hold,
    lowest,
    sparsity,
    weights_of,
    without,
    zeros_of,
)
from models.compression.movement import movement
from models.compression.random_zeros import random_zeros
from models.compression.reload import numbers, reload
from models.compression.snip import snip
from models.compression.student import ViewModel
from models.compression.taylor import taylor
from models.compression.tune import tune
from models.compression.wanda import wanda
from models.multimodal import View
from models.spec import Spec
from models.towers import build_tower

LEARNT = {"learning_rate": 1e-2, "batch_size": 8, "seed": 3}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small only wait for a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def module(spec: Spec) -> ViewModel:
    """Segments of sound: (B, 2, 5), 3 classes, vectors of 8 numbers; no encoder before the head."""
    torch.manual_seed(0)
    head = View(build_tower(spec.towers["audio"], vocabulary=5), spec)
    return ViewModel(view="audio", encoder=None, head=head).eval().requires_grad_(False)


@pytest.fixture
def calibration(module: ViewModel) -> Calibration:
    torch.manual_seed(1)
    given = Calibration("audio", samples(torch.randn(16, 2, 5)), torch.arange(16) % 3, None)
    return Calibration("audio", given.inputs, given.label, ask(module, given))


def line(weight: list[list[float]]) -> nn.Linear:
    layer = nn.Linear(len(weight[0]), len(weight))
    layer.weight = nn.Parameter(torch.tensor(weight))
    return layer


def test_the_smallest_go_per_tensor() -> None:
    net = nn.Sequential(line([[1.0, -2.0], [3.0, -4.0]]), line([[0.1, -0.2], [0.3, -0.4]]))
    local = magnitude(net, sparsity=0.5, scope="local")
    assert local[0].weight.tolist() == [[0, 0], [3, -4]]
    torch.testing.assert_close(local[1].weight, torch.tensor([[0, 0], [0.3, -0.4]]))
    together = magnitude(net, sparsity=0.5, scope="global")
    assert together[0].weight.tolist() == [[1, -2], [3, -4]]
    assert together[1].weight.tolist() == [[0, 0], [0, 0]]
    assert net[0].weight.tolist() == [[1, -2], [3, -4]]  # the module given stays as it was


@pytest.mark.parametrize("share", [0.0, 0.1, 0.37, 0.5, 0.9])
def test_magnitude_is_torchs(share: float) -> None:
    torch.manual_seed(4)
    net = nn.Sequential(nn.Linear(7, 11), nn.Conv2d(3, 5, 3), nn.LayerNorm(4))
    ours = magnitude(net, sparsity=share, scope="local")
    joint = magnitude(net, sparsity=share, scope="global")
    for place in (0, 1):
        torch_prune.l1_unstructured(net[place], "weight", amount=share)
        torch.testing.assert_close(ours[place].weight, net[place].weight)
        torch_prune.remove(net[place], "weight")
    torch.manual_seed(4)
    net = nn.Sequential(nn.Linear(7, 11), nn.Conv2d(3, 5, 3), nn.LayerNorm(4))
    torch_prune.global_unstructured(
        [(net[0], "weight"), (net[1], "weight")], torch_prune.L1Unstructured, amount=share
    )
    for place in (0, 1):
        torch.testing.assert_close(joint[place].weight, net[place].weight)


def test_random_zeros_are_seeded_and_as_many_as_torchs() -> None:
    net = nn.Sequential(nn.Linear(20, 30), nn.Linear(30, 5))
    first, again = (random_zeros(net, sparsity=0.3, scope="local", seed=1) for _ in range(2))
    other = random_zeros(net, sparsity=0.3, scope="local", seed=2)
    assert torch.equal(first[0].weight, again[0].weight)
    assert not torch.equal(first[0].weight, other[0].weight)
    torch_prune.random_unstructured(net[0], "weight", amount=0.3)
    assert int((first[0].weight == 0).sum()) == int((net[0].weight == 0).sum())
    # Fair: over 200 seeds each of 12 weights goes in about 30 %; 5 standard errors are 16 points.
    gone = sum(
        cut(small, randoms.saliency(small, seed=seed), sparsity=0.25, scope="local")["weight"]
        for seed in range(200)
        for small in [line([[1.0, 2.0, 3.0, 4.0]] * 3)]
    )
    assert bool((abs(gone / 200 - 0.25) < 0.16).all())


def test_zeros_that_were_there_count() -> None:
    net = line([[0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    assert sparsity(net) == 0.25
    pruned = random_zeros(net, sparsity=0.5, scope="local", seed=0)
    assert sparsity(pruned) == 0.5
    assert pruned.weight[0, :2].tolist() == [0, 0]
    # Less than there is already: nothing else goes.
    assert torch.equal(random_zeros(net, sparsity=0.1, scope="local", seed=0).weight, net.weight)


def test_of_equals_the_first_goes() -> None:
    assert lowest(torch.tensor([2.0, 1.0, 1.0, 1.0]), 0.5).tolist() == [False, True, True, False]


def test_norms_biases_and_embeddings_stay() -> None:
    net = nn.Sequential(nn.Embedding(4, 3), nn.Linear(3, 3), nn.LayerNorm(3), nn.BatchNorm1d(3))
    assert list(weights_of(net)) == ["1.weight"]
    assert list(weights_of(net, embeddings=True)) == ["0.weight", "1.weight"]
    assert sparsity(magnitude(net, sparsity=0.5, scope="local"), embeddings=True) == 4 / 21
    pruned = magnitude(net, sparsity=0.5, scope="local", embeddings=True)
    assert sparsity(pruned, embeddings=True) == (4 + 6) / 21


def test_shared_weights_come_once() -> None:
    layer = nn.Linear(2, 2)
    assert list(weights_of(nn.Sequential(layer, layer))) == ["0.weight"]


def test_zeros_are_held_through_training() -> None:
    torch.manual_seed(2)
    net = magnitude(nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 2)), sparsity=0.5, scope="local")
    masks = zeros_of(net)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        net(torch.ones(5, 6)).square().sum().backward()
        optimiser.step()
    assert sparsity(net) < 0.5  # without `hold` they are gone
    hold(net, masks)
    assert sparsity(net) == 0.5
    assert {name: mask.tolist() for name, mask in zeros_of(net).items()} == {
        name: mask.tolist() for name, mask in masks.items()
    }


def test_masks_of_another_module_are_refused() -> None:
    net = nn.Sequential(nn.Linear(2, 2))
    with pytest.raises(PruningError, match=r"mask 0\.weight: \(3, 2\) for a weight \(2, 2\)"):
        hold(net, {"0.weight": torch.ones(3, 2, dtype=torch.bool)})
    with pytest.raises(PruningError, match=r"mask 7\.weight: the module has no such weight"):
        hold(net, {"7.weight": torch.ones(2, 2, dtype=torch.bool)})


@pytest.mark.parametrize(
    ("share", "scope", "message"),
    [
        (1.0, "local", "sparsity=1.0: allowed is 0 up to but not 1"),
        (-0.1, "local", "sparsity=-0.1: allowed"),
        (0.5, "rows", "scope='rows': allowed are local, global"),
    ],
)
def test_what_no_pruning_can_mean_is_refused(share: float, scope: str, message: str) -> None:
    with pytest.raises(PruningError, match=message):
        magnitude(nn.Linear(2, 2), sparsity=share, scope=scope)  # type: ignore[arg-type]


def test_nothing_to_prune_and_nan_are_refused() -> None:
    with pytest.raises(PruningError, match="no linear or convolution weights"):
        magnitude(nn.LayerNorm(3), sparsity=0.5, scope="local")
    broken = line([[1.0, float("nan")]])
    with pytest.raises(PruningError, match="weight: its saliency is NaN"):
        magnitude(broken, sparsity=0.5, scope="local")


class Plain(nn.Module):
    """A head whose scores are one linear layer; its vectors are fixed, so that they say nothing."""

    def __init__(self, weight: list[list[float]]) -> None:
        super().__init__()
        self.tower = build_segments(len(weight[0]))
        self.layer = line(weight)
        self.layer.bias = nn.Parameter(torch.zeros(len(weight)))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.layer(x[:, 0]), torch.zeros(len(x), 2)


def build_segments(width: int) -> nn.Module:
    from models.towers import Segments

    return Segments(segments=1, width=width)


def plain(weight: list[list[float]]) -> ViewModel:
    return ViewModel(view="audio", encoder=None, head=Plain(weight))  # type: ignore[arg-type]


def test_snip_and_taylor_by_hand() -> None:
    """Gradient of cross-entropy by W is (softmax(W x) - onehot) x^T (any textbook)."""
    weight = [[0.5, -1.0, 0.0], [2.0, 0.3, -0.7]]
    x = torch.tensor([[[1.0, 2.0, -1.0]], [[0.5, 0.0, 3.0]]])
    label = torch.tensor([0, 1])
    w = torch.tensor(weight)
    error = (x[:, 0] @ w.T).softmax(-1) - F.one_hot(label, 2)
    each = error[:, :, None] * x  # (2 samples, 2 classes, 3 inputs)
    given = Calibration("audio", samples(x), label, None)
    key = "head.layer.weight"
    snipped = snips.saliency(plain(weight), calibration=given, seed=0)
    torch.testing.assert_close(snipped[key], (each.sum(0) * w).abs())
    expanded = taylors.saliency(plain(weight), calibration=given, seed=0)
    torch.testing.assert_close(expanded[key], (each * w).square().mean(0))


def test_wanda_by_hand() -> None:
    """Sun et al. 2023, figure 1, as a formula: |W_ij| times the norm of input j."""
    weight = [[4.0, 0.0, 1.0], [3.0, -2.0, -1.0]]
    x = torch.tensor([[[1.0, 2.0, 8.0]], [[0.0, 0.0, 4.0]]])
    norms = torch.tensor([1.0, 2.0, 80**0.5])
    given = Calibration("audio", samples(x), None, None)
    scores = wandas.saliency(plain(weight), calibration=given)["head.layer.weight"]
    torch.testing.assert_close(scores, torch.tensor(weight).abs() * norms)
    # One of each row: the zero that was there; 3 x 1 is less than 2 x 2 and 1 x 8.9.
    pruned = wanda(plain(weight), sparsity=1 / 3, scope="local", calibration=given)
    assert pruned.head.layer.weight.tolist() == [[4, 0, 1], [0, -2, -1]]


def test_wanda_of_grouped_convolutions_weighs_by_own_channels() -> None:
    class Filtered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tower = build_segments(4)
            self.filter = nn.Conv1d(4, 4, 2, groups=2, bias=False)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            seen = self.filter(x.transpose(1, 2).repeat(1, 1, 3))
            return seen.mean(2), torch.zeros(len(x), 2)

    head = Filtered()
    nn.init.ones_(head.filter.weight)
    module = ViewModel(view="audio", encoder=None, head=head)  # type: ignore[arg-type]
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0]], [[0.0, 0.0, 0.0, 0.0]]])
    scores = wandas.saliency(module, calibration=Calibration("audio", samples(x), None, None))
    # Three positions each: norms are 1, 2, 3, 4 times the root of 3; outputs 0, 1 read 0, 1.
    root = 3**0.5
    expected = [[root, 2 * root]] * 2 + [[3 * root, 4 * root]] * 2
    found = scores["head.filter.weight"]
    torch.testing.assert_close(found, torch.tensor(expected)[..., None].expand(4, 2, 2))


def test_the_noisy_loss_has_the_curvature_of_the_distance() -> None:
    """At the teacher the mean squared gradient is the diagonal of the distance's Hessian."""
    torch.manual_seed(5)
    scores = torch.randn(1, 3)
    vectors = F.normalize(torch.randn(1, 4), dim=-1)
    told = Calibration("audio", samples(torch.zeros(1, 1, 1)), None, Answers(scores, vectors))
    rows = torch.tensor([0])

    def joint(x: torch.Tensor) -> torch.Tensor:
        return distance(x[None, :3], F.normalize(x[None, 3:], dim=-1), told, rows)

    at = torch.cat([scores[0], vectors[0]])
    assert torch.autograd.functional.jacobian(joint, at).abs().max() < 1e-6  # why noise is needed
    hessian = torch.autograd.functional.hessian(joint, at).diagonal()
    generator = torch.Generator().manual_seed(0)
    x = at.repeat(20_000, 1).requires_grad_(True)
    loss = sensitivity(
        x[:, :3], F.normalize(x[:, 3:], dim=-1), told, torch.zeros(len(x), dtype=int), generator
    )
    squares = torch.autograd.grad(loss, x)[0].square().mean(0)
    torch.testing.assert_close(squares, hessian, atol=0.01, rtol=0.03)


TECHNIQUES = {
    "magnitude": lambda m, _, share, scope: magnitude(m, sparsity=share, scope=scope),
    "random": lambda m, _, share, scope: random_zeros(m, sparsity=share, scope=scope, seed=3),
    "snip": lambda m, c, share, scope: snip(m, sparsity=share, scope=scope, calibration=c, seed=3),
    "taylor": lambda m, c, share, scope: taylor(
        m, sparsity=share, scope=scope, calibration=c, seed=3
    ),
    "wanda": lambda m, c, share, scope: wanda(m, sparsity=share, scope=scope, calibration=c),
    "movement": lambda m, c, share, scope: movement(
        m, sparsity=share, scope=scope, calibration=c, steps=4, **LEARNT
    ),
    "lottery": lambda m, c, share, scope: lottery(
        m, sparsity=share, scope=scope, calibration=c, rounds=2, early=1, steps=2, **LEARNT
    ),
}


@pytest.mark.parametrize("scope", ["local", "global"])
@pytest.mark.parametrize("name", TECHNIQUES)
def test_every_technique(
    name: str, scope: str, module: ViewModel, calibration: Calibration
) -> None:
    before = {key: value.clone() for key, value in module.state_dict().items()}
    pruned = TECHNIQUES[name](module, calibration, 0.5, scope)
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key])
    # Rows of Wanda and tensors of odd size are rounded each: 15 + 160 + 128 weights.
    assert abs(sparsity(pruned) - 0.5) < 0.03
    again = TECHNIQUES[name](module, calibration, 0.5, scope)
    for key, value in pruned.state_dict().items():
        assert torch.equal(value, again.state_dict()[key])
    back = reload(module, pruned.state_dict(), numbers(pruned))
    x = torch.randn(3, 2, 5)
    for found, expected in zip(back(x), pruned(x), strict=True):
        assert torch.equal(found, expected)
    assert not any(weight.requires_grad for weight in pruned.parameters())


@pytest.mark.parametrize("name", ["snip", "taylor", "wanda", "movement", "lottery"])
def test_calibration_of_too_few_or_of_another_view_is_refused(
    name: str, module: ViewModel, calibration: Calibration
) -> None:
    with pytest.raises(CalibrationError, match="1 samples of calibration data"):
        TECHNIQUES[name](module, calibration.take([0]), 0.5, "local")
    other = Calibration("image", calibration.inputs, None, None)
    with pytest.raises(CalibrationError, match="the calibration data is of view image"):
        TECHNIQUES[name](module, other, 0.5, "local")


def test_neither_labels_nor_targets(module: ViewModel, calibration: Calibration) -> None:
    untold = Calibration("audio", calibration.inputs, None, None)
    with pytest.raises(ValueError, match="neither labels nor targets"):
        movement(module, sparsity=0.5, scope="local", calibration=untold, steps=2, **LEARNT)


@pytest.mark.parametrize("key", ["rounds", "steps"])
def test_no_rounds_is_refused(key: str, module: ViewModel, calibration: Calibration) -> None:
    counts = {"rounds": 1, "early": 0, "steps": 1, key: 0}
    with pytest.raises(PruningError, match=f"{key}=0: allowed are 1 and more"):
        ticket(module, sparsity=0.5, scope="local", calibration=calibration, **counts, **LEARNT)


def test_gradients_reach_the_projection(module: ViewModel, calibration: Calibration) -> None:
    """At its own answers a distance has no gradient; a saliency of it would prune all of it."""
    for told in (calibration, Calibration("audio", calibration.inputs, calibration.label, None)):
        for scores in (
            taylors.saliency(module, calibration=told, seed=1),
            snips.saliency(module, calibration=told, seed=1),
        ):
            assert all(float(score.max()) > 1e-9 for score in scores.values())


def test_taylor_beats_random(module: ViewModel, calibration: Calibration) -> None:
    """What half of the weights are worth, by the distance of the answers to those before."""

    def loss(pruned: ViewModel) -> float:
        rows = torch.arange(len(calibration))
        inputs = torch.cat([sample[0] for sample in calibration.inputs])
        untold = Calibration("audio", calibration.inputs, None, calibration.targets)
        return float(distance(*pruned(inputs), untold, rows))

    ours = loss(taylor(module, sparsity=0.5, scope="local", calibration=calibration, seed=0))
    control = [
        loss(random_zeros(module, sparsity=0.5, scope="local", seed=seed)) for seed in range(5)
    ]
    assert ours < min(control)


def test_movement_takes_what_shrinks_and_keeps_what_grows() -> None:
    """Cross-entropy of a linear layer: a class's own evidence grows, evidence against it shrinks.

    The first column is large but wrong (points to the other class), the second small but right:
    magnitude would take the second, movement takes the first (Sanh et al. 2020, figure 1).
    """
    x = torch.tensor([[[1.0, 1.0]], [[-1.0, -1.0]]])
    label = torch.tensor([0, 1])
    module = plain([[-0.6, 0.5], [0.6, -0.5]])
    given = Calibration("audio", samples(x), label, None)
    chosen = {"learning_rate": 1e-3, "batch_size": 2, "seed": 0, "steps": 5}
    moved = movement(module, sparsity=0.5, scope="local", calibration=given, **chosen)
    assert zeros_of(moved)["head.layer.weight"].tolist() == [[True, False], [True, False]]
    small = magnitude(module, sparsity=0.5, scope="local")
    assert zeros_of(small)["head.layer.weight"].tolist() == [[False, True], [False, True]]


def test_movement_without_anything_to_learn_is_magnitude(
    module: ViewModel, calibration: Calibration
) -> None:
    """At the teacher's own answers the first score is zero; the first cut is by magnitude."""
    told = Calibration("audio", calibration.inputs, None, calibration.targets)
    chosen = {"learning_rate": 1e-9, "batch_size": 16, "seed": 0, "steps": 1}
    moved = movement(module, sparsity=0.5, scope="local", calibration=told, **chosen)
    small = magnitude(module, sparsity=0.5, scope="local")
    for name, mask in zeros_of(small).items():
        assert float((zeros_of(moved)[name] == mask).float().mean()) > 0.9


def test_a_ticket_holds_the_early_weights(module: ViewModel, calibration: Calibration) -> None:
    counts = {"rounds": 3, "early": 2, "steps": 4}
    found = ticket(
        module, sparsity=0.6, scope="global", calibration=calibration, **counts, **LEARNT
    )
    early = tune(module, calibration=calibration, masks={}, steps=2, **LEARNT)
    masks = zeros_of(found)
    for name, weight in weights_of(found).items():
        kept = ~masks[name]
        assert torch.equal(weight[kept], early.get_parameter(name)[kept])
    assert abs(sparsity(found) - 0.6) < 0.005  # three times 1 - 0.4^(1/3) of what is left
    # In one round the mask is that of magnitude after training (Frankle & Carbin 2019, section 1).
    once = ticket(
        module,
        sparsity=0.6,
        scope="global",
        calibration=calibration,
        rounds=1,
        early=0,
        steps=4,
        **LEARNT,
    )
    trained = tune(module, calibration=calibration, masks={}, steps=4, **LEARNT)
    masks = cut(trained, magnitudes.saliency(trained), sparsity=0.6, scope="global")
    expected = without(module, masks).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in once.state_dict().items())
