"""The published comparison: choices, circuits and losses against their sources; what tables say."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks import quantum_published_models as models
from benchmarks.quantum_published import DRESSED, exact, read
from benchmarks.quantum_published_data import Split, everything
from benchmarks.quantum_published_models import (
    INTERVAL,
    Dressed,
    Reuploading,
    dressed_circuit,
    fit,
    flat,
)
from benchmarks.quantum_published_reuse import reuse
from benchmarks.quantum_published_search import iqp, separable, svc
from benchmarks.quantum_published_tables import aims
from models.quantum.circuit import Circuit
from models.quantum.engine import Engine

HEAD = "bench,model,dataset,test_mean,test_sd,train_mean,n\n"


@pytest.fixture(scope="module")
def sets() -> dict[str, Split]:
    return everything()


def engine(circuit: Circuit) -> Engine:
    return Engine(circuit, dtype=torch.complex128)


def numbers(*shape: int) -> Tensor:
    draw = torch.Generator().manual_seed(len(shape))
    return torch.rand(shape, generator=draw, dtype=torch.float64)


# Choices and accuracies from XanaduAI/qml-benchmarks, paper/results/<family>/<model>, files
# *-best-hyperparams.csv and *-best-hyperparams-results.csv; the same in all five runs.
def test_a_search_finds_what_the_authors_found(sets: dict[str, Split]) -> None:
    wider, degrees = sets["hidden_manifold-6manifold-6d"], sets["two_curves-10d-13degree"]
    found = svc(wider)
    assert (found.c, found.other, found.test) == (10, 0.1, 50 / 60)
    found = svc(degrees)
    assert (found.c, found.other, found.train, found.test) == (100, 0.1, 0.9875, 0.9)
    found = separable(sets["hidden_manifold-6manifold-4d"])
    assert found.test == 42 / 60
    assert found.train == pytest.approx(0.7708333333333334)


def test_five_repetitions_come_out_with_pairs_in_the_first(sets: dict[str, Split]) -> None:
    # The authors chose C = 1 and 5 repetitions: 47 of 60, and 0.9875 of the training rows.
    found = iqp(sets["hidden_manifold-6manifold-6d"])
    assert (found.c, found.other, found.train, found.test) == (1, 5, 0.9875, 47 / 60)


def test_a_published_score_of_the_training_rows_is_told(sets: dict[str, Split]) -> None:
    # two_curves-10d-17degree: the file with the results holds 0.9916666666666667 twice in each
    # line, train_acc and test_acc. That is 238 of 240, and no multiple of one in 60.
    line = {"test_mean": 0.9916666666666668, "train_mean": 0.9916666666666668}
    found = exact(sets["two_curves-10d-17degree"], svc, line)
    assert found["published_is_our"] == "train"
    assert found["train"] == 238 / 240


def test_the_dressed_circuit_is_the_published_one_in_pennylane() -> None:
    import pennylane as qml

    turns, rows = numbers(6), numbers(4, 3)

    @qml.qnode(qml.device("default.qubit", wires=3))
    def published(x: Tensor) -> object:
        for wire in range(3):
            qml.Hadamard(wire)
            qml.RY(x[wire], wire)
        for layer in range(2):
            for wire in range(3):
                qml.RY(turns[3 * layer + wire], wire)
            for ring in ((0, 1), (1, 2), (2, 0)):
                qml.CNOT(ring)
        return [qml.expval(qml.Z(wire)) for wire in range(3)]

    expected = [[float(z) for z in published(row)] for row in rows]  # type: ignore[attr-defined]
    found = engine(dressed_circuit(3, 2))(rows, turns)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_reuploading_is_the_published_circuit_in_pennylane() -> None:
    # Eight features: three qubits, the ninth feature is 0. Three layers: CZ on (0, 1), on (1, 2),
    # on (0, 1); after them features go in once more, with both turns in one rotation.
    import pennylane as qml

    model, rows = Reuploading(8, layers=3, judged=2, seed=0), numbers(4, 8)

    @qml.qnode(qml.device("default.qubit", wires=3))
    def published(x: Tensor) -> object:
        x = torch.cat([x, torch.zeros(1, dtype=x.dtype)])
        for layer in range(4):
            for wire in range(3):
                own = slice(3 * wire, 3 * wire + 3)
                angles, turns = x[own] * model.scales[layer, own], model.turns[layer, own]
                if layer < 3:
                    qml.Rot(*angles, wire)
                    qml.Rot(*turns, wire)
                else:
                    qml.Rot(*(angles + turns), wire)
            if layer < 3:
                qml.CZ([(0, 1), (1, 2), (0, 1)][layer])
        return [qml.expval(qml.Z(wire)) for wire in range(2)]

    expected = [[float(z) for z in published(row)] for row in rows]  # type: ignore[attr-defined]
    np.testing.assert_allclose(model(rows).detach(), expected, atol=1e-9)


def test_without_cnots_no_qubit_knows_of_another() -> None:
    # Turns about Y add up: <Z> = cos(angle), from |+> turned by x and the weights: -sin(x + sum).
    rows, turns = numbers(4, 3), numbers(6)
    found = engine(dressed_circuit(3, 2, entangled=False))(rows, turns)
    np.testing.assert_allclose(found, -torch.sin(rows + turns[:3] + turns[3:]), atol=1e-9)


def test_reuploading_loss_is_the_papers() -> None:
    # Eq. 23 of Perez-Salinas et al. 2020, halved, with weights 1: fidelities (1 - z) / 2 with |1>
    # and (1 + z) / 2 with |0> against the label's 0 and 1. z = 0.6, label 1: (0.2^2 + 0.2^2) / 2;
    # label -1: (0.8^2 + 0.8^2) / 2.
    class Fixed(Reuploading):
        def forward(self, features: Tensor) -> Tensor:
            return torch.full((len(features), 1), 0.6, dtype=torch.float64)

    model = Fixed(3, layers=1, judged=1, seed=0)
    rows = torch.zeros(1, 3)
    assert model.loss(rows, torch.tensor([1])).item() == pytest.approx(0.04)
    assert model.loss(rows, torch.tensor([-1])).item() == pytest.approx(0.64)
    assert model.classes(rows).tolist() == [1]


def test_parameters_are_as_many_as_published() -> None:
    # D^2 + L D + 2 D for a dressed circuit: 16 + 40 + 8 for two curves in 4 dimensions.
    layers, _ = DRESSED["two_curves-5degree-0.1offset-4d"]
    model = Dressed(4, layers=layers, seed=0)
    assert sum(p.numel() for p in model.parameters()) == 64
    # 2 x (L + 1) x 3 n + 2 for re-uploading.
    other = Reuploading(4, layers=10, judged=1, seed=0)
    assert sum(p.numel() for p in other.parameters()) == 2 * 11 * 6 + 2


def test_training_ends_where_the_loss_lies_flat() -> None:
    # Two intervals, alternating by +-1: standard error 1 / sqrt(200); half of it may lie between.
    wave = [1.0, -1.0] * INTERVAL
    room = 0.5 / math.sqrt(INTERVAL)
    assert not flat(wave[: 2 * INTERVAL])
    assert flat([0.0, 0.0, *wave])
    assert flat([0.0, 0.0, *(v + 0.99 * room * (i < INTERVAL) for i, v in enumerate(wave))])
    assert not flat([0.0, 0.0, *(v + 1.01 * room * (i < INTERVAL) for i, v in enumerate(wave))])


def test_same_seed_same_run(monkeypatch: pytest.MonkeyPatch, sets: dict[str, Split]) -> None:
    monkeypatch.setattr(models, "MOST", 30)
    split = sets["linearly_separable_2d"]

    def run(seed: int) -> tuple[bytes, models.Fitted]:
        model = Dressed(2, layers=2, seed=seed)
        found = fit(model, split, rate=0.1)
        return model.inner.detach().numpy().tobytes(), found

    first = run(0)
    assert first == run(0)
    assert first[0] != run(1)[0]
    assert first[1].steps == 30
    assert not first[1].settled


def test_kept_states_predict_what_a_circuit_an_entry_does(sets: dict[str, Split]) -> None:
    split = sets["two_curves-5degree-0.1offset-4d"]
    found = reuse(split, c=10, repeats=1)
    assert found["same"]
    assert found["once"]["accuracy"] == found["each"]["accuracy"]
    # 240 + 60 samples; 240 x 239 / 2 + 60 x 240 entries.
    assert (found["once"]["circuits"], found["each"]["circuits"]) == (300, 43_080)


@pytest.mark.slow
def test_seeds_give_the_published_runs(sets: dict[str, Split]) -> None:
    # XanaduAI/qml-benchmarks, paper/results/hidden_manifold/DressedQuantumCircuitClassifier, file
    # ..._hidden_manifold-6manifold-6d_GridSearchCV-best-hyperparams-results.csv, lines 0 and 1.
    name = "hidden_manifold-6manifold-6d"
    layers, rate = DRESSED[name]
    expected = [(0.9291666666666667, 0.8666666666666667), (0.9375, 0.8333333333333334)]
    for seed, accuracies in enumerate(expected):
        found = fit(Dressed(6, layers=layers, seed=seed), sets[name], rate=rate)
        assert (found.train, found.test) == pytest.approx(accuracies)
        assert found.settled


def test_a_set_of_two_names_is_one(tmp_path: Path) -> None:
    line = "two_curves,SVC,two_{}-5degree-0.1offset-4d,{},0.0,0.9,5\n"
    file = tmp_path / "published.csv"
    file.write_text(HEAD + line.format("curves", 0.5) + line.format("manifold", 0.5))
    assert list(read(file)) == [("SVC", "two_curves-5degree-0.1offset-4d")]
    file.write_text(HEAD + line.format("curves", 0.5) + line.format("manifold", 0.6))
    with pytest.raises(ValueError, match="two names of one set differ"):
        read(file)


def test_a_miss_is_called_one() -> None:
    def lines(*places: str) -> dict[str, Any]:
        return {f"linearly_separable_{i}d": {"published_is_our": p} for i, p in enumerate(places)}

    for values in (
        told := {"SVC": lines("test", "train"), "IQP kernel": lines("neither")}
    ).values():
        for line in values.values():
            line["test"] = 0.5
    results = {
        "exact": {**told, "separable kernel": {}},
        "trained": {
            "dressed circuit": {
                "a": {"within": True, "exact": True, "mean": 0.9},
                "b": {"within": False, "exact": False, "mean": 0.9},
            },
            "data re-uploading": {"a": {"within": True, "exact": False, "mean": 0.96}},
        },
        "reuse": {"once": {"circuits": 6}, "each": {"circuits": 10}, "same": True},
    }
    verdicts = {row[0]: row[1:] for row in aims(results)[1:]}
    assert verdicts["SVC exactly"] == [
        "1 of 2 sets; on 1 the published one is that of the training rows",
        "met",
    ]
    assert verdicts["IQP kernel exactly"] == ["0 of 1 sets", "missed"]
    assert verdicts["dressed circuit within the published error, 4 sets"] == [
        "1 of 2 sets, 1 of them exactly; not b",
        "missed",
    ]
    assert verdicts["data re-uploading within the published error, 2 sets"][1] == "missed"
    assert verdicts["a quantum model at 95%"] == ["on 1 sets", "met"]
    assert verdicts["half the circuits, same predictions"] == ["6 for 10", "missed"]
