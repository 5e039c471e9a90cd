import json
from dataclasses import replace

import mlflow
import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy.optimize import brentq
from scipy.stats import norm

from provenance import Artifact, Log, verify
from tasks.errors import CheckFailed, InputError
from tasks.federate import task
from tasks.federate.source import clients_of, parts_of, read_federated
from tasks.federate.status import newest_run
from tasks.federate.task import federate_model
from tasks.tracking import connect


class Cut(Exception):
    """The test's own interruption."""


def gaussian_epsilon(multiplier, delta):
    """Balle & Wang 2018 (https://arxiv.org/abs/1805.06530), theorem 8, solved for epsilon."""
    half = 1 / (2 * multiplier)

    def excess(epsilon):
        shift = epsilon * multiplier
        return norm.cdf(half - shift) - np.exp(epsilon) * norm.cdf(-half - shift) - delta

    return brentq(excess, 0.0, 50.0)


def outputs(workspace):
    folder = workspace.stage("federate")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_run_leaves_a_model_a_card_and_an_entry_for_every_round(trained, train, params):
    federate_model.fn(params, train, trained)
    assert list(outputs(trained)) == [
        "devices.json",
        "metrics.json",
        "model.safetensors",
        "model_card.md",
        "rounds.jsonl",
    ]
    rounds = newest_run(trained).rounds
    assert [entry.body["round"] for entry in rounds] == [
        {"number": 1, "of": 3},
        {"number": 2, "of": 3},
        {"number": 3, "of": 3},
    ]
    for entry in rounds:
        assert [part["client"] for part in entry.body["clients"]] == ["bg", "ca"]
        # 12 of 24 stamps are training rows, one clip each in both languages.
        assert [part["weight"] for part in entry.body["clients"]] == ["12.0", "12.0"]
        assert len({part["update"] for part in entry.body["clients"]}) == 2
        assert all(len(part["update"]) == 64 for part in entry.body["clients"])
    assert verify(trained.provenance, trained.root).ok
    told = [json.loads(line) for line in outputs(trained)["rounds.jsonl"].decode().splitlines()]
    assert [[client["digest"] for client in one["clients"]] for one in told] == [
        [part["update"] for part in entry.body["clients"]] for entry in rounds
    ]
    assert not (trained.mlruns / "federate").exists()  # nothing left to go on from
    assert mlflow.active_run() is None


def test_curves_and_pictures_are_in_mlflow(trained, train, params):
    federate_model.fn(params, train, trained)
    entry, _ = Log.open(trained.provenance).newest("mlruns/stages/federate/model.safetensors")
    client = connect(trained).MlflowClient()
    run = entry.body["id"]
    for name in ("mean.train_loss", "client.bg.train_loss", "client.ca.val_accuracy"):
        assert [point.step for point in client.get_metric_history(run, name)] == [1, 2, 3]
    pictures = {item.path for item in client.list_artifacts(run)}
    assert {"rounds.png", "timeline.png", "clients.png", "model_card.md"} <= pictures


def test_same_settings_same_bytes_whatever_the_number_of_workers(trained, train, params, changed):
    federate_model.fn(params, train, trained)
    first = outputs(trained)
    federate_model.fn(changed(rounds=3, audit=False, workers=1), train, trained)
    assert outputs(trained) == first
    federate_model.fn(changed(rounds=3, audit=False, seed=8), train, trained)
    assert outputs(trained)["model.safetensors"] != first["model.safetensors"]


@pytest.mark.parametrize("strategy", ["fedavg", "scaffold", "fedyogi", "fedavgm"])
def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(
    trained, train, changed, monkeypatch, strategy, capfd
):
    settings = changed(rounds=3, audit=False, strategy={"name": strategy, "server_rate": 0.5})
    federate_model.fn(settings, train, trained)
    whole = outputs(trained)
    log_round = task.log_round

    def cut(*args, **named):
        entry = log_round(*args, **named)
        if entry.body["round"]["number"] == 2:
            raise Cut
        return entry

    monkeypatch.setattr(task, "log_round", cut)
    with pytest.raises(Cut):
        federate_model.fn(settings, train, trained)
    monkeypatch.setattr(task, "log_round", log_round)
    before = newest_run(trained)
    assert len(before.rounds) == 2
    assert "failed: Cut" in before.state
    federate_model.fn(settings, train, trained)
    assert "going on after round 2 of an interrupted run" in capfd.readouterr().err
    assert outputs(trained) == whole
    after = newest_run(trained)
    assert [entry.body["round"]["number"] for entry in after.rounds] == [1, 2, 3]
    assert after.state.startswith("finished")


def test_a_round_that_was_changed_on_disk_is_not_gone_on_from(
    trained, train, params, monkeypatch, capfd
):
    federate_model.fn(params, train, trained)
    whole = outputs(trained)
    log_round = task.log_round

    def cut(*args, **named):
        log_round(*args, **named)
        raise Cut

    monkeypatch.setattr(task, "log_round", cut)
    with pytest.raises(Cut):
        federate_model.fn(params, train, trained)
    monkeypatch.setattr(task, "log_round", log_round)
    (saved,) = trained.mlruns.glob("federate/*/round-00001.safetensors")
    data = bytearray(saved.read_bytes())
    data[-1] ^= 1
    saved.write_bytes(data)
    federate_model.fn(params, train, trained)
    assert "is not what the log has" in capfd.readouterr().err
    assert outputs(trained) == whole


def test_the_round_file_holds_weights_strategy_clients_and_randomness(
    trained, train, changed, monkeypatch
):
    settings = changed(rounds=2, audit=False, strategy={"name": "fedyogi", "server_rate": 0.1})
    log_round, seen = task.log_round, []

    def look(workspace, run, found, saved, **named):
        seen.append((saved.digest, load_file(saved.path)))
        return log_round(workspace, run, found, saved, **named)

    monkeypatch.setattr(task, "log_round", look)
    federate_model.fn(settings, train, trained)
    entries = newest_run(trained).rounds
    assert [entry.body["artifacts"][0]["blake3"] for entry in entries] == [d for d, _ in seen]
    names = set(seen[-1][1])
    assert any(name.startswith("/server/arrays/") for name in names)
    assert any(name.startswith("/server/strategy/m_t/") for name in names)
    assert any(name.startswith("/clients/100/arrays/residual") for name in names)


def test_noise_is_in_the_log_the_card_and_mlflow(trained, train, changed):
    settings = changed(
        rounds=2,
        audit=False,
        upload={"codec": "none"},
        privacy={
            "level": "central_dp",
            "noise_multiplier": 2.0,
            "epsilon": 50.0,
            "noise": "seeded",
        },
    )
    federate_model.fn(settings, train, trained)
    log = Log.open(trained.provenance)
    entry, _ = log.newest("mlruns/stages/federate/model.safetensors")
    stated = entry.body["privacy"]
    expected = gaussian_epsilon(2.0 / np.sqrt(2), 1e-5)  # two releases at z = 2
    assert float(stated["epsilon"]) == pytest.approx(expected, abs=1e-4)
    assert stated["neighbouring"] == "add or remove one client with all its data"
    assert any("trusted" in line for line in stated["assumptions"])
    card = (trained.stage("federate") / "model_card.md").read_text()
    assert f"epsilon {expected:.3f}" in card
    assert stated["neighbouring"] in card
    run = connect(trained).MlflowClient().get_run(entry.body["id"])
    assert run.data.metrics["privacy.epsilon"] == pytest.approx(float(stated["epsilon"]))
    first, second = newest_run(trained).rounds
    assert float(first.body["privacy"]["epsilon"]) < float(second.body["privacy"]["epsilon"])
    assert "val_loss" not in outputs(trained)["rounds.jsonl"].decode()  # no figures without noise


def test_the_budget_ends_the_run_before_it_is_overdrawn(trained, train, changed):
    settings = changed(
        rounds=5,
        audit=False,
        upload={"codec": "none"},
        privacy={"level": "central_dp", "noise_multiplier": 2.0, "epsilon": 3.0, "noise": "seeded"},
    )
    federate_model.fn(settings, train, trained)
    metrics = json.loads(outputs(trained)["metrics.json"])
    # 2.94 after two rounds, above 3 after a third (gaussian_epsilon)
    assert metrics["federated"]["rounds"] == 2
    assert gaussian_epsilon(2 / np.sqrt(2), 1e-5) < 3 < gaussian_epsilon(2 / np.sqrt(3), 1e-5)
    assert "budget_spent" in outputs(trained)["model_card.md"].decode()


def test_auto_runs_a_tournament_and_says_why(trained, train, changed, capfd):
    settings = changed(
        rounds=1,
        audit=False,
        strategy={"name": "auto"},
        tournament={
            "rounds": 1,
            "candidates": [
                {"name": "fedadam", "server_rate": 5.0},  # far too large a step
                {"name": "fedavg", "server_rate": 1.0},
            ],
        },
    )
    federate_model.fn(settings, train, trained)
    assert "strategy auto: fedavg after 1 rounds: validation loss" in capfd.readouterr().err
    assert json.loads(outputs(trained)["metrics.json"])["federated"]["strategy"] == "fedavg"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"privacy": {"level": "central_dp", "epsilon": 0.01}}, "spent before the first round"),
        ({"strategy": {"name": "krum"}}, "krum with malicious=1 needs at least 5 clients"),
        ({"devices": "none.yaml"}, "none.yaml: No such file"),
        (
            {"privacy": {"level": "secure_aggregation", "threshold": 2}},
            "must be below the number of clients (2)",
        ),
    ],
)
def test_settings_that_no_run_can_have_are_named(trained, train, changed, values, told):
    settings = changed(rounds=1, audit=False, upload={"codec": "none"}, **values)
    before = Artifact.of(trained.stage("train")).digest
    with pytest.raises(InputError) as caught:
        federate_model.fn(settings, train, trained)
    assert told in str(caught.value)
    assert Artifact.of(trained.stage("train")).digest == before


def test_rounds_that_come_to_nothing_end_the_run(trained, train, changed):
    settings = changed(rounds=9, audit=False, patience=2, selection={"least": 3})
    with pytest.raises(CheckFailed, match=r"2 rounds in a row came to nothing.*3 are needed"):
        federate_model.fn(settings, train, trained)


def test_data_of_one_language_are_dealt_out_by_group(trained, train, changed):
    source = read_federated(trained)
    alone = replace(source, manifest=source.manifest.assign(language="bg"))
    params = changed(shards=3)
    parts = parts_of(alone, params)
    assert set(parts) == {"shard 0", "shard 1", "shard 2"}
    assert alone.manifest.groupby(parts)["group"].unique().map(len).sum() == 24  # none is cut
    assert len(clients_of(alone, params, train)) == 3
    assert set(parts_of(source, params)) == {"bg", "ca"}
