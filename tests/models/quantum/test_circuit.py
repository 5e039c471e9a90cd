"""Circuits: what is refused, and that JSON keeps every bit of them."""

import json
import math

import numpy as np
import pytest
from scipy.stats import unitary_group

from models.quantum.circuit import Circuit, Op, Ref, from_dict, to_dict, unitary, w, x

PAIR = Circuit(
    2,
    (
        Op("RX", (0,), (x(0, scale=math.pi / 3),)),
        Op("IsingZZ", (1, 0), (x(0, 1),)),
        Op("Rot", (1,), (w(2), 0.1, w(0, scale=-1.0))),
        Op("CNOT", (0, 1)),
        unitary(unitary_group.rvs(4, random_state=1), (0, 1)),
    ),
)


def test_counts_come_from_the_references():
    assert (PAIR.features, PAIR.weights, PAIR.entangling) == (2, 3, 3)
    assert Circuit(1, (Op("Hadamard", (0,)),)).features == 0


def test_json_and_back_is_the_same_circuit():
    text = json.dumps(to_dict(PAIR))
    assert from_dict(json.loads(text)) == PAIR
    assert json.dumps(to_dict(from_dict(json.loads(text)))) == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version=2: this code reads 1"),
        ({"shots": 1}, r"unknown keys \['shots'\]"),
        ({"qubits": True}, "qubits must be a whole number"),
        ({"measure": "x"}, "measure='x': allowed are z, probabilities"),
        ({"ops": [{"gate": "RX", "wires": [0]}]}, r"missing keys \['params'\]"),
        ({"ops": [{"gate": "RX", "wires": [0.0], "params": [1.0]}]}, "wires and params lists"),
        ({"ops": [{"gate": "RX", "wires": [0], "params": ["1"]}]}, "a parameter"),
        (
            {
                "ops": [
                    {
                        "gate": "RX",
                        "wires": [0],
                        "params": [{"source": "y", "scale": 1, "index": [0]}],
                    }
                ]
            },
            "source must be x or w",
        ),
        (
            {"ops": [{"gate": "RY", "wires": [0], "params": [float("nan")]}]},
            "must be finite",
        ),
    ],
)
def test_json_that_is_not_ours_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        from_dict({**to_dict(PAIR), **change})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Op("RXX", (0,), (0.1,)), "gate='RXX': there is none of that name, use e.g. RX"),
        (lambda: Op("RX", (0,)), "RX: 0 params given, it takes 1"),
        (lambda: Op("CNOT", (0,)), "CNOT: 1 wires given, it takes 2"),
        (lambda: Op("CNOT", (1, 1)), "each once"),
        (lambda: Op("RX", (0,), (math.inf,)), "must be finite"),
        (lambda: Circuit(0, ()), "qubits=0"),
        (lambda: Circuit(2, (Op("RX", (2,), (0.1,)),)), "there are 0 to 1"),
        (lambda: Circuit(1, (), measure="y"), "measure='y'"),  # type: ignore[arg-type]
        (lambda: unitary(np.eye(3), (0, 1)), "shape \\(3, 3\\) does not act on 2 wires"),
        (lambda: unitary(np.array([[1, 1], [0, 1]]), (0,)), "not unitary: .* is 1 away"),
        (lambda: Op("QubitUnitary", (0,), (w(0),) * 8), "must be numbers"),
        (
            lambda: Circuit(1, (Op("PauliX", (0,)), Op("StatePrep", (0,), (1.0, 0.0)))),
            "StatePrep must be the first",
        ),
    ],
)
def test_bad_circuits_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_references_are_values():
    assert x(1, 2, scale=0.5) == Ref("x", 1, 0.5, (2,))
    assert len({PAIR, from_dict(to_dict(PAIR))}) == 1
