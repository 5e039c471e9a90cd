"""What is refused before memory runs out, and that predictions are above what is taken."""

import dataclasses

import psutil
import pytest
import torch

from models.quantum import memory
from models.quantum.circuit import Circuit
from models.quantum.engine import Engine
from models.quantum.head import HeadConfig, QuantumHead, circuit_of
from models.quantum.memory import check_memory, free_bytes, predicted_bytes, refuse

CONFIG = HeadConfig(features=4, classes=2, qubits=10, layers=3)


def test_31_qubits_are_refused_with_the_numbers(monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda: 12 * 10**9)
    # 2^31 amplitudes of 8 bytes, eight times: 137.4 GB; 27 qubits need a sixteenth of it.
    with pytest.raises(
        ValueError, match=r"qubits=31: .* need 137\.4 GB, 12\.0 GB are free: use at"
    ):
        Engine(Circuit(31, ()))
    with pytest.raises(ValueError, match="use at most 27 qubits"):
        Engine(Circuit(31, ()))
    with pytest.raises(ValueError, match=r"need 274\.9 GB"):
        Engine(Circuit(31, ()), dtype=torch.complex128)


def test_a_batch_is_refused_with_one_that_fits(monkeypatch):
    circuit = circuit_of(CONFIG)
    one = predicted_bytes(circuit, batch=1, training=True)
    check_memory(circuit, batch=1, training=True)
    monkeypatch.setattr(memory, "free_bytes", lambda: 10 * one)
    with pytest.raises(ValueError, match=r"batches of 1000 need .* or batches of 1\d\d?$"):
        check_memory(circuit, batch=1000, training=True)


def test_density_matrices_take_the_square():
    circuit = circuit_of(CONFIG)
    pure = predicted_bytes(circuit, batch=64, training=False)
    mixed = predicted_bytes(circuit, batch=64, training=False, mixed=True)
    assert mixed / pure > 2**10 / 4  # 4^n real numbers for 2^n complex ones, less tables
    with pytest.raises(ValueError, match="density matrices for batches of 100000"):
        check_memory(circuit, batch=100_000, training=False, mixed=True)


@pytest.mark.parametrize("layers", [1, 6])
@pytest.mark.parametrize("encoding", ["angle", "iqp", "reuploading"])
def test_training_keeps_below_the_prediction(layers, encoding):
    config = dataclasses.replace(CONFIG, layers=layers, encoding=encoding)
    head = QuantumHead(config, seed=0)
    predicted = predicted_bytes(head.circuit, batch=64, training=True)
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    with torch.profiler.profile(profile_memory=True) as profile:
        head(x).sum().backward()
    events = [event for event in profile.profiler.kineto_results.events() if event.nbytes()]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    assert 0 < peak < predicted < 3 * peak


def test_a_containers_limit_counts(monkeypatch, tmp_path):
    limit, used = tmp_path / "memory.max", tmp_path / "memory.current"
    monkeypatch.setattr(memory, "LIMITS", ((limit, used),))
    used.write_text("1000\n")
    assert free_bytes() == pytest.approx(psutil.virtual_memory().available, rel=0.2)
    limit.write_text("max\n")
    assert free_bytes() > 5000
    limit.write_text("5000\n")
    assert free_bytes() == 4000


def test_a_batch_that_not_one_qubit_would_help_is_refused_with_a_smaller_one():
    # 4,000 rows of 1 GB each: 10 of them fit, and 4,000 of 2^-8 of it, 15.6 GB, do not.
    with pytest.raises(ValueError, match=r"10\.0 GB are free: use batches of 10$"):
        refuse(4 * 10**12, 10**10, 8, batch=4000, mixed=False)
