"""An outbox on a scripted chain, beside a log of five entries."""

import pytest

from tests.provenance.anchors.scripted import Stand
from tests.provenance.conftest import Bench


@pytest.fixture
def stand(bench: Bench) -> Stand:
    bench.fill(5)
    return Stand(bench)
