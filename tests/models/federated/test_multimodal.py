"""A client of the multimodal model: what it sends, and what it does not."""

import importlib.util
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.batches import Data
from models.federated.arrays import digest, norm, subtract
from models.federated.dropout import OwnDropout, draw_from
from models.federated.learner import Work
from models.federated.multimodal import Local, MultimodalLearner, Workshop, weights_of
from models.multimodal import build
from models.objective import Weights

PROJECT = Path(__file__).resolve().parents[3]
SGD = Local("sgd", 0.0, 1, 8, 0.0, 0.0, 0.0, 1e9, Weights(1.0, 1.0, 0.5))


@pytest.fixture(scope="module")
def parts():
    path = PROJECT / "tests" / "models" / "conftest.py"
    loaded = importlib.util.spec_from_file_location("readable_data", path)
    readable = importlib.util.module_from_spec(loaded)
    loaded.loader.exec_module(readable)
    torch.set_num_threads(1)
    return readable.spec.__wrapped__(), readable.examples.__wrapped__()


@pytest.fixture
def client(parts):
    spec, examples = parts
    own = (examples.language == 0).nonzero()[:, 0]
    data = Data(examples, own[:16], own[16:])
    return MultimodalLearner("bg", data, SGD, Workshop(lambda: build(spec, seed=3)))


@pytest.fixture
def start(parts):
    return weights_of(build(parts[0], seed=3))


def test_gates_and_class_names_stay_where_they_are(start):
    assert not [name for name in start if name.startswith("fusion.") or name.endswith(".names")]
    assert any(name.endswith("project.2.weight") for name in start)


def test_same_work_same_bytes_whatever_was_trained_before(client, start):
    work = Work(round=1, seed=5, rate=0.05)
    first = client.train(start, work)
    client.train(start, Work(round=2, seed=6, rate=0.5))
    again = client.train(start, work)
    assert digest(again.arrays) == digest(first.arrays)
    assert again.metrics == first.metrics
    other = client.train(start, replace(work, seed=6))
    assert digest(other.arrays) != digest(first.arrays)


def test_clients_in_threads_do_not_disturb_each_other(client, start):
    client = replace(client, local=replace(SGD, modality_dropout=0.3))
    works = [Work(round=1, seed=seed, rate=0.05) for seed in range(4)]
    alone = [digest(client.train(start, work).arrays) for work in works]
    found = [""] * 4

    def learn(i):
        found[i] = digest(client.train(start, works[i]).arrays)

    threads = [threading.Thread(target=learn, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == alone


def test_one_step_of_sgd_is_the_rate_times_the_gradient(client, start):
    """With all rows in one batch y = x - lr (g + mu (x - x) + c): a correction moves by lr c, and
    FedProx's pull is nothing on the first step, where the weights are those that came."""
    client = replace(client, local=replace(SGD, batch_size=64))
    plain = client.train(start, Work(round=1, seed=5, rate=0.1))
    assert plain.steps == 1
    pulled = client.train(start, Work(round=1, seed=5, rate=0.1, mu=3.0))
    assert digest(pulled.arrays) == digest(plain.arrays)
    correction = {name: np.full_like(value, 0.25) for name, value in start.items()}
    moved = client.train(start, Work(round=1, seed=5, rate=0.1, correction=correction))
    for value in subtract(plain.arrays, moved.arrays).values():
        np.testing.assert_allclose(value, 0.1 * 0.25, rtol=0, atol=2e-6)


def test_fedprox_keeps_clients_closer_to_what_they_were_sent(client, start):
    def distance(mu):
        work = Work(round=1, seed=5, rate=0.05, mu=mu)
        return norm(subtract(client.train(start, work).arrays, start))

    far, near = distance(0.0), distance(5.0)
    assert near < 0.95 * far


def test_partial_work_takes_fewer_steps_and_momentum_counts_as_fednova_says(client, start):
    whole = client.train(start, Work(round=1, seed=5, rate=0.05))
    half = client.train(start, Work(round=1, seed=5, rate=0.05, share=0.5))
    assert (whole.steps, half.steps) == (2, 1)  # 16 rows of one language, 8 a step
    heavy = replace(client, local=replace(SGD, momentum=0.9))
    # Wang et al. 2020, section 4: a unit gradient in every step moves by 1, then 1.9: 2.9 in all.
    assert heavy.train(start, Work(round=1, seed=5, rate=0.05)).steps == pytest.approx(2.9)


def test_own_version_changes_only_what_it_may(client, start):
    work = Work(round=0, seed=5, rate=0.05)
    own = client.personal(start, work, epochs=1, part="experts")
    changed = {name for name in start if not np.array_equal(own[name], start[name])}
    assert changed == {name for name in start if ".expert." in name}
    after = client.train(start, Work(round=1, seed=5, rate=0.05))  # all parts learn again
    assert not np.array_equal(
        after.arrays["views.image.project.2.weight"], start["views.image.project.2.weight"]
    )


def test_own_dropout_hides_its_share_and_keeps_the_mean():
    drop = OwnDropout(0.3)
    draw_from(drop, torch.Generator().manual_seed(1))
    x = torch.ones(100_000)
    y = drop(x)
    # Binomial(100,000, .3): five standard deviations are 725.
    assert abs(int((y == 0).sum()) - 30_000) < 725
    assert torch.allclose(y[y != 0], torch.tensor(1 / 0.7))
    assert torch.equal(drop.eval()(x), x)
