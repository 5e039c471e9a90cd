"""Static int8 of exported graphs: what is integer, what it costs, and who is refused."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from models.compression.calibration import Calibration, CalibrationError
from models.compression.half import fp16
from models.compression.plain import plain_bytes
from models.compression.pt2e import Pt2eError, pt2e_int8
from models.compression.quantised import AlreadyQuantisedError
from models.compression.student import ViewModel

Make = Callable[[str], ViewModel]
Samples = Callable[..., Calibration]


def test_convolutions_are_integers_with_their_norms_inside(
    view_model: Make, samples: Samples
) -> None:
    module = view_model("image")
    before = {path: tensor.clone() for path, tensor in module.state_dict().items()}
    made = pt2e_int8(module, samples("image"))
    assert made.skipped == {}
    whole = [t for t in made.graph.state_dict().values() if t.dtype == torch.int8]
    wanted = [x.weight for x in module.modules() if isinstance(x, nn.Conv2d | nn.Linear)]
    assert sorted(t.numel() for t in whole) == sorted(w.numel() for w in wanted)
    # Convolution and norm become one: w * gamma / sqrt(variance + eps), Jacob et al., section 3.2.
    conv, norm = module.get_submodule("encoder.0"), module.get_submodule("encoder.1")
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    factor = norm.weight / (norm.running_var + norm.eps).sqrt()
    joint = conv.weight * factor[:, None, None, None]
    scale = joint.abs().amax((1, 2, 3), keepdim=True) / 127.5
    first = next(t for t in whole if t.shape == joint.shape)
    # Half an integer for rounding, and half for whether 127 or 127.5 scales reach to the largest.
    assert bool(((joint / scale - first).abs() <= 1).all())
    assert plain_bytes(made.graph) < 0.5 * plain_bytes(module)
    assert all(torch.equal(module.state_dict()[path], before[path]) for path in before)


@pytest.mark.slow  # traces twice
def test_answers_stay_close_for_any_batch(view_model: Make, samples: Samples) -> None:
    module = view_model("image")
    data = samples("image")
    graph = pt2e_int8(module, data).graph
    one, *_ = data.inputs
    every = torch.cat([inputs[0] for inputs in data.inputs])
    for pixels in (one[0], every):
        found, wanted = graph(pixels)[1], module(pixels)[1]
        cosine = F.cosine_similarity(found, wanted)
        assert bool((cosine > 0.99).all())
        assert not torch.equal(found, wanted)
    assert torch.equal(pt2e_int8(module, data).graph(every)[0], graph(every)[0])


def test_views_that_do_not_fit_are_refused(view_model: Make, samples: Samples) -> None:
    image = view_model("image")
    with pytest.raises(Pt2eError, match="view audio: takes mel, positions in 2 shapes"):
        pt2e_int8(view_model("audio"), samples("audio"))
    with pytest.raises(CalibrationError, match="1 samples"):
        pt2e_int8(image, samples("image", count=1))
    with pytest.raises(AlreadyQuantisedError, match="pt2e_int8: view image"):
        pt2e_int8(fp16(image, flags=()).module, samples("image"))


class Undecided(nn.Module):
    """Its work depends on the numbers it gets, which no graph can say."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        mean = pixels.mean((2, 3)).repeat(1, 11)[:, :32]
        return mean if bool(mean.sum() > 1) else -mean


def test_a_view_that_cannot_be_traced_is_named(view_model: Make, samples: Samples) -> None:
    image = view_model("image")
    image.encoder = Undecided()
    with pytest.raises(Pt2eError, match=r"view image cannot be traced: .*take torchao_int8"):
        pt2e_int8(image, samples("image"))
