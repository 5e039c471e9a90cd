"""Half precision: what is stored, what computes, and what a processor without it is told."""

from collections.abc import Callable

import pytest
import torch

from models.compression.calibration import Calibration
from models.compression.half import Stored, bf16, fp16, wake
from models.compression.plain import plain_bytes
from models.compression.quantised import AlreadyQuantisedError, Quantised, memory_bytes
from models.compression.reload import numbers, reload
from models.compression.student import ViewModel

Make = Callable[[str], ViewModel]
Samples = Callable[..., Calibration]

FORMATS = {"float16": (fp16, "avx512_fp16", 2.0**-10), "bfloat16": (bf16, "avx512_bf16", 2.0**-7)}
"""Name to technique, a flag of processors that have it, and the distance from 1 to the next number:
10 and 7 bits of mantissa (IEEE 754-2008, table 3.5; Kalamkar et al. 2019, section 2)."""


def quantised(name: str, module: ViewModel, *, native: bool) -> Quantised:
    technique, flag, _ = FORMATS[name]
    return technique(module, flags=("avx2", flag) if native else ("avx2",))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("view", ["image", "audio"])
def test_state_dict_is_half_and_off_by_half_an_eps(name: str, view: str, view_model: Make) -> None:
    module = view_model(view)
    state = quantised(name, module, native=False).module.state_dict()
    eps = FORMATS[name][2]
    assert list(state) == list(module.state_dict())
    for path, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            assert torch.equal(state[path], tensor)
            continue
        assert str(state[path].dtype) == f"torch.{name}"
        # Round to nearest: relative error at most eps / 2; below the normal range, absolute.
        error = (state[path].float() - tensor).abs()
        assert bool((error <= eps / 2 * tensor.abs() + 2.0**-25).all()), path


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("view", ["image", "audio"])
def test_answers_stay_close(
    name: str, view: str, native: bool, view_model: Make, samples: Samples
) -> None:
    module = view_model(view)
    found = quantised(name, module, native=native).module
    eps = FORMATS[name][2]
    for inputs in samples(view, count=4).inputs:
        for got, wanted in zip(found(*inputs), module(*inputs), strict=True):
            assert got.dtype == torch.float32
            # Some ten layers, each off by at most eps / 2 in weights and eps / 2 in activations.
            assert torch.dist(got, wanted) <= 10 * eps * wanted.norm()
        assert found(*inputs)[1].norm().item() == pytest.approx(1, abs=1e-6)


def test_without_the_instructions_it_says_what_happens(view_model: Make) -> None:
    module = view_model("audio")
    done = quantised("bfloat16", module, native=False)
    assert len(done.notes) == 1
    assert "bfloat16: this processor has none of avx512_bf16" in done.notes[0]
    assert "computed with in float32" in done.notes[0]
    assert memory_bytes(done.module) == memory_bytes(module)
    assert {tensor.dtype for tensor in done.module.parameters()} == {torch.float32}
    # All of its tensors are floats, so 2 bytes for 4.
    assert plain_bytes(done.module) * 2 == plain_bytes(module)


def test_with_the_instructions_matrices_are_half_in_memory(view_model: Make) -> None:
    module = view_model("audio")
    done = quantised("bfloat16", module, native=True)
    assert done.notes == ()
    assert memory_bytes(done.module) < 0.6 * memory_bytes(module)
    linear = done.module.get_parameter("encoder.encoder.blocks.0.feed_in.weight")
    assert linear.dtype == torch.bfloat16
    norm = done.module.get_parameter("encoder.encoder.blocks.0.feed_norm.weight")
    assert norm.dtype == torch.float32


def test_what_float16_cannot_hold_stays_as_it_is(view_model: Make) -> None:
    module = view_model("image")
    buffer = module.get_buffer("encoder.1.running_var")
    buffer[0] = 1e5  # above 65504, the largest float16 (IEEE 754-2008)
    done = quantised("float16", module, native=False)
    assert done.skipped == {"encoder.1.running_var": "holds values beyond float16"}
    kept = done.module.state_dict()["encoder.1.running_var"]
    assert torch.equal(kept, buffer)
    assert quantised("bfloat16", module, native=False).skipped == {}


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_comes_back_from_its_tensors(
    name: str, native: bool, view_model: Make, samples: Samples
) -> None:
    module = view_model("image")
    flags = (FORMATS[name][1],) if native else ()
    stored = quantised(name, module, native=native).module
    read = reload(module, stored.state_dict(), numbers(stored))
    assert isinstance(read, ViewModel)
    woken = wake(read, flags=flags)
    assert isinstance(woken.module, Stored)
    assert bool(woken.notes) is not native
    for inputs in samples("image", count=2).inputs:
        for got, wanted in zip(woken.module(*inputs), stored(*inputs), strict=True):
            assert torch.equal(got, wanted)
    for path, tensor in woken.module.state_dict().items():
        assert torch.equal(tensor, stored.state_dict()[path])


def test_the_given_module_is_unchanged(view_model: Make) -> None:
    module = view_model("audio")
    before = {path: tensor.clone() for path, tensor in module.state_dict().items()}
    fp16(module, flags=("avx512_fp16",))
    assert all(torch.equal(module.state_dict()[path], before[path]) for path in before)


def test_twice_is_refused(view_model: Make) -> None:
    stored = fp16(view_model("image"), flags=()).module
    with pytest.raises(
        AlreadyQuantisedError,
        match=r"bf16: view image, encoder\.0\.weight is float16 already: start from the module",
    ):
        bf16(stored, flags=())


def test_only_halves_can_be_woken(view_model: Make) -> None:
    with pytest.raises(ValueError, match="view image: no tensor in half precision"):
        wake(view_model("image"), flags=())
