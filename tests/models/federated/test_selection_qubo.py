"""Choosing clients by QUBO: from what they tell, the same every time, told in a table."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from models.federated.codec import Codec
from models.federated.facts import Facts
from models.federated.privacy import Privacy, refusals
from models.federated.selection import Known, Selection, select
from tests.models.federated.conftest import Quadratic, plan_of, quadratics, run

THIRD = Selection("qubo", 1 / 3, 1)


def known(partition: int, **facts: Any) -> Known:
    return Known(100 + partition, partition, "same name", 10, Facts(**facts))


def chosen(clients: list[Known], settings: Selection = THIRD, **more: Any) -> list[int]:
    given: dict[str, Any] = {"seed": 3, "round_": 1, "taken": {}, "losses": {}, "reachable": {}}
    return [client.partition for client in select(clients, settings, **{**given, **more})]


def test_each_figure_decides_where_all_others_are_equal() -> None:
    six = [known(i) for i in range(6)]
    rows = [replace(client, examples=10 + (client.partition in (2, 4))) for client in six]
    assert chosen(rows) == [2, 4]
    assert chosen(six, losses={i: 2.0 if i in (1, 5) else 1.0 for i in range(6)}) == [1, 5]
    assert chosen(six, taken={i: 0 if i in (0, 3) else 4 for i in range(6)}) == [0, 3]
    quick = [known(i, seconds=1.0 if i in (3, 4) else 60.0) for i in range(6)]
    assert chosen(quick) == [3, 4]
    # Two classes: one of each kind is unlike itself least.
    classes = [known(i, labels={"food": 9} if i else {"town": 9}) for i in range(6)]
    first, second = chosen(classes)
    assert first == 0
    assert second > 0


def test_unknown_losses_count_as_the_highest() -> None:
    six = [known(i) for i in range(6)]
    assert chosen(six, losses={0: 1.0, 1: 5.0, 2: 1.0, 4: 1.0, 5: float("nan")}) in (
        [1, 3],
        [1, 5],
        [3, 5],
    )


def test_the_same_whatever_the_listing() -> None:
    rng = np.random.default_rng(5)
    clients = [
        known(i, seconds=float(rng.uniform(1, 9)), labels={"a": int(rng.integers(9)), "b": 4})
        for i in range(12)
    ]
    losses = {i: float(rng.uniform(1, 3)) for i in range(12)}
    tables: list[Any] = []
    found = chosen(clients, losses=losses, on_table=tables.append)
    assert len(found) == 4
    assert chosen(clients[::-1], losses=losses) == found
    (table,) = tables
    assert [line.solver for line in table.lines] == [
        "exact",
        "greedy",
        "tabu",
        "annealing",
        "random draws",
        "qaoa with given angles",
    ]
    assert table.solver == "exact"
    assert table.lines[0].answer is not None
    assert table.lines[0].answer.evaluations == 495  # C(12, 4)


def test_of_hundreds_only_the_fast_solvers_are_asked() -> None:
    clients = [known(i, seconds=float(1 + i % 7)) for i in range(200)]
    tables: list[Any] = []
    found = chosen(clients, Selection("qubo", 0.1, 1), on_table=tables.append)
    assert len(found) == 20
    assert {i % 7 for i in found} == {0}  # 29 clients are as fast as any
    assert [line.solver for line in tables[0].lines] == ["greedy", "tabu"]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_nothing_to_decide(count: int) -> None:
    clients = [known(i) for i in range(count)]
    assert chosen(clients, Selection("qubo", 1.0, 1)) == list(range(count))


@dataclass
class Telling(Quadratic):
    """Tells its classes and its time."""

    facts: Facts | None = None


def tellers() -> list[Telling]:
    made = [Telling(**vars(client)) for client in quadratics(6, seed=2)]
    for i, client in enumerate(made):
        client.facts = Facts(labels={"even": 8 * (i % 2), "odd": 8 - 8 * (i % 2)}, seconds=1.0 + i)
    return made


def test_rounds_are_chosen_by_what_clients_tell() -> None:
    plan = plan_of(selection=THIRD)
    done = run(tellers(), plan)
    assert not done.kinds
    first = done.server.known[next(iter(done.server.known))]
    assert first.facts == Facts({"even": 0, "odd": 8}, 1.0)
    taken = [[part.partition for part in found.parts] for found in done.rounds]
    assert all(a % 2 != b % 2 for a, b in taken)  # one of each kind
    assert len({tuple(pair) for pair in taken}) > 1  # whoever took part yields
    assert {row["solver"] for row in done.server.decided} >= {"exact", "greedy", "tabu"}
    again = run(tellers(), plan)
    assert again.x.tobytes() == done.x.tobytes()


def test_other_policies_leave_no_table_and_ask_nothing() -> None:
    done = run(quadratics(6, seed=2), plan_of(selection=Selection("random", 0.5, 1)))
    assert done.server.decided == []
    assert all(client.facts == Facts() for client in done.server.known.values())


@pytest.mark.parametrize(
    "about",
    [
        {"seconds": float("nan")},
        {"seconds": -1.0},
        {"label-names": ["a"], "label-counts": [-1]},
        {"label-names": ["a", "b"], "label-counts": [1]},
        {"label-names": ["a"]},
    ],
)
def test_facts_that_cannot_be_leave_a_client_out(about: dict[str, Any]) -> None:
    """Through a learner that tells them: the others go on."""

    class Wrong(Facts):
        def record(self) -> dict[str, Any]:
            return about

    clients = tellers()
    clients[4].facts = Wrong()
    done = run(clients, plan_of(selection=THIRD))
    assert set(done.kinds) == {"client_error"}
    assert "cannot say who it is" in done.server.events[0].detail
    assert {client.partition for client in done.server.known.values()} == {0, 1, 2, 3, 5}


@pytest.mark.parametrize("level", ["local_dp", "central_dp", "secure_aggregation"])
def test_privacy_refuses_it(level: Any) -> None:
    (reason,) = refusals(Privacy(level), "fedavg", THIRD, Codec("none"), stragglers="wait")
    assert "selection by QUBO: clients would tell their classes" in reason
