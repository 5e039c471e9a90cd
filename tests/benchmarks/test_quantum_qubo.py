"""The instances are what the tables say they are, and the kept angles come from where they say."""

import pytest

from benchmarks.quantum_qubo import DECISIONS, bits, clients, donor_angles, places
from benchmarks.quantum_qubo_tables import QUBO_TABLES
from benchmarks.table import RESULTS
from models.quantum.qubo.feasible import check_feasible
from models.quantum.qubo.qaoa import TRANSFERRED


def test_the_kept_angles_are_those_that_the_benchmark_finds() -> None:
    found = donor_angles()
    assert found["gammas"] == pytest.approx(TRANSFERRED.gammas, abs=0.01)
    assert found["betas"] == pytest.approx(TRANSFERRED.betas, abs=0.01)


@pytest.mark.parametrize("name", sorted(DECISIONS))
def test_instances_repeat_and_can_be_met(name: str) -> None:
    problem = DECISIONS[name](3)
    check_feasible(problem)
    assert problem.to_json() == DECISIONS[name](3).to_json()
    assert problem.to_json() != DECISIONS[name](4).to_json()


def test_sizes() -> None:
    assert (len(clients(0)), len(bits(0, count=10))) == (16, 20)
    assert all(len(places(seed)) <= 20 for seed in range(10))


def test_tables_are_made_of_the_file() -> None:
    import json

    results = json.loads((RESULTS / "quantum_qubo.json").read_text(encoding="utf-8"))
    for table in QUBO_TABLES.values():
        head, *rows = table(results)
        assert rows
        assert {len(row) for row in rows} == {len(head)}
