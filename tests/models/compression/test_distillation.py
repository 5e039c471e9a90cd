import copy
import math

import pytest
import torch
from torch import nn

from models.compression.answers import Answers
from models.compression.attention_maps import attention_loss, watched
from models.compression.calibration import Calibration, CalibrationError, ask, samples
from models.compression.distil_losses import DistilWeights, apart, feature_error, soft_scores
from models.compression.distillation import distil
from models.compression.layers import keep_layers
from models.losses import DivergedError

OUTER = DistilWeights(logits=1.0, features=0.0, attention=0.0, hard=0.0, vectors=1.0)
SETTINGS = {
    "validation": None,
    "teacher": None,
    "train": "head",
    "weights": OUTER,
    "temperature": 2.0,
    "epochs": 3,
    "batch_size": 4,
    "learning_rate": 3e-3,
    "weight_decay": 0.01,
    "average": 0.5,
    "seed": 1,
}


def test_softened_scores_by_hand():
    # Temperature 2: the teacher's (2 ln 3, 0) soften to (3/4, 1/4), the student's to (1/2, 1/2).
    teacher = torch.tensor([[2 * math.log(3), 0.0]])
    expected = 4 * (0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5))
    found = soft_scores(torch.zeros(1, 2), teacher, temperature=2.0)
    assert found.item() == pytest.approx(expected, rel=1e-5)
    # Hot scores give the gradient of matching logits (Hinton et al. 2015, section 2.1).
    student = torch.tensor([[0.3, -0.1, 0.2]], requires_grad=True)
    target = torch.tensor([[0.1, 0.4, -0.2]])
    soft_scores(student, target, temperature=1e3).backward()
    centred = (student - student.mean()) - (target - target.mean())
    torch.testing.assert_close(student.grad, centred.detach() / 3, rtol=1e-2, atol=1e-4)


def test_vectors_and_features_by_hand():
    left = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    right = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    assert apart(left, right).item() == pytest.approx(0.5)  # cosines 0 and 1
    assert feature_error(torch.zeros(3, 5), torch.full((3, 5), 7.0)).item() == pytest.approx(1.0)


def test_attention_is_what_torchs_own_module_says():
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(128, 2, batch_first=True).eval()
    from models.compression.student import ViewModel
    from models.encoders.audio_whisper import WhisperEncoder

    encoder = WhisperEncoder(width=128, layers=1, positions=9).eval()
    encoder.blocks[0].query_key_value.weight.data.copy_(theirs.in_proj_weight)
    encoder.blocks[0].query_key_value.bias.data.copy_(theirs.in_proj_bias)
    module = ViewModel.__new__(ViewModel)
    nn.Module.__init__(module)
    module.view, module.encoder = "audio", encoder
    with torch.no_grad(), watched(module) as seen:
        seen_inputs = []
        encoder.blocks[0].query_key_value.register_forward_pre_hook(
            lambda _, given: seen_inputs.append(given[0])
        )
        encoder(torch.randn(2, 80, 18))
    x = seen_inputs[0]
    _, expected = theirs(x, x, x, need_weights=True, average_attn_weights=True)
    torch.testing.assert_close(seen.logarithm(None).exp(), expected)


def test_attention_ignores_padding(small_caption, small_samples):
    ids, mask = small_samples["caption"].inputs[0]
    padded = nn.functional.pad(ids, (0, 4), value=1)
    with torch.no_grad():
        with watched(small_caption) as alone:
            small_caption(ids, mask)
        with watched(small_caption) as beside:
            real = nn.functional.pad(mask, (0, 4))
            small_caption(padded, real)
        short, long = alone.logarithm(mask), beside.logarithm(real)
        torch.testing.assert_close(long[:, :3, :3], short, rtol=1e-4, atol=1e-5)
        assert attention_loss(beside, beside, real).item() == pytest.approx(0, abs=1e-6)


def learned(module, calibration, **changed):
    return distil(module, calibration, **{**SETTINGS, **changed})


def gap(module, calibration) -> float:
    found = ask(module, calibration)
    scores = soft_scores(found.scores, calibration.targets.scores, temperature=2.0)
    return float(scores + apart(found.vectors, calibration.targets.vectors))


@pytest.mark.parametrize("view", ["image", "caption", "text", "audio"])
@pytest.mark.parametrize("train", ["head", "all"])
def test_a_broken_copy_learns_what_its_teacher_says(small_student, small_samples, view, train):
    calibration = small_samples[view]
    broken = copy.deepcopy(small_student.views[view])
    with torch.no_grad():
        broken.head.expert[1].weight.mul_(-1)
        broken.head.project[5].weight.mul_(-1)
    before = {name: value.clone() for name, value in broken.state_dict().items()}
    better = learned(broken, calibration, train=train, epochs=25, learning_rate=1e-2)
    assert gap(better, calibration) < 0.5 * gap(broken, calibration)
    for name, value in broken.state_dict().items():
        assert torch.equal(value, before[name]), name  # the input is unchanged
    if train == "head" and better.encoder is not None:
        for name, value in better.encoder.state_dict().items():
            assert torch.equal(value, before[f"encoder.{name}"]), name
    assert not better.training
    assert not any(weight.requires_grad for weight in better.parameters())


@pytest.mark.parametrize("view", ["caption", "audio"])
def test_features_and_attention_of_the_teacher_are_learned(small_student, small_samples, view):
    teacher, calibration = small_student.views[view], small_samples[view]
    shorter = keep_layers(teacher, keep=2, which="first")

    def attention_gap(module) -> float:
        total = 0.0
        with torch.no_grad(), watched(module) as ours, watched(teacher) as theirs:
            for inputs in calibration.inputs:
                module(*inputs)
                teacher(*inputs)
                total += attention_loss(ours, theirs, None).item()
        return total

    inner = DistilWeights(logits=0.0, features=1.0, attention=50.0, hard=0.0, vectors=0.0)
    losses = []
    found = learned(
        shorter,
        calibration,
        teacher=teacher,
        train="all",
        weights=inner,
        epochs=15,
        on_epoch=lambda taught: losses.append(taught.training),
    )
    assert losses[-1] < 0.8 * losses[0]
    assert attention_gap(found) < attention_gap(shorter)


def test_labels_teach_too(small_text, small_samples):
    hard = DistilWeights(logits=0.0, features=0.0, attention=0.0, hard=1.0, vectors=0.0)
    calibration = small_samples["text"]
    found = learned(
        small_text, calibration, weights=hard, epochs=60, learning_rate=3e-2, train="all"
    )
    right = ask(found, calibration).scores.argmax(1) == calibration.label
    assert right.sum() >= 11  # of 12; a third would be chance


def test_the_same_seed_gives_the_same_bytes(small_audio, small_samples):
    first, again, other = (
        learned(small_audio, small_samples["audio"], seed=seed, train="all").state_dict()
        for seed in (1, 1, 2)
    )
    state = torch.get_rng_state()
    learned(small_audio, small_samples["audio"])
    assert torch.equal(state, torch.get_rng_state())  # torch's own RNG is left alone
    for name, value in first.items():
        assert torch.equal(value, again[name]), name
    assert not torch.equal(first["head.expert.1.weight"], other["head.expert.1.weight"])


def test_the_best_epoch_wins_and_the_start_counts(small_text, small_samples):
    # The start already says what the teacher says: every epoch with a huge rate is worse.
    calibration = small_samples["text"]
    found = []
    kept = learned(
        small_text, calibration, validation=calibration, learning_rate=0.3, on_epoch=found.append
    )
    assert [taught.epoch for taught in found] == [1, 2, 3]
    assert min(taught.validation for taught in found) > 1e-3
    assert torch.equal(ask(kept, calibration).scores, ask(small_text, calibration).scores)


def test_pruned_weights_stay_zero(small_caption, small_samples):
    with torch.no_grad():
        weight = small_caption.head.project[2].weight
        weight[weight.abs() < 0.05] = 0
    calibration = small_samples["caption"].take(range(12))
    found = learned(small_caption, calibration, weights=OUTER, epochs=5, learning_rate=1e-2)
    after = found.head.project[2].weight
    assert bool((after[weight == 0] == 0).all())
    assert not torch.equal(after, weight)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"temperature": 0.0}, "temperature=0.0: must be above 0"),
        ({"train": "tail"}, "train='tail': allowed are 'head' and 'all'"),
        ({"weights": DistilWeights(1, 1, 0, 0, 0)}, "weights.features=1: needs the teacher"),
        ({"weights": DistilWeights(1, 0, 2, 0, 0)}, "weights.attention=2: needs the teacher"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    small_caption, small_samples, changed, said
):
    with pytest.raises(ValueError, match=said):
        learned(small_caption, small_samples["caption"], **changed)


def test_inner_losses_behind_a_frozen_encoder_are_refused(small_caption, small_samples):
    for weights in (DistilWeights(1, 1, 0, 0, 0), DistilWeights(1, 0, 1, 0, 0)):
        with pytest.raises(ValueError, match="nothing that could follow it"):
            learned(small_caption, small_samples["caption"], weights=weights, teacher=small_caption)


def test_a_view_without_attention_is_refused(small_image, small_samples):
    with pytest.raises(ValueError, match="view image: it has no attention"):
        learned(
            small_image,
            small_samples["image"],
            weights=DistilWeights(1, 0, 1, 0, 0),
            teacher=small_image,
            train="all",
        )


def test_weights_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="all are 0"):
        DistilWeights(0, 0, 0, 0, 0)
    with pytest.raises(ValueError, match=r"weights\.hard=-1: must be 0 or more"):
        DistilWeights(1, 0, 0, -1, 0)


def test_samples_that_say_too_little_are_refused(small_text, small_samples):
    full = small_samples["text"]
    with pytest.raises(CalibrationError, match="no targets; ask the teacher"):
        learned(small_text, Calibration("text", full.inputs, full.label, None))
    with pytest.raises(CalibrationError, match="have no labels"):
        learned(
            small_text,
            Calibration("text", full.inputs, None, full.targets),
            weights=DistilWeights(1, 0, 0, 1, 0),
        )
    with pytest.raises(CalibrationError, match="1 samples"):
        learned(small_text, full.take([0]))
    narrow = Answers(full.targets.scores, full.targets.vectors[:, :5])
    with pytest.raises(CalibrationError, match="vectors are 8 wide, the teacher's 5"):
        learned(small_text, Calibration("text", full.inputs, None, narrow))


def test_a_loss_that_is_no_number_stops(small_image):
    given = samples(torch.full((4, 3, 16, 16), 3e38))
    targets = Answers(torch.full((4, 3), math.nan), torch.ones(4, 8))
    with pytest.raises(DivergedError, match="step 0"):
        learned(small_image, Calibration("image", given, None, targets), train="all")
