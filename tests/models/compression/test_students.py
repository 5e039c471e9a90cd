from dataclasses import replace

import pytest
import torch

from models.compression.calibration import Calibration, ask, kinds, samples
from models.compression.distil_losses import DistilWeights
from models.compression.distillation import distil
from models.compression.reload import numbers, reload
from models.compression.student import example, parameters
from models.compression.students import Sizes, int8_bytes, tiny_student

SIZES = Sizes(
    image_pixels=48,
    image={"channels": [16, 32, 64, 96], "depths": [1, 1, 1, 1]},
    caption={"embedding": 32, "channels": 48, "kernels": [1, 2, 3, 4], "width": 128},
    text={"width": 64, "layers": 2, "kernel": 3, "segments": 8, "dropout": 0.1},
    audio={"width": 64, "layers": 3, "kernel": 9, "segments": 8, "dropout": 0.1},
    hidden=96,
    dropout=0.1,
)


@pytest.fixture
def tiny(small_student):
    wide = replace(small_student.spec, width=256, characters="".join(map(chr, range(300, 600))))
    return tiny_student(replace(small_student, spec=wide), SIZES, seed=3)


def test_all_five_parts_fit_a_microcontroller(tiny):
    assert int8_bytes(tiny) < 700_000
    # The caption view by hand: letters, four kernels, what joins them; expert; projection.
    kernels = sum(32 * 48 * kernel + 48 for kernel in (1, 2, 3, 4))
    encoder = 302 * 32 + kernels + 2 * 4 * 48 * 128 + 128
    head = 128 * 3 + 3 + 2 * 128 + 128 * 96 + 96 + 96 * 256 + 256
    assert parameters(tiny.views["caption"]) == encoder + head


@pytest.mark.parametrize("view", ["image", "caption", "text", "audio"])
def test_views_answer_in_the_teachers_width(tiny, view):
    module = tiny.views[view]
    scores, vectors = module(*example(module, tiny))
    assert scores.shape == (2, 3)
    assert vectors.shape == (2, 256)
    assert list(kinds(module)) == list(module.inputs)
    again = reload(module, module.state_dict(), numbers(module))
    assert torch.equal(again(*example(module, tiny))[0], scores)


def test_the_seed_decides_the_weights(small_student, tiny):
    first, same, other = (tiny_student(small_student, SIZES, seed=seed) for seed in (1, 1, 2))
    name = "head.expert.1.weight"
    for view in tiny.views:
        weights = [s.views[view].state_dict()[name] for s in (first, same, other)]
        assert torch.equal(weights[0], weights[1])
        assert not torch.equal(weights[0], weights[2])


def test_padding_after_a_clip_changes_nothing(tiny):
    frames = torch.randn(1, 30, 80, generator=torch.Generator().manual_seed(1))
    padded = torch.nn.functional.pad(frames, (0, 0, 0, 25))
    for alone, beside in zip(tiny.views["audio"](frames), tiny.views["audio"](padded), strict=True):
        torch.testing.assert_close(alone, beside)


def test_a_student_learns_from_nothing(small_student):
    # Bright pictures and dark ones: a teacher that tells them apart, a student with new weights.
    student = tiny_student(small_student, replace(SIZES, image_pixels=16), seed=1)
    generator = torch.Generator().manual_seed(2)
    bright = torch.arange(24) % 2
    pictures = (
        torch.rand(24, 3, 16, 16, generator=generator) * 60 + 150 * bright[:, None, None, None]
    )
    teacher = torch.nn.functional.one_hot(bright, 3).float() * 8
    vectors = torch.nn.functional.normalize(torch.randn(3, 8, generator=generator))[bright]
    from models.compression.answers import Answers

    calibration = Calibration("image", samples(pictures), None, Answers(teacher, vectors))
    found = distil(
        student.views["image"],
        calibration,
        validation=None,
        teacher=None,
        train="all",
        weights=DistilWeights(logits=1.0, features=0.0, attention=0.0, hard=0.0, vectors=1.0),
        temperature=1.0,
        epochs=12,
        batch_size=8,
        learning_rate=5e-3,
        weight_decay=0.01,
        average=0.8,
        seed=1,
    )
    answer = ask(found, calibration)
    assert torch.equal(answer.scores.argmax(1), bright)
    assert (answer.vectors * vectors).sum(1).mean() > 0.9


def test_sizes_that_make_no_student_are_refused(small_student):
    with pytest.raises(ValueError, match="image_pixels=8: at least 16"):
        replace(SIZES, image_pixels=8)
    even = replace(SIZES, audio={**SIZES.audio, "kernel": 4})
    with pytest.raises(ValueError, match="kernel=4: must be odd"):
        tiny_student(small_student, even, seed=1)
