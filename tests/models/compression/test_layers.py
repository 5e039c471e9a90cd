import pytest
import torch

from models.compression.calibration import ask
from models.compression.layers import keep_layers, stack
from models.compression.reload import numbers, reload


@pytest.mark.parametrize(
    ("keep", "which", "expected"),
    [
        (3, "even", [1, 3, 5]),
        (4, "even", [0, 2, 3, 5]),
        (1, "even", [5]),
        (6, "even", [0, 1, 2, 3, 4, 5]),
        (2, "first", [0, 1]),
        ([0, 4], "first", [0, 4]),
    ],
)
def test_the_right_blocks_stay(small_caption, keep, which, expected):
    before = [layer.output.dense.weight for layer in stack(small_caption)[1]]
    after = stack(keep_layers(small_caption, keep=keep, which=which))[1]
    assert len(stack(small_caption)[1]) == 6  # unchanged
    assert len(after) == len(expected)
    for layer, index in zip(after, expected, strict=True):
        assert torch.equal(layer.output.dense.weight, before[index])


@pytest.mark.parametrize("view", ["caption", "audio", "text"])
def test_keeping_all_changes_nothing(small_student, small_samples, view):
    module, calibration = small_student.views[view], small_samples[view]
    same = keep_layers(module, keep=len(stack(module)[1]), which="even")
    torch.testing.assert_close(ask(same, calibration).scores, calibration.targets.scores)


@pytest.mark.parametrize("view", ["audio", "text"])  # BERT's blocks end in a norm
def test_a_dropped_block_that_added_nothing_is_not_missed(small_student, small_samples, view):
    # A residual block whose outgoing weights are zero is the identity in a pre-norm network.
    module = small_student.views[view]
    _, blocks = stack(module)
    silent = [blocks[1].filter] if view == "text" else [blocks[1].attention_out, blocks[1].feed_out]
    for layer in silent:
        layer.weight.zero_()
        layer.bias.zero_()
    kept = [index for index in range(len(blocks)) if index != 1]
    shorter = keep_layers(module, keep=kept, which="first")
    expected = ask(module, small_samples[view])
    torch.testing.assert_close(ask(shorter, small_samples[view]).vectors, expected.vectors)


def test_minilm_answers_with_its_last_layer_and_the_one_at_two_thirds(small_caption, small_samples):
    # With 3 layers left: the last, and (3 x 2) // 3 = the second; by hand, through the layers.
    shorter = keep_layers(small_caption, keep=3, which="first")
    ids, mask = small_samples["caption"].inputs[0]
    x = shorter.encoder.bert.embeddings(input_ids=ids)
    hidden = []
    for layer in shorter.encoder.bert.encoder.layer:
        x = layer(x)
        hidden.append(x.mean(1))
    torch.testing.assert_close(shorter.encoder(ids, mask), torch.cat([hidden[2], hidden[1]], 1))


@pytest.mark.parametrize("view", ["caption", "audio", "text"])
def test_round_trip_by_shapes(small_student, small_samples, view):
    module = small_student.views[view]
    shorter = keep_layers(module, keep=1, which="even")
    again = reload(module, shorter.state_dict(), numbers(shorter))
    ours, theirs = ask(again, small_samples[view]), ask(shorter, small_samples[view])
    assert torch.equal(ours.scores, theirs.scores)
    assert torch.equal(ours.vectors, theirs.vectors)


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (0, "must be from 1 to 6"),
        (7, "must be from 1 to 6"),
        ([], "from 0 to 5"),
        ([1, 1], "each once"),
        ([3, 1], "rising"),
        ([0, 6], "from 0 to 5"),
        ([-1], "from 0 to 5"),
    ],
)
def test_impossible_choices_are_refused(small_caption, keep, said):
    with pytest.raises(ValueError, match=said):
        keep_layers(small_caption, keep=keep, which="even")


def test_a_view_without_a_stack_is_refused(small_image):
    with pytest.raises(ValueError, match="view image: it has no stack"):
        keep_layers(small_image, keep=1, which="first")
