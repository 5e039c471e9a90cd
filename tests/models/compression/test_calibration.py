import pytest
import torch

from models.compression.answers import Answers
from models.compression.calibration import Calibration, CalibrationError, ask, samples

VIEWS = ("image", "caption", "text", "audio")


@pytest.mark.parametrize("view", VIEWS)
def test_samples_of_the_view_pass(small_student, small_samples, view):
    small_samples[view].check(small_student.views[view])


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_samples_are_refused(small_text, small_samples, count):
    few = small_samples["text"].take(range(count))
    with pytest.raises(
        CalibrationError, match=rf"view text: {count} samples .* at least 2 .* raise"
    ):
        few.check(small_text)


def test_another_view_is_refused(small_text, small_samples):
    with pytest.raises(CalibrationError, match="view text: the calibration data is of view audio"):
        small_samples["audio"].check(small_text)


@pytest.mark.parametrize(
    ("view", "sample", "said"),
    [
        ("image", (torch.zeros(1, 80, 30),), r"content is of shape \(1, 80, 30\), not pixels"),
        ("image", (torch.zeros(1, 1, 16, 16),), r"\(1, 3, any, any\)"),
        (
            "caption",
            (torch.ones(1, 3, dtype=torch.long),),
            "has 1 inputs: it takes ids .* and mask",
        ),
        ("caption", (torch.ones(1, 3), torch.ones(1, 3)), "ids holds float32.* integers"),
        ("text", (torch.zeros(1, 3, 16, 16),), r"letters is of shape \(1, 3, 16, 16\)"),
        ("text", (torch.ones(2, 6, dtype=torch.long),), r"\(2, 6\), not letter ids \(1, any\)"),
        ("audio", (torch.zeros(1, 79, 30), torch.tensor([9])), r"not mel frames \(1, 80, any\)"),
        ("audio", (torch.zeros(1, 80, 0), torch.tensor([9])), "give samples of this view"),
        ("audio", (torch.full((1, 80, 30), torch.nan), torch.tensor([9])), "NaN"),
    ],
)
def test_the_wrong_modality_is_refused_by_name(small_student, small_samples, view, sample, said):
    good = small_samples[view].inputs[0]
    wrong = Calibration(view, [good, sample], None, None)
    with pytest.raises(CalibrationError, match=said) as refused:
        wrong.check(small_student.views[view])
    assert f"view {view}: sample 1" in str(refused.value)


def test_labels_and_targets_must_be_as_many(small_samples):
    inputs = small_samples["text"].inputs
    with pytest.raises(CalibrationError, match="2 labels for 12 samples"):
        Calibration("text", inputs, torch.tensor([0, 1]), None)
    with pytest.raises(CalibrationError, match="1 targets for 12 samples"):
        Calibration("text", inputs, None, Answers(torch.zeros(1, 3), torch.zeros(1, 8)))


def test_answers_come_in_the_order_of_the_samples(small_caption, small_samples):
    found = ask(small_caption, small_samples["caption"], batch_size=4)
    for row, inputs in enumerate(small_samples["caption"].inputs):
        scores, vectors = small_caption(*inputs)
        torch.testing.assert_close(found.scores[row : row + 1], scores)
        torch.testing.assert_close(found.vectors[row : row + 1], vectors)


def test_batches_hold_each_sample_once_and_one_shape_each(small_samples):
    calibration = small_samples["audio"]
    for generator in (None, torch.Generator().manual_seed(3)):
        rows = []
        for found, (mel, positions) in calibration.batches(3, generator=generator):
            assert len(found) == len(mel) == len(positions) <= 3
            for place, row in enumerate(found.tolist()):
                assert torch.equal(mel[place], calibration.inputs[row][0][0])
            rows += found.tolist()
        assert sorted(rows) == list(range(12))


def test_taking_some_keeps_what_belongs_to_them(small_samples):
    some = small_samples["image"].take([3, 1])
    assert torch.equal(some.inputs[0][0], small_samples["image"].inputs[3][0])
    assert torch.equal(some.label, small_samples["image"].label[[3, 1]])
    assert torch.equal(some.targets.vectors, small_samples["image"].targets.vectors[[3, 1]])


def test_joined_inputs_come_apart():
    parts = samples(torch.arange(6).view(3, 2), torch.tensor([7, 8, 9]))
    assert [(a.tolist(), b.tolist()) for a, b in parts] == [
        ([[0, 1]], [7]),
        ([[2, 3]], [8]),
        ([[4, 5]], [9]),
    ]
