"""Data sets of a published comparison of quantum and classical classifiers, from their recipes.

Source: Bowles, Ahmed & Schuld 2024, "Better than classical? The subtle art of benchmarking quantum
machine learning models" (https://arxiv.org/abs/2403.07059), section 4. Random numbers are drawn in
the order of the authors' programs (https://github.com/XanaduAI/qml-benchmarks), so that a seed
gives their data: every family is one stream, in which a later set depends on all before it.

Shapes: N samples, D features, M dimensions of a hidden manifold.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

Floats = NDArray[np.float64]
SAMPLES, TEST_SHARE = 300, 0.2
SIZES = range(2, 21)
"""What each family sweeps over: features, dimensions of the manifold or degrees."""
MANIFOLD, WIDTH, DEGREE = 6, 10, 5
"""M where features vary, D where M or the degree varies, the degree where features vary."""
OFFSET, NOISE = 0.1, 0.01
"""Between the two curves, and of every point on them."""
LINEAR_SEED, SEED = 42, 3


@dataclass(frozen=True)
class Split:
    """x: (N, D) float64, y: (N,) labels -1 and 1; four fifths to learn from, the rest for tests."""

    x: Floats
    y: NDArray[np.int64]
    test_x: Floats
    test_y: NDArray[np.int64]


def linearly_separable() -> dict[str, Split]:
    """Points of a hypercube on two sides of a plane through its middle, none close to it."""
    rng = np.random.RandomState(LINEAR_SEED)
    return {f"linearly_separable_{size}d": _split(*_halves(rng, size), rng) for size in SIZES}


def hidden_manifold() -> dict[str, Split]:
    """Labels from a small network on M hidden dimensions; D features seen (Goldt et al. 2020).

    First D varies, then M: `hidden_manifold-6manifold-4d`, `hidden_manifold-10d-4manifold`.
    """
    rng = np.random.RandomState(SEED)
    found = {}
    for size in SIZES:
        name = f"hidden_manifold-{MANIFOLD}manifold-{size}d"
        found[name] = _split(*_hidden(rng, size, MANIFOLD), rng)
    for size in SIZES:
        name = f"hidden_manifold-{WIDTH}d-{size}manifold"
        found[name] = _split(*_hidden(rng, WIDTH, size), rng)
    return found


def two_curves() -> dict[str, Split]:
    """Two noisy copies of one closed curve, a Fourier series, side by side (Buchanan et al. 2021).

    First D varies, then the degree of the series:
    `two_curves-5degree-0.1offset-4d`, `two_curves-10d-4degree`.
    """
    rng = np.random.RandomState(SEED)
    found = {}
    for size in SIZES:
        name = f"two_curves-{DEGREE}degree-{OFFSET}offset-{size}d"
        found[name] = _split(*_curves(rng, size, DEGREE, OFFSET), rng)
    for degree in SIZES:
        name = f"two_curves-{WIDTH}d-{degree}degree"
        found[name] = _split(*_curves(rng, WIDTH, degree, 1 / (2 * degree)), rng)
    return found


def everything() -> dict[str, Split]:
    """All families in one; 95 sets."""
    return linearly_separable() | hidden_manifold() | two_curves()


def published_name(name: str) -> str:
    """The set that a name in the published results means: `two_manifold` was `two_curves` once."""
    return name.replace("two_manifold", "two_curves")


def _halves(rng: np.random.RandomState, features: int) -> tuple[Floats, NDArray[np.int64]]:
    # Twice as many as needed are drawn, for those within the margin fall away.
    drawn = 2 * rng.rand(2 * SAMPLES, features) - 1
    x = drawn[np.abs(drawn.sum(axis=1)) > 0.02 * features][:SAMPLES]
    return x, np.where(x.sum(axis=1) > 0, -1, 1)


def _hidden(
    rng: np.random.RandomState, features: int, manifold: int
) -> tuple[Floats, NDArray[np.int64]]:
    embed = rng.normal(size=(manifold, features))
    hidden = rng.normal(size=(SAMPLES, manifold))
    bias = 2 * rng.uniform(size=features) - 1
    x = np.tanh(hidden @ embed / np.sqrt(manifold) - bias)
    inner, outer = rng.normal(size=(manifold, manifold)), rng.normal(size=manifold)
    score = np.tanh(hidden @ inner.T) @ outer / np.sqrt(manifold)
    return x, np.where(score < np.median(score), -1, 1)


def _curves(
    rng: np.random.RandomState, features: int, degree: int, offset: float
) -> tuple[Floats, NDArray[np.int64]]:
    series = rng.uniform(size=(features, degree + 1, 2))
    series /= np.linalg.norm(series)
    first, second = (np.array(list(_points(rng, series))) for _ in range(2))
    x = StandardScaler().fit_transform(np.concatenate([first, second + offset]))
    return x, np.repeat([-1, 1], SAMPLES // 2)


def _points(rng: np.random.RandomState, series: Floats) -> Iterator[Floats]:
    # A place on the curve, then noise for one feature after the other.
    cosines, sines = series[:, 1:, 0], series[:, 1:, 1]
    steps = np.pi * np.arange(1, series.shape[1])
    for _ in range(SAMPLES // 2):
        angle = steps * rng.rand()
        wave = cosines @ np.cos(angle) + sines @ np.sin(angle)
        yield series[:, 0].sum(axis=1) + wave + rng.normal(0, NOISE, len(series))


def _split(x: Floats, y: NDArray[np.int64], rng: np.random.RandomState) -> Split:
    parts = train_test_split(x, y, test_size=TEST_SHARE, random_state=rng)
    return Split(x=parts[0], test_x=parts[1], y=parts[2], test_y=parts[3])
