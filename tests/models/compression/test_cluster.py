import pytest
import torch
from sklearn.cluster import KMeans

from models.compression.calibration import ask
from models.compression.cluster import cluster, codes, shared
from models.compression.reload import numbers, reload
from models.compression.storage import pack


def test_as_scikit_learns_kmeans_from_the_same_start():
    weight = torch.randn(60, 40, generator=torch.Generator().manual_seed(1)).double()
    start = torch.linspace(float(weight.min()), float(weight.max()), 16).numpy()[:, None]
    theirs = KMeans(16, init=start, n_init=1, tol=0, max_iter=50, algorithm="lloyd").fit(
        weight.flatten()[:, None].numpy()
    )
    error = (weight - shared(weight, values=16).values()).square().sum()
    assert float(error) == pytest.approx(theirs.inertia_, rel=1e-6)


def test_numbers_that_are_few_already_stay():
    weight = torch.tensor([-2.0, 0.5, 1.0]).repeat(40).view(12, 10)
    found = shared(weight, values=3)
    assert torch.equal(found.values(), weight)
    assert found.codebook.tolist() == [-2.0, 0.5, 1.0]
    assert found.index.dtype is torch.uint8


def test_pruned_weights_stay_zero_and_no_others_become_it():
    weight = torch.randn(64, 32, generator=torch.Generator().manual_seed(3))
    weight[weight.abs() < 1.0] = 0
    found = shared(weight, values=8).values()
    assert torch.equal(found == 0, weight == 0)
    assert len(found.unique()) <= 8
    assert shared(torch.zeros(9, 9), values=4).values().eq(0).all()


@pytest.mark.parametrize("values", [16, 256])
def test_a_view_of_few_values(small_caption, small_samples, values):
    found = cluster(small_caption, values=values)
    stored = codes(found)
    assert "encoder.bert.embeddings.word_embeddings.weight" in stored
    for name, weight in found.named_parameters():
        if name in stored:
            assert torch.equal(stored[name].values(), weight)
            assert len(stored[name].codebook) <= values
    assert not codes(small_caption)  # unchanged
    again = reload(small_caption, found.state_dict(), numbers(found))
    calibration = small_samples["caption"]
    assert torch.equal(ask(again, calibration).scores, ask(found, calibration).scores)


def test_more_values_are_nearer(small_audio):
    def error(values: int) -> float:
        found = dict(cluster(small_audio, values=values).named_parameters())
        return sum(
            float((weight - found[name]).square().sum())
            for name, weight in small_audio.named_parameters()
        )

    assert error(256) < error(16) < error(2)


def test_sixteen_values_are_stored_in_less_than_half_a_byte_each():
    weight = torch.randn(500, 400, generator=torch.Generator().manual_seed(6))
    found = shared(weight, values=16).values()
    packed = pack({"weights": found.numpy().tobytes()})
    # 4 bits each is the ceiling of an even choice among 16; the normal's are uneven.
    assert len(packed) < weight.numel() / 2


@pytest.mark.parametrize("values", [1, 257])
def test_impossible_numbers_of_values_are_refused(small_text, values):
    with pytest.raises(ValueError, match=f"values={values}: must be from 2 to 256"):
        cluster(small_text, values=values)
