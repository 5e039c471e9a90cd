"""Bits by layer under a budget: the best there are, held against looking at every choice."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from models.compression.bit_allocation import (
    Layer,
    bit_allocation,
    bits_of,
    total_bytes,
    total_error,
)
from models.quantum.qubo.compare import SOLVERS, side_by_side
from models.quantum.qubo.exact import exact
from models.quantum.qubo.feasible import InfeasibleError


def random_layers(count: int, seed: int, widths: tuple[int, ...] = (4, 8)) -> list[Layer]:
    rng = np.random.default_rng(seed)
    made = []
    for i in range(count):
        weights, sensitivity = int(rng.integers(100, 5000)) * 8, float(rng.lognormal(0, 2))
        made.append(
            Layer(
                f"layer{i}",
                {bits: weights * bits // 8 for bits in widths},
                {bits: sensitivity * 4.0**-bits for bits in widths},
            )
        )
    return made


def every(layers: list[Layer], budget: int) -> list[tuple[float, int]]:
    """Error and bytes of all choices within a budget."""
    found = []
    for chosen in product(*(sorted(layer.bytes) for layer in layers)):
        bits = {layer.name: width for layer, width in zip(layers, chosen, strict=True)}
        if total_bytes(layers, bits) <= budget:
            found.append((total_error(layers, bits), total_bytes(layers, bits)))
    return found


@pytest.mark.parametrize("widths", [(4, 8), (2, 4, 8)])
@pytest.mark.parametrize("seed", range(4))
def test_the_best_choice_within_the_budget(seed: int, widths: tuple[int, ...]) -> None:
    layers = random_layers(7, seed, widths)
    fewest = sum(layer.fewest for layer in layers)
    budget = fewest + sum(max(one.bytes.values()) - one.fewest for one in layers) // 2
    # Every byte a unit: nothing is lost by rounding.
    found = exact(bit_allocation(layers, budget=budget, units=10**9))
    bits = bits_of(found, layers)
    best = min(every(layers, budget))
    assert total_error(layers, bits) == pytest.approx(best[0])
    assert found.energy == pytest.approx(best[0])
    # In coarse units the budget is kept all the same.
    coarse = bits_of(exact(bit_allocation(layers, budget=budget, units=50)), layers)
    assert total_bytes(layers, coarse) <= budget
    assert total_error(layers, coarse) >= best[0] - 1e-12


def test_more_layers_than_could_be_enumerated() -> None:
    """60 layers, 2^60 choices: an integer programme. The reference is a table over the bytes."""
    layers = random_layers(60, seed=3)
    extra = [layer.bytes[8] - layer.bytes[4] for layer in layers]
    budget = sum(layer.bytes[4] for layer in layers) + sum(extra) // 3
    room = sum(extra) // 3
    gains = [layer.errors[4] - layer.errors[8] for layer in layers]
    unit = 4  # of all extra bytes: they are multiples of it
    assert all(size % unit == 0 for size in extra)
    best = np.zeros(room // unit + 1)
    for gain, size in zip(gains, extra, strict=True):
        step = size // unit
        best[step:] = np.maximum(best[step:], best[: len(best) - step] + gain)
    expected = sum(layer.errors[4] for layer in layers) - best[-1]
    table = side_by_side(bit_allocation(layers, budget=budget, units=10**9), seed=0,
                         solvers={name: SOLVERS[name] for name in ("exact", "greedy")})  # fmt: skip
    assert table.best.energy == pytest.approx(expected, rel=1e-9)
    greedy = table.lines[1].answer
    assert greedy is not None
    assert greedy.feasible


def test_a_budget_for_everything_takes_the_smallest_errors() -> None:
    layers = random_layers(5, seed=1)
    problem = bit_allocation(layers, budget=10**9)
    assert [one.name for one in problem.constraints] == [f"bits of layer{i}" for i in range(5)]
    assert set(bits_of(exact(problem), layers).values()) == {8}


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: bit_allocation([], budget=9), ValueError, "no layers to give bits to"),
        (
            lambda: bit_allocation([Layer("a", {4: 60, 8: 90}, {4: 1, 8: 0})], budget=59),
            InfeasibleError,
            "budget of 59 bytes for 1 layers, which take 60",
        ),
        (lambda: bit_allocation(random_layers(1, 0) * 2, budget=10**9), ValueError, "layer0"),
        (lambda: Layer("a", {4: 1}, {8: 1.0}), ValueError, "a: bytes for .4. bits, errors for .8."),
        (lambda: Layer("a", {}, {}), ValueError, "at least one"),
        (lambda: Layer("a", {4: 1}, {4: float("nan")}), ValueError, "error nan at 4 bits"),
        (lambda: Layer("a", {4: 0}, {4: 1.0}), ValueError, "at least 1 each"),
    ],
)
def test_bad_input_is_named(wrong: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        wrong()
