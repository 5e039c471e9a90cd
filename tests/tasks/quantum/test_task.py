"""The stage on a tiny model: what it leaves, what it refuses, and that it can be stopped."""

import json
import shutil

import mlflow
import pytest
import torch
from safetensors.numpy import load_file

from models.quantum.variant import Variant
from provenance import Artifact, Log, verify
from provenance.errors import TamperedError
from services.loading import load
from tasks.errors import InputError
from tasks.quantum.source import read_embedded
from tasks.quantum.task import quantum_head
from tasks.resume import Resume
from tasks.search.source import read_source
from tasks.tracking import connect
from tasks.train.examples import rows_of

HEADS = {"quantum", "mlp", "gated", "fourier", "unentangled", "linear", "model"}


class Cut(Exception):
    """The test's own interruption."""


def outputs(workspace):
    folder = workspace.stage("quantum")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_run_leaves_a_verdict_a_head_and_an_entry(trained, params):
    quantum_head.fn(params, trained, ())
    assert list(outputs(trained)) == [
        "components.safetensors",
        "decisions.json",
        "head.json",
        "head.safetensors",
        "metrics.json",
        "verdict.json",
    ]
    told = json.loads(outputs(trained)["verdict.json"])
    assert {one["against"] for one in told["contrasts"]} == HEADS - {"quantum"}
    assert not told["gain"]  # two seeds cannot show one: p is at least 0.5
    assert all(one["p_value"] >= 0.5 for one in told["contrasts"])
    metrics = json.loads(outputs(trained)["metrics.json"])
    assert set(metrics) == HEADS | {"commonest_class"}
    # 3 qubits, 1 layer: 6 * 3 + 3 before, 3 in the circuit, 3 * 3 + 3 after it.
    assert metrics["quantum"]["parameters"] == metrics["unentangled"]["parameters"] == 36
    assert metrics["linear"]["parameters"] == 6 * 3 + 3
    entry, _ = Log.open(trained.provenance).newest("mlruns/stages/quantum/verdict.json")
    assert entry.body["quantum"] == {"gain": False, "verdict": told["sentence"]}
    assert verify(trained.provenance, trained.root).ok
    assert mlflow.active_run() is None


def test_every_head_and_seed_is_a_nested_run(trained, params):
    quantum_head.fn(params, trained, ())
    entry, _ = Log.open(trained.provenance).newest("mlruns/stages/quantum/verdict.json")
    client = connect(trained).MlflowClient()
    parent = client.get_run(entry.body["id"])
    assert "no gain" in parent.data.tags["quantum.verdict"]
    assert parent.data.tags["quantum.verdict"].endswith("x the cost")
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    )
    found = {(run.data.params["head"], run.data.params["seed"]) for run in children}
    assert found == {(head, str(seed)) for head in HEADS - {"model"} for seed in (7, 8)}
    history = client.get_metric_history(children[0].info.run_id, "loss.validation")
    assert [point.step for point in history] == [1, 2]
    assert parent.data.metrics["gradient_variance.3_qubits"] > 0
    assert 0 <= parent.data.metrics["shots.100.accuracy"] <= 1
    assert 0 <= parent.data.metrics["depolarising.0.01.accuracy"] <= 1
    # At p = 3/4 no wire says anything (Nielsen & Chuang 8.3.4): all four rows get one answer, and
    # they are not all of one class.
    assert parent.data.metrics["depolarising.0.75.accuracy"] < 1
    pictures = {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert {
        "verdict.png",
        "verdict.md",
        "trainability.png",
        "shots.png",
        "noise.png",
        "decisions.md",
    } <= pictures


def test_same_params_same_bytes(trained, params):
    quantum_head.fn(params, trained, ())
    first = outputs(trained)
    quantum_head.fn(params, trained, ())
    assert outputs(trained) == first


def test_a_run_that_was_cut_off_goes_on_and_ends_in_the_same_bytes(
    trained, params, monkeypatch, capsys
):
    quantum_head.fn(params, trained, ())
    expected = outputs(trained)
    write, done = Resume.write, []

    def cut(self, state):
        write(self, state)
        done.append(len(state))
        if len(state) == 5 and len(done) == 5:
            raise Cut

    monkeypatch.setattr(Resume, "write", cut)
    with pytest.raises(Cut):
        quantum_head.fn(params, trained, ())
    quantum_head.fn(params, trained, ())
    assert done[5] == 6  # the first after the cut is the sixth, not the first
    assert "going on after 5 steps" in capsys.readouterr().err
    assert outputs(trained) == expected


def test_another_seed_is_another_head(trained, params, changed):
    quantum_head.fn(params, trained, ())
    first = load_file(trained.stage("quantum") / "head.safetensors")
    quantum_head.fn(changed(seed=11), trained, ())
    second = load_file(trained.stage("quantum") / "head.safetensors")
    assert (first["weights"] != second["weights"]).any()


def test_heads_that_are_trained_under_noise_learn_otherwise(trained, params, changed):
    quantum_head.fn(params, trained, ())
    first = load_file(trained.stage("quantum") / "head.safetensors")
    quantum_head.fn(changed(head={"depolarising": 0.05}), trained, ())
    second = load_file(trained.stage("quantum") / "head.safetensors")
    assert (first["weights"] != second["weights"]).any()
    told = json.loads((trained.stage("quantum") / "head.json").read_text())
    assert told["head"]["config"]["depolarising"] == 0.05


def test_a_batch_that_memory_does_not_hold_is_refused_before_anything_runs(trained, changed):
    with pytest.raises(
        InputError, match=r"quantum.head`: qubits=12: .* need [\d.]+ GB, .* are free"
    ):
        quantum_head.fn(changed(head={"qubits": 12}, training={"batch_size": 10**9}), trained, ())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"depolarising": [0.0]}, "robustness.depolarising"),
        ({"depolarising": [0.1, 1.5]}, "robustness.depolarising"),
        ({"depolarising": [0.1, 0.01]}, "must rise"),
        ({"shots": [0, 10]}, "robustness.shots"),
        ({"shots": [10, 10]}, "must rise"),
    ],
)
def test_impossible_devices_are_refused(changed, values, said):
    with pytest.raises(InputError, match=said):
        changed(robustness=values)


def test_more_components_than_rows_are_refused(trained, changed):
    # 12 stamps of two languages, one of them without a class: 22 training rows.
    with pytest.raises(InputError, match=r"quantum.components.*components=23.* 1 to 2"):
        quantum_head.fn(changed(components=23), trained, ())


def test_shots_need_an_engine_that_has_them(changed):
    with pytest.raises(InputError, match=r"backend.shots` \(100\) needs `engine: pennylane`"):
        changed(backend={"shots": 100})


@pytest.mark.parametrize(
    ("values", "said"),
    [({"qubits": 1}, "head.qubits"), ({"ansatz": "random"}, "head.ansatz"), ({"layers": 0}, "lay")],
)
def test_impossible_circuits_are_refused(changed, values, said):
    with pytest.raises(InputError, match=said):
        changed(head=values)


def test_a_changed_model_is_noticed(trained, params):
    weights = trained.stage("train") / "model.safetensors"
    kept = weights.read_bytes()
    try:
        weights.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        assert Artifact.of(weights)
        with pytest.raises(TamperedError):
            quantum_head.fn(params, trained, ())
    finally:
        weights.write_bytes(kept)


def test_the_files_make_a_variant_that_answers_as_the_head_did(trained, params, tmp_path):
    quantum_head.fn(params, trained, ())
    digests = {}
    for stage, name in (
        ("train", "model.safetensors"),
        ("train", "config.json"),
        ("quantum", "head.safetensors"),
        ("quantum", "head.json"),
        ("quantum", "components.safetensors"),
    ):
        shutil.copy(trained.stage(stage) / name, tmp_path)
        digests[name] = Artifact.of(tmp_path / name).digest
    loaded = load(tmp_path, digests)
    assert isinstance(loaded.model, Variant)
    source = read_embedded(trained, params)
    found = read_source(trained)
    test = rows_of(found.manifest, "test")
    test = test[found.examples.label[test] >= 0]
    with torch.no_grad():
        output = loaded.model(found.examples.batch(test))
    right = (output.log_probability.argmax(1) == source.test.y).double().mean()
    metrics = json.loads((trained.stage("quantum") / "metrics.json").read_text())
    assert float(right) in metrics["quantum"]["accuracy_by_seed"]
    plain = found.model(found.examples.batch(test))
    assert torch.equal(output.gates, plain.gates)  # all else is the frozen model's
    content = bytearray((tmp_path / "head.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "head.safetensors").write_bytes(content)
    with pytest.raises(TamperedError):
        load(tmp_path, digests)
