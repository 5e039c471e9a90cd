import pytest
import torch

from models.fusion import GatedProduct, drop_modalities

SCORES = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(0))
ALL = torch.ones(5, 4, dtype=torch.bool)


@pytest.fixture
def fusion() -> GatedProduct:
    return GatedProduct(trust=[1.0] * 4, classes=3)


def test_an_untrained_fusion_is_the_product_of_probabilities(fusion):
    fused, gates = fusion(SCORES, ALL)
    product = SCORES.softmax(-1).prod(1)
    torch.testing.assert_close(fused.exp(), product / product.sum(-1, keepdim=True))
    torch.testing.assert_close(gates, torch.ones(5, 4))


def test_an_absent_view_changes_nothing_even_if_it_is_nan(fusion):
    torch.nn.init.normal_(fusion.gate.weight)
    present = ALL.clone()
    present[:, 2] = False
    spoiled = SCORES.clone()
    spoiled[:, 2] = float("nan")
    torch.testing.assert_close(fusion(spoiled, present), fusion(SCORES, present))
    assert not fusion(spoiled, present)[1][:, 2].any()


@pytest.mark.parametrize("view", range(4))
def test_one_view_alone_answers_as_its_expert(fusion, view):
    torch.nn.init.normal_(fusion.gate.weight)
    present = torch.zeros(5, 4, dtype=torch.bool)
    present[:, view] = True
    fused, _ = fusion(SCORES, present)
    assert fused.argmax(1).tolist() == SCORES[:, view].argmax(1).tolist()


def test_nothing_present_is_a_uniform_answer(fusion):
    fused, _ = fusion(SCORES, ~ALL)
    torch.testing.assert_close(fused.exp(), torch.full((5, 3), 1 / 3))


def test_gates_do_not_teach_experts_to_look_sure(fusion):
    torch.nn.init.normal_(fusion.gate.weight)
    scores = SCORES.clone().requires_grad_()
    fusion(scores, ALL)[1].sum().backward()
    assert scores.grad is None or not scores.grad.any()


def test_dropout_hides_views_but_never_the_last():
    present = torch.rand(500, 4, generator=torch.Generator().manual_seed(1)) < 0.5
    kept = drop_modalities(present, share=0.6, generator=torch.Generator().manual_seed(2))
    assert not (kept & ~present).any()
    assert (kept.any(1) == present.any(1)).all()
    some = present.sum(1) == 4
    share = 1 - kept[some].float().mean().item()
    # 0.6 less what is rescued when all four are hidden: 0.6 - 0.6 ** 4 / 4.
    assert share == pytest.approx(0.6 - 0.6**4 / 4, abs=0.12)


def test_dropout_of_nothing_and_of_everything():
    generator = torch.Generator().manual_seed(3)
    assert drop_modalities(ALL, share=0.0, generator=generator).all()
    assert (drop_modalities(ALL, share=1.0, generator=generator).sum(1) == 1).all()


def test_too_few_views_or_classes_are_refused():
    with pytest.raises(ValueError, match=r"trust=\[1\.0\]"):
        GatedProduct(trust=[1.0], classes=3)
    with pytest.raises(ValueError, match="trusted above 0"):
        GatedProduct(trust=[1.0, 0.0], classes=3)
    with pytest.raises(ValueError, match="classes=1"):
        GatedProduct(trust=[1.0, 1.0], classes=1)


def test_trust_is_the_gate_before_any_is_learned():
    _, gates = GatedProduct(trust=[1.0, 0.5, 0.2, 2.0], classes=3)(SCORES, ALL)
    torch.testing.assert_close(gates, torch.tensor([[1.0, 0.5, 0.2, 2.0]]).repeat(5, 1))
