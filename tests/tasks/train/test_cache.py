"""The feature cache: computed once, never trusted when damaged."""

import pytest
import torch

from tasks.train.cache import cached, tensor_digest


class Counting:
    """Computes a tensor and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> torch.Tensor:
        self.calls += 1
        return torch.arange(100, dtype=torch.float16).view(20, 5)


@pytest.fixture
def compute() -> Counting:
    return Counting()


def test_computed_once_per_recipe(tmp_path, compute):
    first = cached(tmp_path / "cache", {"a": 1}, compute)
    again = cached(tmp_path / "cache", {"a": 1}, compute)
    assert compute.calls == 1
    assert torch.equal(first, again)
    assert again.dtype == torch.float16
    cached(tmp_path / "cache", {"a": 2}, compute)
    assert compute.calls == 2


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "other"])
def test_a_damaged_file_is_computed_again(tmp_path, compute, capsys, damage):
    cached(tmp_path, {"a": 1}, compute)
    [path] = tmp_path.iterdir()
    whole = path.read_bytes()
    broken = {
        "flip": whole[:-1] + bytes([whole[-1] ^ 1]),
        "cut": whole[:-7],
        "empty": b"",
        "other": b"not safetensors at all",
    }[damage]
    path.write_bytes(broken)
    assert torch.equal(cached(tmp_path, {"a": 1}, compute), compute())
    assert "computing it again" in capsys.readouterr().err
    assert path.read_bytes() == whole, "the damaged file is replaced by the same bytes as before"


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch, compute):
    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tasks.train.cache.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        cached(tmp_path, {"a": 1}, compute)
    assert list(tmp_path.iterdir()) == []


def test_the_digest_sees_type_shape_and_values():
    zeros = torch.zeros(2, 3)
    others = [torch.zeros(3, 2), torch.zeros(2, 3).int(), torch.ones(2, 3)]
    assert all(tensor_digest(zeros) != tensor_digest(other) for other in others)
    assert tensor_digest(zeros) == tensor_digest(torch.zeros(3, 2).T)
    assert tensor_digest(torch.zeros(0, 4)) == tensor_digest(torch.zeros(0, 4))
