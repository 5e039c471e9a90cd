"""The stage with clients chosen by QUBO: they tell their classes and times, and tables are kept."""

import json

import pytest

from provenance import Log
from tasks.federate.task import federate_model
from tasks.tracking import connect

CHOSEN = {"policy": "qubo", "fraction": 0.5, "least": 1}


@pytest.mark.slow
def test_tables_of_every_round_are_in_mlflow(trained, train, changed):
    settings = changed(rounds=2, audit=False, selection=CHOSEN)
    federate_model.fn(settings, train, trained)
    folder = trained.stage("federate")
    rounds = [json.loads(line) for line in (folder / "rounds.jsonl").read_text().splitlines()]
    # Two clients, one a round: whoever took part yields to the other.
    names = [[client["client"] for client in one["clients"]] for one in rounds]
    assert sorted(name for (name,) in names) == ["bg", "ca"]

    entry, _ = Log.open(trained.provenance).newest("mlruns/stages/federate/model.safetensors")
    mlflow = connect(trained)
    for number in (1, 2):
        page = f"runs:/{entry.body['id']}/selection/round_{number}.json"
        table = json.loads(mlflow.artifacts.load_text(page))
        assert [row["solver"] for row in table][:3] == ["exact", "greedy", "tabu"]
        assert table[0]["evaluations"] == 2  # C(2, 1)
        assert min(row["gap"] for row in table) == 0

    first = (folder / "model.safetensors").read_bytes()
    federate_model.fn(settings, train, trained)
    assert (folder / "model.safetensors").read_bytes() == first
