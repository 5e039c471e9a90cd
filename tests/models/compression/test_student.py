import pytest
import torch
from torch import nn

from models.compression.student import ViewModel, example, in_parts, parameters
from models.multimodal import View
from models.towers import build_tower


def test_parts_say_what_the_whole_says(model, examples):
    model.eval()
    student = in_parts(model, settings={}, encoders={}, tokenizer=None)
    batch = examples.batch(torch.arange(6))
    whole = model(batch)
    for place, (view, module) in enumerate(student.views.items()):
        scores, vectors = module(batch.inputs[view])
        assert torch.equal(scores, whole.experts[:, place])
        assert torch.equal(vectors, whole.vectors[view])
    experts = torch.stack([student.views[v](batch.inputs[v])[0] for v in student.views], 1)
    fused, gates = student.fusion(experts, batch.present)
    assert torch.equal(fused, whole.log_probability)
    assert torch.equal(gates, whole.gates)
    assert not any(
        weight.requires_grad for m in student.views.values() for weight in m.parameters()
    )


def test_an_encoder_in_front_is_part_of_the_view(model):
    doubled = nn.Linear(8, 8, bias=False)
    doubled.weight.data.copy_(2 * torch.eye(8))
    student = in_parts(model.eval(), settings={}, encoders={"caption": doubled}, tokenizer=None)
    x = torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
    expected = model.views["caption"](2 * x)
    for ours, theirs in zip(student.views["caption"](x), expected, strict=True):
        assert torch.equal(ours, theirs)


def test_replacing_a_view_leaves_the_others(small_student, small_text):
    changed = small_student.with_view(small_text)
    assert changed.views["text"] is small_text
    assert changed.views["image"] is small_student.views["image"]
    assert small_student.with_view(changed.views["audio"]).views == small_student.views


@pytest.mark.parametrize(
    ("view", "names"),
    [
        ("image", ("content",)),
        ("caption", ("ids", "mask")),
        ("text", ("letters",)),
        ("audio", ("mel", "positions")),
    ],
)
def test_examples_fit_their_views(small_student, view, names):
    module = small_student.views[view]
    assert module.inputs == names
    for batch in (1, 3):
        given = example(module, small_student, batch=batch)
        assert len(given) == len(names)
        scores, vectors = (
            module(*given[: len(names)])
            if view != "audio"
            else module(given[0][..., :40], given[1].clamp(max=20))
        )
        assert scores.shape == (batch, 3)
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(batch))


def test_numbers_are_counted_once_with_floating_buffers():
    # 3 x 2 + 2 of the layer, shared twice; 4 x 2 of the norm with its mean and deviation (its
    # counter is an integer and does not count).
    layer = nn.Linear(3, 2)
    assert parameters(nn.ModuleList([layer, layer, nn.BatchNorm1d(2)])) == 8 + 8


def test_an_unknown_view_is_refused(small_spec):
    tower = build_tower(small_spec.towers["text"], vocabulary=8)
    with pytest.raises(ValueError, match="view='smell': allowed are image, caption, text, audio"):
        ViewModel(view="smell", encoder=None, head=View(tower, small_spec))
