import dataclasses

import pytest
import torch

from models.batches import SUBSETS, VIEWS
from models.compression.answers import Answered, Answers, with_answers


@pytest.fixture
def answers(model, examples):
    model.eval()
    with torch.no_grad():
        return {view: Answers(*model.views[view](examples.contents[view])) for view in VIEWS}


@pytest.mark.parametrize("subset", SUBSETS, ids="+".join)
def test_answers_stand_in_for_contents(model, examples, answers, subset):
    rows = torch.arange(len(examples))
    stand_in = Answered(model.spec, model.fusion)
    with torch.no_grad():
        expected = model(examples.batch(rows).only(*subset))
        found = stand_in(with_answers(examples, answers).batch(rows).only(*subset))
    torch.testing.assert_close(found.log_probability, expected.log_probability)
    torch.testing.assert_close(found.gates, expected.gates)
    present = examples.batch(rows).present
    torch.testing.assert_close(found.experts[present], expected.experts[present])
    for place, view in enumerate(VIEWS):
        here = present[:, place]
        torch.testing.assert_close(found.vectors[view][here], expected.vectors[view][here])


def test_the_order_of_a_spec_read_from_json_does_not_matter(model, examples, answers):
    """JSON with sorted keys lists towers alphabetically; gates belong to views in their order."""
    with torch.no_grad():
        model.fusion.gate.bias.copy_(torch.tensor([2.0, 1.0, 0.0, -1.0]))  # views count differently
    towers = dict(sorted(model.spec.towers.items()))
    assert list(towers) != list(VIEWS)
    stand_in = Answered(dataclasses.replace(model.spec, towers=towers), model.fusion)
    rows = torch.arange(len(examples))
    with torch.no_grad():
        expected = model(examples.batch(rows)).log_probability
        found = stand_in(with_answers(examples, answers).batch(rows)).log_probability
    torch.testing.assert_close(found, expected)


def test_as_many_scores_as_vectors():
    with pytest.raises(ValueError, match="2 scores for 3 vectors"):
        Answers(torch.zeros(2, 3), torch.zeros(3, 8))
