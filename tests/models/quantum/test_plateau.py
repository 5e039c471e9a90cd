"""Gradients over random starts: a closed form, and the exponential decay of the paper."""

import math

import numpy as np
import pytest

from models.quantum.head import HeadConfig
from models.quantum.plateau import flatness


def config(**more):
    return HeadConfig(**{"features": 4, "classes": 2, "qubits": 2, "layers": 1, **more})


def test_one_rotation_has_the_variance_of_a_sine():
    # RX(x) RX(w) on one wire: d<Z>/dw = -sin(x + w), whose variance over a whole turn is 1/2.
    found = flatness(config(ansatz="basic"), qubits=1, samples=2000, seed=0)
    # The variance of sin^2 is 1/8; four standard errors of 2000 draws.
    assert found.variance == pytest.approx(0.5, abs=4 * math.sqrt(1 / 8 / 2000))


def test_variance_falls_exponentially_with_qubits():
    # McClean et al. 2018, figure 3: a straight line over qubits on a logarithmic axis.
    sizes = [2, 4, 6, 8]
    deep = config(ansatz="strongly_entangling", layers=20)
    found = [flatness(deep, qubits=n, samples=60, seed=0).variance for n in sizes]
    slope, _ = np.polyfit(sizes, np.log2(found), 1)
    assert slope < -0.6
    assert found == sorted(found, reverse=True)


def test_a_plateau_is_warned_of():
    found = flatness(config(), qubits=2, samples=10, seed=0)
    assert found.warning(found.variance / 2) is None
    assert "2 qubits in 1 layers" in (found.warning(found.variance * 2) or "")


def test_same_seed_same_variance():
    one, two, other = (flatness(config(), qubits=3, samples=10, seed=s) for s in (1, 1, 2))
    assert one == two != other
