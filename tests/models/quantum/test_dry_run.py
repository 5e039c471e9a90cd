"""Counts of a dry run, worked out by hand and held against what PennyLane's tracker counts."""

import pennylane as qml
import pytest

from models.quantum.circuit import Circuit, Op, w, x
from models.quantum.dry_run import WIDTH, dry_run, measure
from models.quantum.head import HeadConfig, circuit_of
from models.quantum.pennylane_engine import PennylaneEngine
from tests.models.quantum.circuits import inputs, random_circuit


def circuit(**changes):
    """4 qubits, 2 layers of RX and a ring of CNOTs, RX encoding."""
    given = {"qubits": 4, "layers": 2, "ansatz": "basic", **changes}
    return circuit_of(HeadConfig(features=6, classes=3, **given))


def executed(made, *, batch, inputs_learn=True):
    """Circuits that one training step really runs, as PennyLane counts them."""
    features, weights = inputs(made, batch, 0)
    features = features / features.norm(dim=1, keepdim=True)  # amplitudes too
    engine = PennylaneEngine(made, shots=5)
    with qml.Tracker(engine._node.device) as counted:
        found = engine(features if inputs_learn else features.detach(), weights)
        found.sum().backward()
    return counted.totals["executions"], counted.totals["shots"]


def test_gates_and_depth_by_hand():
    found = measure(circuit(), inputs_learn=True)
    # 4 RX of the features; 4 RX and 4 CNOTs in each of 2 layers.
    assert found.gates == {"CNOT": 8, "RX": 12}
    assert found.two_qubit == 8
    assert found.weights == 8
    # RX, RX, then CNOTs 01, 12, 23, 30 one after the other; the second RX of wire 0 waits for the
    # last of them, and so does the next ring: 2 + 4 + 1 + 4.
    assert found.depth == 11
    # Every RX has one frequency: two circuits each.
    assert (found.angles, found.shifted) == (12, 24)


def test_features_that_nothing_learned_are_not_shifted():
    found = measure(circuit(), inputs_learn=False)
    assert (found.angles, found.shifted) == (8, 16)


def test_a_rotation_has_three_angles_and_a_controlled_one_two_frequencies():
    made = Circuit(2, (Op("Rot", (0,), (w(0), w(1), 0.3)), Op("CRX", (0, 1), (w(2),))))
    found = measure(made, inputs_learn=True)
    # Two of Rot's angles are trained: 2 circuits each. CRX has frequencies 1/2 and 1: 4 circuits.
    assert (found.angles, found.shifted) == (3, 2 * 2 + 4)


def test_amplitudes_are_prepared_by_gates_on_two_wires():
    found = measure(circuit(encoding="amplitude"), inputs_learn=True)
    # Moettoenen et al. 2004, https://arxiv.org/abs/quant-ph/0407010: 2^n - 1 RY and as many RZ for
    # 4 qubits; the CNOTs of one cascade are 2 + 4 + 8, and 8 stand in the layers.
    assert found.gates["RY"] == found.gates["RZ"] == 15
    assert found.gates["CNOT"] <= 2 * (2 + 4 + 8) + 8
    assert found.shifted == 2 * (15 + 15 + 8)


@pytest.mark.parametrize("encoding", ["angle", "iqp", "reuploading", "amplitude"])
def test_pennylane_runs_as_many_circuits_in_a_training_step(encoding):
    made = circuit(encoding=encoding, layers=1, qubits=3)
    each = 1 + measure(made, inputs_learn=True).shifted
    assert executed(made, batch=2) == (2 * each, 2 * each * 5)


def test_pennylane_runs_as_many_without_trained_inputs():
    made = circuit(layers=1, qubits=3)
    each = 1 + measure(made, inputs_learn=False).shifted
    assert executed(made, batch=2, inputs_learn=False)[0] == 2 * each


@pytest.mark.parametrize("seed", [1, 2])
def test_pennylane_runs_as_many_for_every_gate(seed):
    made = random_circuit(seed, qubits=3, size=0, measure="z")
    assert executed(made, batch=1)[0] == 1 + measure(made, inputs_learn=True).shifted


def test_shots_and_cost_in_closed_form():
    found = dry_run(
        circuit(),
        shots=1000,
        answers=100,
        learning={"one epoch": 50, "ten epochs": 500},
        price_per_task=0.3,
        price_per_shot=0.01,
    )
    answers, epoch, ten = found.work
    assert (answers.what, answers.circuits, answers.shots) == ("100 answers", 100, 100_000)
    assert answers.cost == pytest.approx(100 * 0.3 + 100_000 * 0.01)  # 1030
    assert epoch.circuits == 50 * 25  # itself and 24 shifted
    assert epoch.cost == pytest.approx(1250 * 0.3 + 1_250_000 * 0.01)
    assert (ten.circuits, ten.shots) == (10 * epoch.circuits, 10 * epoch.shots)


def test_one_price_is_enough_and_none_is_no_cost():
    only_shots = dry_run(circuit(), shots=10, answers=2, price_per_shot=0.5)
    assert only_shots.work[0].cost == pytest.approx(10.0)
    assert dry_run(circuit(), shots=10, answers=2).work[0].cost is None
    exact = dry_run(circuit(), shots=None, answers=2, price_per_task=3.0, price_per_shot=0.5)
    assert (exact.work[0].shots, exact.work[0].cost) == (None, 6.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shots": 0}, "shots=0: must be 1 or more"),
        ({"answers": 0}, "answers: 0 rows: must be 1 or more"),
        ({"learning": {"one epoch": 0}}, "one epoch: 0 rows"),
        ({"price_per_shot": -0.1}, r"price_per_shot=-0.1: must be 0 or more"),
        ({"price_per_task": float("nan")}, "price_per_task=nan: must be 0 or more"),
    ],
)
def test_what_cannot_be_counted(changes, message):
    with pytest.raises(ValueError, match=message):
        dry_run(circuit(), **{"shots": 10, "answers": 1, **changes})


def test_the_drawing_has_every_wire_and_a_bounded_width():
    drawn = dry_run(circuit(layers=10), shots=1, answers=1).drawing
    assert {f"{wire}:" for wire in range(4)} <= {
        line.split("─")[0].strip() for line in drawn.split("\n")
    }
    assert max(map(len, drawn.splitlines())) <= WIDTH
    assert drawn.count("<Z>") == 4


def test_a_circuit_without_parameters():
    found = measure(Circuit(2, (Op("Hadamard", (0,)), Op("CNOT", (0, 1)))), inputs_learn=True)
    assert (found.gates, found.depth, found.shifted) == ({"CNOT": 1, "Hadamard": 1}, 2, 0)


def test_gates_on_three_wires_are_taken_apart():
    found = measure(
        Circuit(3, (Op("Toffoli", (0, 1, 2)), Op("RX", (0,), (x(0),)))), inputs_learn=True
    )
    # Nielsen and Chuang 2010, figure 4.9: six CNOTs, two Hadamards and seven T gates.
    assert found.two_qubit == found.gates["CNOT"] == 6
    assert found.gates["T"] + found.gates["Adjoint(T)"] == 7
