import dataclasses

import pytest
import torch
from safetensors.torch import save

from models.batches import Data
from models.losses import DivergedError
from models.multimodal import build
from models.training import Report, fit, rate


def quiet(_: Report) -> None:
    pass


def test_training_learns_and_keeps_the_best_epoch(model, data, settings):
    told: list[Report] = []
    state = fit(model, data, settings, on_epoch=told.append)
    assert [report.epoch for report in told] == [1, 2, 3, 4]
    losses = [report.metrics["val_loss"] for report in told]
    assert losses[-1] < losses[0]
    assert state["best_loss"] == min(losses)
    assert losses[state["best_epoch"] - 1] == min(losses)
    assert not model.training


def test_same_seed_same_bytes_and_the_global_rng_is_left_alone(spec, data, settings):
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    results = []
    for _ in range(2):
        model = build(spec, seed=3)
        fit(model, data, settings, on_epoch=quiet)
        results.append(save(model.state_dict()))
    assert results[0] == results[1]
    assert torch.equal(torch.random.get_rng_state(), before)
    other = build(spec, seed=3)
    fit(other, data, dataclasses.replace(settings, seed=6), on_epoch=quiet)
    assert save(other.state_dict()) != results[0]


@pytest.mark.parametrize("stop", [1, 3])
def test_going_on_after_a_stop_ends_in_the_same_bytes(spec, data, settings, stop, tmp_path):
    class Stopped(Exception):
        pass

    def keep(report: Report) -> None:
        torch.save(report.state, tmp_path / "state.pt")
        if report.epoch == stop:
            raise Stopped

    whole = build(spec, seed=3)
    fit(whole, data, settings, on_epoch=quiet)
    with pytest.raises(Stopped):
        fit(build(spec, seed=3), data, settings, on_epoch=keep)
    told: list[Report] = []
    resumed = build(spec, seed=99)  # its weights must not matter
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    fit(resumed, data, settings, on_epoch=told.append, state=state)
    assert [report.epoch for report in told] == list(range(stop + 1, 5))
    assert save(resumed.state_dict()) == save(whole.state_dict())


def test_a_finished_state_needs_no_more_epochs(spec, model, data, settings):
    state = fit(model, data, settings, on_epoch=quiet)
    again = build(spec, seed=1)
    fit(again, data, settings, on_epoch=pytest.fail, state=state)
    assert save(again.state_dict()) == save(model.state_dict())


def test_patience_ends_training_early(model, data, settings):
    hasty = dataclasses.replace(settings, learning_rate=1.0, epochs=40, patience=2)
    state = fit(model, data, hasty, on_epoch=quiet)
    assert state["epoch"] == state["best_epoch"] + 2 < 40


def test_nan_stops_with_step_and_learning_rate(model, data, settings):
    examples = data.examples
    spoiled = dict(examples.contents)
    spoiled["image"] = torch.full_like(examples.contents["image"], float("nan"))
    bad = Data(dataclasses.replace(examples, contents=spoiled), data.train, data.validation)
    with pytest.raises(DivergedError, match=r"loss became nan at step 0 with learning rate 0\.00"):
        fit(model, bad, settings, on_epoch=quiet)


def test_learning_rate_warms_up_then_falls_as_a_cosine():
    # 100 steps: ten up, ninety down; halfway down it is half the peak.
    assert [rate(step, 100, 1.0) for step in (0, 9, 10)] == pytest.approx([0.1, 1.0, 1.0])
    assert rate(55, 100, 1.0) == pytest.approx(0.5)
    assert rate(99, 100, 1.0) < 0.001
    assert rate(0, 1, 1.0) == 1.0
