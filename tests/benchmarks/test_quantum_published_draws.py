"""Numbers of JAX's generator against its own, and Threefry against its authors' test vectors."""

import numpy as np
import pytest

from benchmarks.quantum_published_draws import Key, Keys, threefry


# Random123 (https://github.com/DEShawResearch/random123), tests/kat_vectors, threefry2x32 20.
@pytest.mark.parametrize(
    ("key", "counts", "expected"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_threefry_is_random123s(
    key: tuple[int, int], counts: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert tuple(threefry(key, np.array(counts, np.uint32))) == expected


def test_numbers_are_jaxs() -> None:
    # Printed by jax 0.4.23 with jax_enable_x64, key = jax.random.PRNGKey(42): uniform(key, (3,)),
    # normal(key, (2, 2)), choice(key, arange(240), (8,)), split(key).
    key = Key(0, 42)
    uniform = [0.7298188969046309, 0.8691938242843895, 0.8723002596642415]
    assert key.uniform(3).tolist() == uniform
    normal = [[0.4896249504757018, 0.25225754788932736], [-0.6273900981852933, -0.7026026743459467]]
    np.testing.assert_allclose(key.normal(2, 2), normal, rtol=1e-14)
    assert key.integers(8, below=240).tolist() == [194, 110, 116, 131, 76, 164, 25, 10]
    split = [(2465931498, 3679230171), (255383827, 267815257)]
    assert [part.words for part in key.split()] == split


def test_a_seed_gives_its_keys_in_order() -> None:
    # As the authors' models ask for them: NumPy's default_rng(seed).integers(below), one by one.
    rng, keys = np.random.default_rng(3), Keys(3, below=1000)
    assert [keys.next().words for _ in range(4)] == [(0, rng.integers(1000)) for _ in range(4)]


def test_integers_are_even_over_their_span() -> None:
    # 24,000 draws of 240 values: chi-squared with 239 degrees of freedom, 99.9% below 311.
    counts = np.bincount(Key(0, 7).integers(24_000, below=240), minlength=240)
    assert len(counts) == 240
    assert ((counts - 100) ** 2 / 100).sum() < 311
