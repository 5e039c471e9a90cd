"""Heads as bytes and JSON: the same bits come back, and what is not ours is refused."""

import dataclasses
import itertools
import json

import pytest
import safetensors.torch
import torch

from models.quantum.ansatz import LAYERS
from models.quantum.encoding import ENCODINGS
from models.quantum.head import HeadConfig, QuantumHead
from models.quantum.stored import restore, store

HEAD = QuantumHead(HeadConfig(features=5, classes=3, qubits=4, layers=2), seed=3)


@pytest.mark.parametrize(("encoding", "ansatz"), itertools.product(ENCODINGS, LAYERS))
def test_every_head_comes_back_bit_by_bit(encoding, ansatz):
    config = dataclasses.replace(HEAD.config, encoding=encoding, ansatz=ansatz)
    head = QuantumHead(config, seed=1)
    weights, told = store(head)
    again = restore(weights, json.loads(json.dumps(told)))
    assert again.config == config
    assert again.circuit == head.circuit
    for name, value in head.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again(x), head(x))
    assert store(again) == (weights, told)


def test_a_head_on_another_device_keeps_its_options():
    told = {"engine": "pennylane", "device": "default.qubit", "options": {"seed": 5}, "shots": 20}
    head = QuantumHead(dataclasses.replace(HEAD.config, **told), seed=0)
    weights, described = store(head)
    assert restore(weights, json.loads(json.dumps(described))).config == head.config


def _changed(path, value):
    """The description with one entry replaced, added, or (value None) left out."""
    told = json.loads(json.dumps(store(HEAD)[1]))
    inner = told
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return told


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("version",), 2, "version 2: this code reads 'cairn-quantum-head' version 1"),
        (("format",), "qnode", "'qnode' version 1: this code reads"),
        (("pickle",), "gASV", r"unknown keys \['pickle'\]"),
        (("circuit",), None, r"missing keys \['circuit'\]"),
        (("config", "shots"), None, r"config: missing keys \['shots'\]"),
        (("config", "depth"), 3, r"config: missing keys \[\], unknown keys \['depth'\]"),
        (("config", "layers"), 2.5, "config: layers must be int, not 2.5"),
        (("config", "entangle"), 1, "config: entangle must be bool, not 1"),
        (("config", "qubits"), 99, "qubits=99: a head has 1 to 20"),
        (("config", "encoding"), "iqp", "makes another circuit than the one stored"),
        (
            ("config", "classes"),
            4,
            r"'post.weight' is \(3, 4\) of torch.float32, needed is \(4, 4\)",
        ),
        (("circuit", "version"), 9, "circuit version=9"),
        (("circuit", "ops", 0, "gate"), "exec", "gate='exec': there is none of that name"),
    ],
)
def test_descriptions_that_are_not_ours_are_refused(path, value, message):
    with pytest.raises(ValueError, match=message):
        restore(store(HEAD)[0], _changed(path, value))


def _weights(**changes):
    state = {name: value.clone() for name, value in HEAD.state_dict().items()}
    for name, value in changes.items():
        state[name.replace("__", ".")] = value
    return safetensors.torch.save(state)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (b"not safetensors", "are no safetensors"),
        (_weights(extra=torch.zeros(1)), r"weights: missing keys \[\], unknown keys \['extra'\]"),
        (_weights(weights=torch.zeros(3)), r"'weights' is \(3,\)"),
        (
            _weights(weights=torch.full((24,), torch.nan)),
            "'weights' has values that are not finite",
        ),
        (_weights(post__bias=torch.zeros(3).double()), "torch.float64, needed is"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        restore(weights, store(HEAD)[1])


def test_bytes_are_the_same_every_time():
    assert len({store(QuantumHead(HEAD.config, seed=3))[0] for _ in range(5)}) == 1
