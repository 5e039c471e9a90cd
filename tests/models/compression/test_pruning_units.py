"""Structured pruning: shapes really shrink, nothing changes where nothing was said, all reloads."""

import copy
from collections.abc import Callable, Iterator

import pytest
import torch
from tokenizers import Tokenizer, models
from torch import Tensor, nn

from models.compression import channels as channel_parts
from models.compression import ffn as ffn_parts
from models.compression import heads as head_parts
from models.compression.calibration import Calibration, CalibrationError, ask
from models.compression.channels import channels
from models.compression.ffn import ffn
from models.compression.gradients import distance
from models.compression.heads import heads
from models.compression.low_rank import LowRank
from models.compression.masks import PruningError
from models.compression.reload import numbers, reload
from models.compression.student import Pooled, ViewModel, parameters
from models.compression.units import Group, prune, scores
from models.encoders.audio_whisper import WhisperEncoder
from models.encoders.image_efficientnet import EfficientNetLite0
from models.encoders.text_minilm import MiniLM
from models.multimodal import View
from models.spec import Spec, TowerSpec
from models.towers import build_tower

CONFIG = {
    "vocab_size": 12,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 32,
}
TOWERS = {
    "whisper": ("audio", TowerSpec("segments", {"segments": 2, "width": 192})),
    "minilm": ("caption", TowerSpec("blocks", {"sizes": [16, 16], "names": 0})),
    "efficientnet": ("image", TowerSpec("blocks", {"sizes": [112, 192, 1280, 10], "names": 3})),
    "resnet": ("image", TowerSpec("resnet", {"channels": [8, 12], "depths": [1, 2]})),
    "conformer": (
        "audio",
        TowerSpec(
            "conformer",
            {"width": 16, "layers": 1, "heads": 4, "segments": 2, "kernel": 3, "dropout": 0.1},
        ),
    ),
    "conv": (
        "audio",
        TowerSpec("conv", {"width": 16, "layers": 1, "segments": 2, "kernel": 3, "dropout": 0.1}),
    ),
}


def encoder_of(name: str) -> nn.Module | None:
    match name:
        case "whisper":
            encoder = WhisperEncoder(width=192, layers=2, positions=40)
            nn.init.normal_(encoder.positions)
            return Pooled(encoder, segments=2)
        case "minilm":
            return MiniLM(config=CONFIG, tokenizer=Tokenizer(models.BPE()).to_str())
        case "efficientnet":
            return EfficientNetLite0(classes=10)
    return None


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small only wait for a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def make(spec: Spec) -> Callable[[str], ViewModel]:
    def built(name: str) -> ViewModel:
        torch.manual_seed(0)
        view, tower = TOWERS[name]
        head = View(build_tower(tower, vocabulary=5), spec)
        module = ViewModel(view=view, encoder=encoder_of(name), head=head)
        for layer in module.modules():  # statistics as after training, not 0 and 1
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.uniform_(layer.running_mean, -0.1, 0.1)
                nn.init.uniform_(layer.running_var, 0.5, 1.5)
                nn.init.uniform_(layer.weight, 0.5, 1.5)
                nn.init.uniform_(layer.bias, -0.1, 0.5)
        return module.eval().requires_grad_(False)

    return built


def inputs_of(name: str, seed: int = 1, batch: int = 1) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    match name:
        case "whisper":
            return (
                torch.randn(batch, 80, 60, generator=generator),
                torch.full((batch,), 25, dtype=torch.long),
            )
        case "minilm":
            ids = torch.randint(0, 12, (batch, 6), generator=generator)
            return ids, torch.ones_like(ids)
        case "efficientnet" | "resnet":
            return (255 * torch.rand(batch, 3, 64, 64, generator=generator),)
    return (torch.randn(batch, 40, 80, generator=generator),)


def calibrated(name: str, module: ViewModel, count: int = 6) -> Calibration:
    inputs = [inputs_of(name, seed) for seed in range(count)]
    given = Calibration(module.view, inputs, None, None)
    return Calibration(module.view, inputs, None, ask(module, given))


CASES = {
    "whisper ffn": ("whisper", ffn, ffn_parts.groups),
    "whisper heads": ("whisper", heads, head_parts.groups),
    "whisper channels": ("whisper", channels, channel_parts.groups),
    "minilm ffn": ("minilm", ffn, ffn_parts.groups),
    "minilm heads": ("minilm", heads, head_parts.groups),
    "efficientnet channels": ("efficientnet", channels, channel_parts.groups),
    "resnet channels": ("resnet", channels, channel_parts.groups),
    "conformer ffn": ("conformer", ffn, ffn_parts.groups),
    "conformer heads": ("conformer", heads, head_parts.groups),
    "conv channels": ("conv", channels, channel_parts.groups),
    "conv ffn": ("conv", ffn, ffn_parts.groups),
}


def silenced(module: ViewModel, groups: list[Group], gone: int) -> ViewModel:
    """A copy in which some units of each group are made and taken with weights of zero."""
    quiet = copy.deepcopy(module)
    for group in groups:
        chosen = torch.randperm(group.units, generator=torch.Generator().manual_seed(3))[:gone]
        for piece in group.slices:
            layer = quiet.get_submodule(piece.path)
            index = piece.place_UK[chosen].flatten()
            for name, held in layer.named_parameters(recurse=False):
                if piece.dim == 0 or name == "weight":
                    held.data.index_fill_(piece.dim, index, 0.0)
    return quiet


@pytest.mark.parametrize("importance", ["l2", "taylor"])
@pytest.mark.parametrize("case", CASES)
def test_what_says_nothing_goes_and_nothing_changes(
    case: str, importance: str, make: Callable[[str], ViewModel]
) -> None:
    """One unit of each group is silent: leaving it out is exact, and it is the one to go."""
    name, technique, groups_of = CASES[case]
    module = make(name)
    groups = groups_of(module)
    quiet = silenced(module, groups, 1)
    fewest = min(group.units for group in groups)
    pruned = technique(
        quiet,
        keep=1 - 0.6 / max(group.units for group in groups) if fewest > 4 else 1 - 1 / fewest,
        importance=importance,
        scope="local",
        calibration=calibrated(name, quiet, 2),
    )
    assert parameters(pruned) < parameters(quiet)
    # A sample of the calibration: units that it leaves at 0 may go as well.
    inputs = inputs_of(name, seed=0)
    for found, expected in zip(pruned(*inputs), quiet(*inputs), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    back = reload(make(name), pruned.state_dict(), numbers(pruned))
    for found, expected in zip(back(*inputs), pruned(*inputs), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("case", CASES)
def test_half_is_smaller_reloads_and_repeats(case: str, make: Callable[[str], ViewModel]) -> None:
    name, technique, groups_of = CASES[case]
    module = make(name)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    pruned = technique(module, keep=0.5, importance="random", seed=4)
    # What is left of each group, and the parameters that rows and columns of the others held.
    for old, new in zip(groups_of(module), groups_of(pruned), strict=True):
        assert new.units == round(0.5 * old.units)
    inputs = inputs_of(name, batch=2)
    back = reload(module, pruned.state_dict(), numbers(pruned))
    for found, expected in zip(back(*inputs), pruned(*inputs), strict=True):
        assert torch.equal(found, expected)
        assert bool(found.isfinite().all())
    again = technique(module, keep=0.5, importance="random", seed=4).state_dict()
    other = technique(module, keep=0.5, importance="random", seed=5).state_dict()
    assert all(torch.equal(value, again[key]) for key, value in pruned.state_dict().items())
    assert any(not torch.equal(value, other[key]) for key, value in pruned.state_dict().items())
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key])


def test_parameters_fall_as_the_formula_says(make: Callable[[str], ViewModel]) -> None:
    """Per neuron: a row and a bias in, a column out. Per head of 64: 3 rows, 3 biases, a column."""
    whisper = make("whisper")
    thinner = ffn(whisper, keep=0.25, importance="l2")
    assert parameters(whisper) - parameters(thinner) == 2 * 576 * (192 + 1 + 192)
    fewer = heads(whisper, keep=2 / 3, importance="l2")
    assert parameters(whisper) - parameters(fewer) == 2 * 64 * (3 * (192 + 1) + 192)
    assert [block.heads for block in fewer.encoder.encoder.blocks] == [2, 2]
    minilm = make("minilm")
    fewer = heads(minilm, keep=0.5, importance="l2")
    assert parameters(minilm) - parameters(fewer) == 2 * 2 * 4 * (3 * (16 + 1) + 16)
    assert parameters(minilm) - parameters(ffn(minilm, keep=0.5, importance="l2")) == 2 * 12 * 33
    # Per widened channel of a block: a column in, 4 norms twice, a filter, a column out.
    image = make("efficientnet")
    (group,) = (g for g in channel_parts.groups(image) if "blocks.1." in g.name)
    narrow = channels(image, keep=0.5, importance="l2")
    assert group.units == 96
    block, old = narrow.encoder._blocks[1], image.encoder._blocks[1]
    assert parameters(old) - parameters(block) == 48 * (16 + 4 + 9 + 4 + 24)
    assert block._depthwise_conv.groups == 48


def test_projection_where_asked(make: Callable[[str], ViewModel]) -> None:
    """Its hidden layer has 16 neurons between 16 + 16 inputs and 8 outputs (the spec's fixture)."""
    module = make("minilm")
    pruned = ffn(module, keep=0.5, importance="l2", projection=True)
    assert parameters(module.head) - parameters(pruned.head) == 8 * (32 + 1 + 8)


def test_round_to_keeps_whole_multiples(make: Callable[[str], ViewModel]) -> None:
    pruned = ffn(make("minilm"), keep=0.4, importance="l2", round_to=8)  # 24: 10 become 16
    assert [group.units for group in ffn_parts.groups(pruned)] == [16, 16]


def test_streams_where_asked_and_tapped_maps_never(make: Callable[[str], ViewModel]) -> None:
    module = make("efficientnet")
    inner = {group.name for group in channel_parts.groups(module)}
    every = {group.name for group in channel_parts.groups(module, streams=True)}
    blocks = [f"encoder._blocks.{i}._expand_conv" for i in range(1, 16)]
    assert inner == {"encoder._conv_stem", *blocks}
    # Ends of stages of 16, 24, 40, 80 and 320 channels; 112 and 192 are tapped.
    ends = {f"encoder._blocks.{i}._project_conv" for i in (0, 2, 4, 7, 15)}
    assert every - inner == ends
    pruned = channels(module, keep=0.5, importance="l2", streams=True)
    inputs = inputs_of("efficientnet")
    assert pruned.encoder(*inputs).shape == module.encoder(*inputs).shape
    back = reload(module, pruned.state_dict(), numbers(pruned))
    assert torch.equal(back(*inputs)[0], pruned(*inputs)[0])


def test_l2_by_hand(make: Callable[[str], ViewModel]) -> None:
    module = make("minilm")
    (found, *_) = scores(
        module, ffn_parts.groups(module), importance="l2", calibration=None, seed=0
    )
    layer = module.encoder.bert.encoder.layer[0]
    wide, narrow = layer.intermediate.dense, layer.output.dense
    expected = wide.weight.square().sum(1) + wide.bias.square() + narrow.weight.square().sum(0)
    torch.testing.assert_close(found, expected.sqrt())


def test_taylor_is_the_derivative_by_a_gate(make: Callable[[str], ViewModel]) -> None:
    """A gate on a head, put in by a hook: Michel et al. 2019, equation 2, but squared."""
    from models.compression.gradients import sensitivity

    module = make("whisper")
    told = calibrated("whisper", module, 3)
    groups = head_parts.groups(module)
    found = scores(module, groups, importance="taylor", calibration=told, seed=7)
    gate = torch.ones(3, requires_grad=True)
    out = module.encoder.encoder.blocks[1].attention_out
    out.register_forward_pre_hook(lambda _, inputs: (inputs[0] * gate.repeat_interleave(64),))
    generator = torch.Generator().manual_seed(7)
    squares = torch.zeros(3)
    for row, inputs in enumerate(told.inputs):
        loss = sensitivity(*module(*inputs), told, torch.tensor([row]), generator)
        squares += torch.autograd.grad(loss, gate)[0].square() / 3
    torch.testing.assert_close(found[1], squares, rtol=1e-3, atol=1e-9)


def test_features_of_exactly_zero_have_a_gradient(make: Callable[[str], ViewModel]) -> None:
    """The derivative of a root at 0 is infinite; one dead feature would make every weight's NaN."""
    tower = make("efficientnet").head.tower
    x = torch.rand(1, 112 + 192 + 1280 + 10)
    x[0, 3] = 0
    x.requires_grad_(True)
    whole, _ = tower(x)
    assert float(whole[0, 3]) == 0
    assert bool(torch.autograd.grad(whole[0, :9].sum(), x)[0].isfinite().all())


def test_importance_that_is_nan_is_refused(make: Callable[[str], ViewModel]) -> None:
    module = make("minilm")
    module.encoder.bert.encoder.layer[1].output.dense.weight.data[0, 0] = float("nan")
    with pytest.raises(PruningError, match=r"layer.1.intermediate.dense: its importance is NaN"):
        ffn(module, keep=0.5, importance="l2")


def test_what_is_constant_stays_as_a_bias(make: Callable[[str], ViewModel]) -> None:
    """A neuron that always says gelu(0.05) can leave without a trace, if its mean is kept."""
    module = make("minilm")
    layer = module.encoder.bert.encoder.layer[0]
    layer.intermediate.dense.weight.data[3] = 0
    layer.intermediate.dense.bias.data[3] = 0.05
    layer.output.dense.weight.data[:, 3] = torch.linspace(-0.01, 0.01, 16)
    group = ffn_parts.groups(module)[0]
    told = calibrated("minilm", module, 2)
    settings = {"keep": 23 / 24, "importance": "l2", "scope": "local", "round_to": 1, "seed": 0}
    inputs = inputs_of("minilm", seed=5, batch=2)
    with_mean = prune(module, [group], calibration=told, **settings)
    assert with_mean.encoder.bert.encoder.layer[0].intermediate.dense.out_features == 23
    torch.testing.assert_close(with_mean(*inputs)[0], module(*inputs)[0], atol=1e-6, rtol=0)
    without = prune(module, [group], calibration=None, **settings)
    assert float((without(*inputs)[0] - module(*inputs)[0]).abs().max()) > 1e-5


def test_a_constant_channel_stays_in_the_norm_behind(make: Callable[[str], ViewModel]) -> None:
    module = make("efficientnet")
    block = module.encoder._blocks[1]
    for norm in (block._bn0, block._bn1):
        norm.weight.data[7] = 0
        norm.bias.data[7] = 0.01
    block._expand_conv.weight.data[7] = 0
    block._depthwise_conv.weight.data[7] = 0
    block._project_conv.weight.data[:, 7] = 1e-2  # all that the block hears of it: 1e-4
    (group,) = (g for g in channel_parts.groups(module) if "blocks.1." in g.name)
    told = calibrated("efficientnet", module, 2)
    settings = {"keep": 95 / 96, "importance": "l2", "scope": "local", "round_to": 1, "seed": 0}
    pruned = prune(module, [group], calibration=told, **settings)
    x = torch.randn(1, 16, 8, 8)
    assert pruned.encoder._blocks[1]._project_conv.in_channels == 95
    torch.testing.assert_close(pruned.encoder._blocks[1](x), block(x), atol=1e-6, rtol=1e-5)
    without = prune(module, [group], calibration=None, **settings)
    assert float((without.encoder._blocks[1](x) - block(x)).abs().max()) > 5e-5


def test_global_keeps_that_share_of_all_and_one_of_each(
    make: Callable[[str], ViewModel],
) -> None:
    module = make("whisper")
    for block in module.encoder.encoder.blocks[:1]:
        block.feed_in.weight.data *= 1e-3
        block.feed_in.bias.data *= 1e-3
        block.feed_out.weight.data *= 1e-3
    pruned = ffn(module, keep=0.5, importance="l2", scope="global")
    assert [group.units for group in ffn_parts.groups(pruned)] == [1, 767]  # of 768 each


def test_taylor_beats_random(make: Callable[[str], ViewModel]) -> None:
    module = make("minilm")
    told = calibrated("minilm", module, 24)
    rows = torch.arange(len(told))
    inputs = tuple(torch.cat(parts) for parts in zip(*told.inputs, strict=True))

    def loss(pruned: ViewModel) -> float:
        return float(distance(*pruned(*inputs), told, rows))

    ours = loss(ffn(module, keep=0.5, importance="taylor", calibration=told))
    control = [loss(ffn(module, keep=0.5, importance="random", seed=seed)) for seed in range(5)]
    assert ours < sum(control) / 5


def test_factors_of_a_layer_are_pruned_too(make: Callable[[str], ViewModel]) -> None:
    module = make("minilm")
    layer = module.encoder.bert.encoder.layer[0]
    layer.intermediate.dense = LowRank(inputs=16, rank=4, outputs=24, bias=True)
    module.eval().requires_grad_(False)
    pruned = ffn(module, keep=0.5, importance="l2")
    made = pruned.encoder.bert.encoder.layer[0].intermediate.dense
    assert made.second.weight.shape == (12, 4)
    inputs = inputs_of("minilm")
    back = reload(make("minilm"), pruned.state_dict(), numbers(pruned))
    assert torch.equal(back(*inputs)[0], pruned(*inputs)[0])


def test_composed(make: Callable[[str], ViewModel]) -> None:
    module = make("whisper")
    pruned = channels(
        ffn(heads(module, keep=0.5, importance="l2"), keep=0.3, importance="l2"),
        keep=0.5,
        importance="l2",
    )
    inputs = inputs_of("whisper", batch=2)
    back = reload(module, pruned.state_dict(), numbers(pruned))
    assert torch.equal(back(*inputs)[0], pruned(*inputs)[0])


@pytest.mark.parametrize(
    ("name", "technique", "message"),
    [
        ("efficientnet", heads, "heads: the image view has no attention; it has 49 BatchNorm2d"),
        ("efficientnet", ffn, "ffn: the image view has no feed-forward layer; it has 49 Batch"),
        ("minilm", channels, "channels: the caption view has no convolution channels that could"),
    ],
)
def test_what_a_view_lacks_is_named(
    name: str, technique: Callable[..., ViewModel], message: str, make: Callable[[str], ViewModel]
) -> None:
    with pytest.raises(PruningError, match=message):
        technique(make(name), keep=0.5, importance="l2")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"keep": 0.1},
            r"keep=0.1: of the 3 units of .*blocks.0 it leaves 0; allowed are 0.167 to",
        ),
        ({"keep": 1.5}, r"keep=1.5: .*allowed are 0.167 to 1"),
        ({"keep": 0.0}, r"keep=0.0: .*it leaves 0"),
        ({"importance": "l1"}, "importance='l1': allowed are l2, taylor, random"),
        ({"scope": "all"}, "scope='all': allowed are local, global"),
        ({"importance": "taylor"}, "importance 'taylor' needs calibration data"),
    ],
)
def test_settings_out_of_range_are_refused(
    settings: dict[str, object], message: str, make: Callable[[str], ViewModel]
) -> None:
    with pytest.raises(PruningError, match=message):
        heads(make("whisper"), **{"keep": 0.5, "importance": "l2", **settings})  # type: ignore[arg-type]


def test_calibration_of_another_view_is_refused(make: Callable[[str], ViewModel]) -> None:
    whisper, minilm = make("whisper"), make("minilm")
    with pytest.raises(CalibrationError, match="the calibration data is of view caption"):
        ffn(whisper, keep=0.5, importance="taylor", calibration=calibrated("minilm", minilm))
