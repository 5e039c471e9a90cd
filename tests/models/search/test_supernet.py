import math

import pytest
import torch
from torch.nn import functional as F

from models.compression.answers import Answers
from models.multimodal import View
from models.search.supernet import Described, Drop, Settings, Supernet, teach
from models.towers import Segments

VARIANTS, HIDDEN = ["1", "2"], [4, 8, 16]
SETTINGS = Settings(
    steps=40,
    batch_size=16,
    subnets=2,
    learning_rate=1e-2,
    weight_decay=0.0,
    dropout=0.1,
    smoothing=0.0,
    temperature=2.0,
    sharpness=10.0,
    vectors=1.0,
)


@pytest.fixture
def tower():
    return Segments(segments=2, width=5)


@pytest.fixture
def net(spec):
    torch.manual_seed(0)
    classes = len(spec.classes)
    return Supernet(
        variants=VARIANTS, hidden=HIDDEN, whole=5, detail=10, classes=classes, width=spec.width
    )


@pytest.fixture
def lesson():
    """48 contents of 3 classes, which the second variant shows more clearly than the first."""
    generator = torch.Generator().manual_seed(1)
    label = torch.arange(48) % 3
    centres = 2 * torch.randn(3, 10, generator=generator)
    clean = centres[label] + 0.3 * torch.randn(48, 10, generator=generator)
    noise = 0.5 * torch.randn(48, 10, generator=generator)
    described = {
        name: Described(x.view(48, 2, 5).mean(1), x)
        for name, x in {"1": clean + noise, "2": clean}.items()
    }
    wanted = F.normalize(torch.randn(3, 8, generator=generator), dim=1)
    targets = Answers(6.0 * F.one_hot(label, 3).float(), wanted[label])
    return described, label, targets


def run(net, lesson, seed=3):
    described, label, targets = lesson
    return teach(net, described, label_K=label, targets=targets, settings=SETTINGS, seed=seed)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_subnet_taken_out_answers_as_it_did_inside(net, lesson, tower, spec, variant, hidden):
    run(net, lesson)
    content = lesson[0][variant].detail.view(48, 2, 5)
    alone = net.subnet(variant, hidden, tower=tower, spec=spec)
    assert isinstance(alone, View)
    assert sum(p.numel() for p in alone.project.parameters()) == (
        2 * 10 + (10 + 1) * hidden + (hidden + 1) * spec.width  # norm, first layer, last layer
    )
    scores, vectors = alone(content)
    inside = net.answers(variant, hidden, Described(*tower(content)))
    torch.testing.assert_close(scores, inside.scores)
    torch.testing.assert_close(vectors, inside.vectors)


def test_a_subnet_is_a_copy(net, tower, spec):
    alone = net.subnet("1", 4, tower=tower, spec=spec)
    before = alone.project[2].weight.clone()
    with torch.no_grad():
        net.first.weight.zero_()
    assert torch.equal(alone.project[2].weight, before)


def test_the_widest_subnet_of_a_head_is_that_head(net, tower, spec):
    """Sorting hidden units changes no answer: a sum does not depend on its order."""
    torch.manual_seed(5)
    head = View(tower, spec).eval()
    net.start_from(head)
    x = torch.randn(6, 2, 5)
    for variant in VARIANTS:
        found = net.subnet(variant, 16, tower=tower, spec=spec)(x)
        for ours, theirs in zip(found, head(x), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_the_units_that_stay_are_those_that_matter(net, tower, spec):
    head = View(tower, spec).eval()
    with torch.no_grad():
        head.project[2].weight[[3, 7, 9, 11]] *= 100
    net.start_from(head)
    kept = {tuple(row) for row in net.first.weight[:4].tolist()}
    assert kept == {tuple(row) for row in head.project[2].weight[[3, 7, 9, 11]].tolist()}


def test_all_subnets_learn_the_teachers_answers(net, lesson):
    described, label, targets = lesson
    run(net, lesson)
    for variant in VARIANTS:
        for hidden in HIDDEN:
            found = net.answers(variant, hidden, described[variant])
            # Five standard errors above chance: 1/3 right of 48, and a mean cosine of 0 of
            # vectors of 8 numbers.
            right = float((found.scores.argmax(1) == label).double().mean())
            assert right > 1 / 3 + 5 * math.sqrt(2 / 9 / 48)
            cosine = float((found.vectors * targets.vectors).sum(1).mean())
            assert cosine > 5 / math.sqrt(8 * 48)


def test_contents_without_a_class_are_no_obstacle(net, lesson):
    described, label, targets = lesson
    curve = run(net, (described, torch.full_like(label, -1), targets))
    assert math.isfinite(curve[-1])
    assert curve[-1] < curve[0]


def test_same_seed_same_weights(spec, lesson):
    made = []
    for seed in (3, 3, 4):
        torch.manual_seed(0)
        net = Supernet(
            variants=VARIANTS, hidden=HIDDEN, whole=5, detail=10, classes=3, width=spec.width
        )
        torch.manual_seed(100 + len(made))  # the global state must not matter
        run(net, lesson, seed)
        made.append(net.state_dict())
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])
    assert any(not torch.equal(made[0][name], made[2][name]) for name in made[0])


def test_dropout_keeps_the_mean_and_hides_its_share():
    drop = Drop(share=0.25, generator=torch.Generator().manual_seed(0))
    dropped = drop(torch.ones(100_000))
    # A hidden unit is 0, any other 1 / 0.75; five standard errors of a share of 0.25.
    assert abs(float((dropped == 0).double().mean()) - 0.25) < 5 * math.sqrt(0.25 * 0.75 / 1e5)
    assert sorted(dropped.unique().tolist()) == pytest.approx([0.0, 1 / 0.75])


def test_wrong_choices_are_refused(net, lesson, tower, spec):
    with pytest.raises(ValueError, match=r"variant '3': allowed are 1, 2"):
        net.subnet("3", 4, tower=tower, spec=spec)
    with pytest.raises(ValueError, match=r"hidden=5: allowed are \[4, 8, 16\]"):
        net.answers("1", 5, lesson[0]["1"])
    with pytest.raises(ValueError, match=r"hidden=\[8, 4\]: rising widths"):
        Supernet(variants=["1"], hidden=[8, 4], whole=5, detail=10, classes=3, width=8)
    wide = Supernet(variants=["1"], hidden=[32], whole=5, detail=10, classes=3, width=8)
    with pytest.raises(ValueError, match="the trained head has 16 units"):
        wide.start_from(View(tower, spec))
    with pytest.raises(ValueError, match=r"described by \['1'\].*exactly \['1', '2'\]"):
        run(net, ({"1": lesson[0]["1"]}, lesson[1], lesson[2]))
