"""An outbox on a scripted chain, beside a log of five entries."""

import pytest

from ..conftest import Bench
from .scripted import Stand


@pytest.fixture
def stand(bench: Bench) -> Stand:
    bench.fill(5)
    return Stand(bench)
