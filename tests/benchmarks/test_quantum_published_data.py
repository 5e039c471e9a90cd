"""Data of the published comparison: the authors' own rows, and what their recipes promise."""

import numpy as np
import pytest

from benchmarks.quantum_published_data import (
    Split,
    everything,
    hidden_manifold,
    linearly_separable,
    published_name,
    two_curves,
)


@pytest.fixture(scope="module")
def sets() -> dict[str, Split]:
    return everything()


# The first row and label of the test files that the authors keep beside their plots:
# XanaduAI/qml-benchmarks, paper/plots/datasets-for-plots/<family>/<name>_test.csv. The last one is
# the 38th set of its stream (four of its ten features): it comes out only if all before it do.
ROWS = {
    "linearly_separable_2d": ([-5.528083229610947225e-01, 9.264450788812226278e-01], -1),
    "hidden_manifold-6manifold-2d": ([-8.125442498186785656e-02, 4.883624209596179599e-01], -1),
    "two_curves-5degree-0.1offset-2d": ([7.512147462253411234e-01, 1.052510011763516662], -1),
    "two_curves-10d-20degree": (
        [-0.24189144373838461, 0.12418635230218925, -0.22201809568473335, -0.07931538002531975],
        1,
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_the_authors_rows_come_out(sets: dict[str, Split], name: str) -> None:
    row, label = ROWS[name]
    np.testing.assert_allclose(sets[name].test_x[0, : len(row)], row, rtol=1e-12)
    assert sets[name].test_y[0] == label


def test_sizes_are_the_published_ones(sets: dict[str, Split]) -> None:
    # Section 4: 2 to 20 features (or dimensions, or degrees) a family; 240 and 60 samples.
    assert len(sets) == 19 * 5
    for name, split in sets.items():
        assert (len(split.x), len(split.test_x)) == (240, 60), name
        assert len(split.y) == 240
        assert set(split.y) == set(split.test_y) == {-1, 1}
    assert sets["linearly_separable_7d"].x.shape[1] == 7
    assert sets["hidden_manifold-10d-4manifold"].x.shape[1] == 10


def test_a_plane_parts_the_linear_sets_with_a_margin(sets: dict[str, Split]) -> None:
    for size in (2, 20):
        split = sets[f"linearly_separable_{size}d"]
        for x, y in ((split.x, split.y), (split.test_x, split.test_y)):
            assert (x.sum(axis=1) * y < -0.02 * size).all()
            assert np.abs(x).max() <= 1


def test_hidden_and_curved_sets_are_balanced(sets: dict[str, Split]) -> None:
    for name, split in sets.items():
        if not name.startswith("linear"):
            assert split.y.sum() + split.test_y.sum() == 0, name


def test_features_of_the_curves_are_standardised(sets: dict[str, Split]) -> None:
    split = sets["two_curves-10d-4degree"]
    both = np.concatenate([split.x, split.test_x])
    np.testing.assert_allclose(both.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(both.std(axis=0), 1, atol=1e-12)


def test_same_seed_same_bytes() -> None:
    for family in (linearly_separable, hidden_manifold, two_curves):
        first, again = family(), family()
        for name, split in first.items():
            assert split.x.tobytes() == again[name].x.tobytes()
            assert split.test_y.tobytes() == again[name].test_y.tobytes()


def test_old_names_mean_the_same_sets() -> None:
    old = "two_manifold-5degree-0.1offset-4d"
    assert published_name(old) == "two_curves-5degree-0.1offset-4d"
    assert published_name("hidden_manifold-6manifold-4d") == "hidden_manifold-6manifold-4d"
