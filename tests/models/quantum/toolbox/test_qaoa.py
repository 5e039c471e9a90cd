"""QAOA for MaxCut: both engines agree, and optima are those of the papers."""

import networkx as nx
import numpy as np
import pytest

from models.quantum.toolbox.optimisers import minimise
from models.quantum.toolbox.qaoa import (
    CUBIC,
    RING,
    cuts,
    expected_by_gates,
    maxcut,
    ring,
    state,
    with_gradient,
)

ANGLES = [0.7, 0.3, 0.5, 0.2]
HEAWOOD = [tuple(sorted(edge)) for edge in nx.heawood_graph().edges]
PETERSEN = [tuple(sorted(edge)) for edge in nx.petersen_graph().edges]


def test_cuts_are_those_of_counting() -> None:
    table = cuts(PETERSEN)
    for sides in (0, 1, 0b1100101, 1023, 515):
        text = f"{sides:010b}"
        assert table[sides] == sum(text[a] != text[b] for a, b in PETERSEN)


@pytest.mark.parametrize("edges", [ring(5), ring(6), PETERSEN], ids=["5", "6", "petersen"])
def test_arrays_and_gates_expect_the_same_cut(edges: list[tuple[int, int]]) -> None:
    value, _ = with_gradient(cuts(edges), ANGLES)
    assert -value == pytest.approx(expected_by_gates(edges, ANGLES), abs=1e-10)


def test_the_gradient_is_that_of_differences() -> None:
    table = cuts(ring(6))
    _, gradient = with_gradient(table, ANGLES)
    step = 1e-6
    for i in range(4):
        sides = []
        for sign in (1, -1):
            moved = list(ANGLES)
            moved[i] += sign * step
            sides.append(with_gradient(table, moved)[0])
        assert gradient[i] == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=1e-7)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_rings_reach_the_theory(depth: int) -> None:
    # (2p + 1) / (2p + 2): Farhi et al. 2014, section 4.
    found = maxcut(ring(8), depth=depth)
    assert found.share == pytest.approx((2 * depth + 1) / (2 * depth + 2), abs=1e-6)
    assert found.share == pytest.approx(RING[depth - 1], abs=1e-6)
    assert found.best == 8
    assert found.found in ("01010101", "10101010")


def test_a_ring_that_is_too_short_for_the_depth_is_solved() -> None:
    assert maxcut(ring(4), depth=2).ratio == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("edges", [HEAWOOD, PETERSEN], ids=["heawood", "petersen"])
def test_cubic_graphs_without_triangles_cut_0_6924(edges: list[tuple[int, int]]) -> None:
    # 1/2 + 1 / (3 sqrt 3) of the edges, whatever the rest of the graph: Farhi et al., section 5.
    found = maxcut(edges, depth=1)
    assert found.share == pytest.approx(0.5 + 1 / (3 * 3**0.5), abs=1e-6)
    assert pytest.approx(0.6924, abs=1e-4) == CUBIC
    assert found.angles[0] == pytest.approx(np.arctan(2**-0.5), abs=1e-4)  # Wang et al. 2018


def test_the_ratio_counts_by_the_best_cut() -> None:
    found = maxcut(PETERSEN, depth=1)
    assert found.best == 12  # of 15 edges
    assert found.ratio == pytest.approx(CUBIC * 15 / 12, abs=1e-6)


def test_angles_without_a_gradient_are_left() -> None:
    found = maxcut(ring(6), depth=1, start=[0.0, 0.0])
    assert found.share == pytest.approx(0.75, abs=1e-6)


def test_states_are_normalised_and_repeat() -> None:
    table = cuts(ring(7))
    made = state(table, ANGLES)
    assert np.linalg.norm(made) == pytest.approx(1, abs=1e-12)
    np.testing.assert_array_equal(maxcut(ring(6), depth=2).angles, maxcut(ring(6), depth=2).angles)


def test_the_optimiser_of_choice_takes_it() -> None:
    table = cuts(ring(6))
    found = minimise(
        lambda values: with_gradient(table, values)[0],
        [0.5, 0.4],
        method="adam",
        steps=200,
        with_gradient=lambda values: with_gradient(table, values),
    )
    assert -found.cost / 6 == pytest.approx(0.75, abs=1e-3)


@pytest.mark.slow
def test_eighteen_nodes_by_the_table() -> None:
    found = maxcut(ring(18), depth=2)
    assert found.share == pytest.approx(5 / 6, abs=1e-6)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([], "a graph without edges has no cut"),
        ([(0, 0), (0, 1)], "each pair of different nodes once"),
        ([(0, 1), (1, 0)], "each pair of different nodes once"),
        ([(0, 2)], r"nodes \[0, 2\]: number those with edges from 0 without gaps"),
        ([(i, i + 1) for i in range(50)], r"qubits=51: .* GB are free: use at most \d+"),
    ],
)
def test_graphs_that_cannot_be_cut(edges: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        maxcut(edges, depth=1)


def test_angles_that_do_not_fit_the_depth() -> None:
    with pytest.raises(ValueError, match="3 angles to start with: depth=2 takes 4"):
        maxcut(ring(4), depth=2, start=[0.1] * 3)
    with pytest.raises(ValueError, match="depth=0: at least 1"):
        maxcut(ring(4), depth=0)
