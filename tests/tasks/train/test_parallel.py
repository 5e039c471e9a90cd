"""Work on every core."""

import time

import pytest
import torch

from tasks.train import parallel
from tasks.train.parallel import on_every_core


def test_results_keep_the_order_and_carry_no_gradients():
    weight = torch.ones(3, requires_grad=True)
    out = on_every_core(lambda number: weight * number, range(20), "multiplying")
    assert [int(x[0]) for x in out] == list(range(20))
    assert not any(x.requires_grad for x in out)


def test_torch_uses_one_core_in_every_worker_and_its_setting_comes_back(monkeypatch):
    monkeypatch.setattr(parallel.os, "cpu_count", lambda: 3)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        seen = on_every_core(lambda _: torch.tensor(torch.get_num_threads()), range(9), "asking")
        assert {int(x) for x in seen} == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_first_error_stops_the_rest(monkeypatch):
    monkeypatch.setattr(parallel.os, "cpu_count", lambda: 1)
    done = []

    def one(number: int) -> torch.Tensor:
        done.append(number)
        time.sleep(0.001)
        if number == 2:
            raise ValueError("item 2 is bad")
        return torch.zeros(1)

    with pytest.raises(ValueError, match="item 2 is bad"):
        on_every_core(one, range(2_000), "failing")
    assert len(done) < 2_000
