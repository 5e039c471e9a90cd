"""The random numbers of JAX as it was in 2023, so that a published run's seed gives that run.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"
(https://doi.org/10.1145/2063384.2063405) for Threefry-2x32 with 20 rounds, and the description of
JAX's generator (https://docs.jax.dev/en/latest/jep/263-prng.html). Later versions of JAX count
otherwise (`jax_threefry_partitionable`) and give other numbers.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfinv

Floats = NDArray[np.float64]
Words = NDArray[np.uint32]
Longs = NDArray[np.uint64]
TURNS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
ROUNDS = 5
"""Of four turns each."""
FRACTION = 52
"""Bits after the point of a float64."""


class Key:
    """Two words that all numbers of one draw come from.

    Args:
        high: first word; 0 for a small seed.
        low: second word; a small seed itself.
    """

    def __init__(self, high: int, low: int) -> None:
        self.words = (high, low)

    def split(self) -> tuple["Key", "Key"]:
        """Two keys in place of one."""
        first = threefry(self.words, np.arange(4, dtype=np.uint32)).tolist()
        return Key(first[0], first[1]), Key(first[2], first[3])

    def bits(self, count: int) -> Longs:
        """Numbers of 64 bits."""
        words = threefry(self.words, np.arange(2 * count, dtype=np.uint32)).astype(np.uint64)
        return words[:count] << np.uint64(32) | words[count:]

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Floats:
        """From low on and below high, float64."""
        fraction = self.bits(math.prod(shape)) >> np.uint64(64 - FRACTION)
        unit = (fraction | np.float64(1).view(np.uint64)).view(np.float64) - 1
        return np.maximum(low, unit * (high - low) + low).reshape(shape)

    def normal(self, *shape: int) -> Floats:
        """Of mean 0 and variance 1, float64."""
        least = float(np.nextafter(-1.0, 0.0))
        found: Floats = math.sqrt(2) * erfinv(self.uniform(*shape, low=least))
        return found

    def integers(self, count: int, below: int) -> NDArray[np.int64]:
        """From 0 on and below `below`."""
        one, other = self.split()
        span = np.uint64(below)
        # The remainder of 2^64, by way of 2^32 so that nothing overflows.
        lift = np.uint64((2**32 % below) ** 2 % below)
        found = (one.bits(count) % span * lift + other.bits(count) % span) % span
        return found.astype(np.int64)


def threefry(key: tuple[int, int], counts: Words) -> Words:
    """A word for each of an even number of counts, whose first and second half go in as pairs."""
    schedule = [np.uint32(word) for word in (*key, key[0] ^ key[1] ^ PARITY)]
    one, other = np.split(counts, 2)
    one, other = one + schedule[0], other + schedule[1]
    for group in range(ROUNDS):
        for turn in TURNS[group % 2]:
            one = one + other
            other = (other << np.uint32(turn) | other >> np.uint32(32 - turn)) ^ one
        one = one + schedule[(group + 1) % 3]
        other = other + schedule[(group + 2) % 3] + np.uint32(group + 1)
    return np.concatenate([one, other])


class Keys:
    """Keys in the order a published model asks for them.

    Args:
        seed: of the run.
        below: keys are smaller than it.
    """

    def __init__(self, seed: int, *, below: int) -> None:
        self._rng, self._below = np.random.default_rng(seed), below

    def next(self) -> Key:
        return Key(0, int(self._rng.integers(self._below)))
