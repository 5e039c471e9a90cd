import copy

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from models.compression.calibration import ask
from models.compression.low_rank import LowRank
from models.compression.reload import ReloadError, numbers, reload


class Net(nn.Module):
    """One of each kind of layer that changes shape."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 6)
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.grouped = nn.Conv2d(8, 12, 1, groups=2)
        self.line = nn.Conv1d(12, 5, 3, padding=1)
        self.level = nn.LayerNorm(5)
        self.out = nn.Linear(5, 4)
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.grouped(self.depthwise(torch.relu(self.norm(self.stem(x)))))
        x = self.level(self.line(x.mean(2)).mean(2))
        return self.out(x) * self.scale


@pytest.fixture
def net() -> Net:
    torch.manual_seed(1)
    return Net().eval().requires_grad_(False)


def through_a_file(module: nn.Module) -> dict[str, torch.Tensor]:
    return load(save({name: x.contiguous() for name, x in module.state_dict().items()}))


def narrower() -> Net:
    """As structured pruning leaves it, built here by hand."""
    torch.manual_seed(2)
    net = Net()
    net.embed = nn.Embedding(7, 6)
    net.stem = nn.Conv2d(3, 6, 3, padding=1)
    net.norm = nn.BatchNorm2d(6)
    net.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6)
    net.grouped = nn.Conv2d(6, 10, 1, groups=2)
    net.line = nn.Conv1d(10, 3, 3, padding=1)
    net.level = nn.LayerNorm(3)
    net.out = nn.Linear(3, 2)
    net.scale = nn.Parameter(torch.full((2,), 3.0))
    return net.eval().requires_grad_(False)


def test_a_narrower_module_comes_back_from_its_bytes(net):
    pruned = narrower()
    again = reload(net, through_a_file(pruned), numbers(pruned))
    x = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again(x), pruned(x))
    assert torch.equal(again.embed.weight, pruned.embed.weight)
    # The layers know their new sizes, for whoever reads them next.
    assert (again.embed.num_embeddings, again.stem.out_channels, again.out.in_features) == (7, 6, 3)
    assert (again.depthwise.groups, again.grouped.groups, again.norm.num_features) == (6, 2, 6)
    assert net.stem.out_channels == 8  # the base is unchanged
    assert not any(weight.requires_grad for weight in again.parameters())


def test_two_thin_matrices_come_back(net):
    thin = copy.deepcopy(net)
    thin.out = LowRank(inputs=5, rank=2, outputs=4, bias=True)
    again = reload(net, through_a_file(thin), {})
    assert isinstance(again.out, LowRank)
    x = torch.randn(2, 3, 5, 5)
    assert torch.equal(again(x), thin.eval()(x))


def test_two_thin_matrices_without_a_bias_come_back():
    wide = nn.Sequential(nn.Linear(5, 4, bias=False))
    thin = nn.Sequential(LowRank(inputs=5, rank=2, outputs=4, bias=False))
    again = reload(wide, through_a_file(thin), {})
    assert torch.equal(again(torch.ones(1, 5)), thin(torch.ones(1, 5)))


def test_fewer_heads_come_back(small_caption, small_samples):
    # Heads 1 and 3 of 4 taken from every layer by hand: rows of query, key, value, columns after.
    pruned = copy.deepcopy(small_caption)
    rows = torch.cat([torch.arange(0, 8), torch.arange(16, 24)])
    for layer in pruned.encoder.bert.encoder.layer:
        attention = layer.attention.self
        for name in ("query", "key", "value"):
            part = getattr(attention, name)
            part.weight = nn.Parameter(part.weight[rows].clone(), requires_grad=False)
            part.bias = nn.Parameter(part.bias[rows].clone(), requires_grad=False)
        dense = layer.attention.output.dense
        dense.weight = nn.Parameter(dense.weight[:, rows].clone(), requires_grad=False)
        attention.num_attention_heads, attention.all_head_size = 2, 16
    again = reload(small_caption, through_a_file(pruned), numbers(pruned))
    ours, theirs = ask(again, small_samples["caption"]), ask(pruned, small_samples["caption"])
    assert torch.equal(ours.scores, theirs.scores)
    # The counts matter: with 4 heads of the old width the tensors mean something else, or nothing.
    assert numbers(again) == numbers(pruned) != numbers(small_caption)


def test_whispers_heads_are_counted(small_audio):
    found = numbers(small_audio)
    assert found == {f"encoder.encoder.blocks.{i}.heads": 2 for i in range(4)}


def test_nothing_changed_is_nothing_lost(small_student, small_samples):
    for view, module in small_student.views.items():
        again = reload(module, through_a_file(module), numbers(module))
        calibration = small_samples[view]
        assert torch.equal(ask(again, calibration).vectors, calibration.targets.vectors)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tensors: tensors.pop("out.weight"), "out.weight"),
        (lambda tensors: tensors.update(extra=torch.ones(1)), "extra"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(net, change, said):
    tensors = net.state_dict()
    change(tensors)
    with pytest.raises(ReloadError, match=said):
        reload(net, tensors, {})


def test_more_blocks_than_there_are_are_refused(small_audio):
    tensors = small_audio.state_dict()
    tensors["encoder.encoder.blocks.4.feed_in.bias"] = torch.ones(512)
    with pytest.raises(ReloadError, match=r"blocks: 5 blocks, but the base module has 4"):
        reload(small_audio, tensors, {})


def test_a_count_without_a_layer_is_refused(net):
    with pytest.raises(ReloadError, match=r"gone\.heads: there is no such layer to hold 2"):
        reload(net, net.state_dict(), {"gone.heads": 2})
