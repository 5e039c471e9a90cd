import json

import pytest
import torch

from models.batches import SUBSETS, VIEWS
from models.multimodal import build
from models.spec import Spec, TowerSpec
from models.towers import Blocks, build_tower

ROWS = torch.arange(6)


def test_output_shapes_and_probabilities(model, examples):
    output = model.eval()(examples.batch(ROWS))
    assert output.log_probability.shape == (6, 3)
    torch.testing.assert_close(output.log_probability.exp().sum(1), torch.ones(6))
    assert output.experts.shape == (6, 4, 3)
    for vectors in output.vectors.values():
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(6))
    assert output.gates[0, 0] == 0  # row 0 has no picture


@pytest.mark.parametrize("subset", SUBSETS, ids="+".join)
def test_answers_with_any_subset_and_does_not_peek_at_the_rest(model, examples, subset):
    model.eval()
    batch = examples.batch(torch.arange(2, 8)).only(*subset)
    answer = model(batch).log_probability
    noise = {
        view: x if batch.present[:, i].any() or view == "text" else torch.randn_like(x.float())
        for i, (view, x) in enumerate(zip(VIEWS, batch.inputs.values(), strict=True))
    }
    peeking = model(type(batch)(noise, batch.present, batch.language)).log_probability
    torch.testing.assert_close(answer, peeking)
    assert not torch.isnan(answer).any()


def test_rows_do_not_see_each_other(model, examples):
    model.eval()
    together = model(examples.batch(ROWS)).log_probability
    alone = torch.cat([model(examples.batch(row[None])).log_probability for row in ROWS])
    torch.testing.assert_close(together, alone)


def test_spec_survives_json_and_gives_the_same_model(spec, model):
    read = Spec.of(json.loads(json.dumps(spec.plain())))
    assert read == spec
    again = build(read, seed=3)
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_a_wrong_spec_is_refused(spec):
    plain = spec.plain()
    with pytest.raises(ValueError, match="each name may come once"):
        Spec.of(plain | {"classes": ["food", "food"]})
    with pytest.raises(ValueError, match="exactly"):
        Spec.of(plain | {"towers": {"image": plain["towers"]["image"]}})
    with pytest.raises(TypeError, match="colour"):
        Spec.of(plain | {"colour": "red"})
    with pytest.raises(ValueError, match=r"tower 'vgg': allowed are blocks, chars"):
        build_tower(TowerSpec("vgg", {}), vocabulary=5)


def test_blocks_become_comparable():
    # Block one: signed roots (2, -1) over sqrt(5); block two: 3 / 3. Times sqrt(3 / 2).
    whole, detail = Blocks(sizes=[2, 1], names=0)(torch.tensor([[4.0, -1.0, 9.0]]))
    expected = torch.tensor([[2 / 5**0.5, -1 / 5**0.5, 1.0]]) * 1.5**0.5
    torch.testing.assert_close(whole, expected)
    assert whole is detail


def test_names_of_classes_add_their_mean_weighed_by_probability(spec, model):
    names = torch.tensor([[1.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    tower = build(spec, seed=3, class_names=names).views["image"].tower
    half = torch.tensor([[0.0] * 6 + [0.5, 0.5, 0.0, 0.0]])
    whole, _ = tower(half)
    # Mean of the names (0.5, 2, 0), signed roots, unit length, times sqrt(13 / 3).
    expected = torch.tensor([0.5**0.5, 2**0.5, 0.0]) / 2.5**0.5 * (13 / 3) ** 0.5
    torch.testing.assert_close(whole[0, 10:], expected)
    assert not model.views["image"].tower.names.any(), "zero until given or loaded"


@pytest.mark.parametrize(
    ("tower", "x"),
    [
        (
            TowerSpec("resnet", {"channels": [4, 8], "depths": [1, 1]}),
            torch.zeros(2, 3, 32, 32, dtype=torch.uint8),
        ),
        (
            TowerSpec(
                "conv", {"width": 8, "layers": 1, "segments": 2, "kernel": 3, "dropout": 0.0}
            ),
            torch.randn(2, 20, 80),
        ),
        (
            TowerSpec(
                "conformer",
                {"width": 8, "layers": 1, "heads": 2, "segments": 2, "kernel": 3, "dropout": 0.0},
            ),
            torch.randn(2, 20, 80),
        ),
        (
            TowerSpec("chars", {"embedding": 4, "channels": 4, "kernels": [1, 2], "width": 8}),
            torch.tensor([[2, 3, 0], [0, 0, 0]]),
        ),
        (
            TowerSpec(
                "spelling", {"width": 8, "layers": 1, "kernel": 3, "segments": 2, "dropout": 0.0}
            ),
            torch.tensor([[2, 3, 0], [0, 0, 0]]),
        ),
    ],
    ids=lambda value: value.name if isinstance(value, TowerSpec) else "",
)
def test_trained_towers_plug_in_by_name(tower, x):
    built = build_tower(tower, vocabulary=5)
    whole, detail = built(x)
    assert whole.shape == (2, built.whole)
    assert detail.shape == (2, built.detail)
    assert torch.isfinite(detail).all()
