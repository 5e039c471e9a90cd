"""One seed for each (run, round, client, purpose): nothing depends on the order of the clients."""

import numpy as np
from blake3 import blake3


def mix(*parts: int | str) -> int:
    """A seed below 2**63 that all parts decide."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(blake3(text.encode()).digest(8), "little") >> 1


def generator(*parts: int | str) -> np.random.Generator:
    """NumPy's generator, seeded by `mix`."""
    return np.random.default_rng(mix(*parts))
