"""Codecs by themselves: what they keep, what they lose, how many bytes they take."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as drawn

from models.federated.arrays import Arrays, add, flat, subtract, zeros
from models.federated.codec import BLOCK, LONGEST_GAP, Codec, decode, encode

CODECS = [Codec("none"), Codec("int8"), Codec("top_k", 0.1), Codec("low_rank", rank=2)]
quick = settings(max_examples=40, deadline=None)

shapes = st.lists(
    st.lists(st.integers(1, 40), min_size=0, max_size=3).map(tuple), min_size=1, max_size=4
)
values = st.floats(-(2.0**80), 2.0**80, width=32, allow_subnormal=False)


@st.composite
def models(draw: st.DrawFn) -> Arrays:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.sampled_from([0.0, 1e-20, 1.0, 1e15]))
    return {
        f"layer{i}": (size * rng.standard_normal(shape)).astype(np.float32)
        for i, shape in enumerate(draw(shapes))
    }


def sent(codec: Codec, arrays: Arrays) -> int:
    return sum(value.nbytes for value in encode(codec, arrays).values())


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@quick
@given(arrays=models())
def test_names_and_shapes_come_back(codec: Codec, arrays: Arrays) -> None:
    found = decode(codec, encode(codec, arrays), zeros(arrays))

    assert list(found) == list(arrays)
    for name, value in found.items():
        assert value.shape == arrays[name].shape
        assert value.dtype == np.float32
        assert np.isfinite(value).all()


@quick
@given(vector=drawn(np.float32, st.integers(1, 3 * BLOCK), elements=values))
def test_int8_is_at_most_half_a_step_off(vector: np.ndarray) -> None:
    """Rounding to multiples of s is off by s / 2; s is a 127th of a block's largest value."""
    found = decode(Codec("int8"), encode(Codec("int8"), {"x": vector}), {"x": vector})["x"]

    for start in range(0, len(vector), BLOCK):
        block = slice(start, start + BLOCK)
        largest = np.abs(vector[block]).max()
        half = largest / 127 / 2
        assert np.abs(found[block] - vector[block]).max() <= half * (1 + 1e-4)  # float32


def test_int8_has_a_scale_for_each_block() -> None:
    vector = np.concatenate([np.full(BLOCK, 1e6), np.full(BLOCK, 1e-6)]).astype(np.float32)
    found = decode(Codec("int8"), encode(Codec("int8"), {"x": vector}), {"x": vector})["x"]
    np.testing.assert_allclose(found, vector, rtol=1e-6)


@quick
@given(size=st.integers(1, 3000), share=st.floats(0.001, 1.0), seed=st.integers(0, 2**32))
def test_top_k_keeps_exactly_the_largest(size: int, share: float, seed: int) -> None:
    vector = np.random.default_rng(seed).permutation(size).astype(np.float32) + 1
    vector *= np.random.default_rng(seed + 1).choice([-1, 1], size)
    codec = Codec("top_k", share)

    found = decode(codec, encode(codec, {"x": vector}), {"x": vector})["x"]

    count = max(1, round(share * size))
    largest = np.abs(vector) > size - count  # |vector| is 1 to size, each once
    # Of those kept, a byte each: some are so much smaller than the largest that they become 0.
    assert not found[~largest].any()
    assert np.abs(found - vector)[largest].max() <= size / 127 / 2 * 1.001
    assert len(encode(codec, {"x": vector})["steps"]) == count


@pytest.mark.parametrize(
    "places",
    [
        [0],
        [LONGEST_GAP],  # the longest gap that fits
        [LONGEST_GAP + 1],  # the first that does not
        [0, LONGEST_GAP + 1],
        [0, LONGEST_GAP + 2],
        [70_000, 299_999],
        [131_071, 131_072, 262_144],
        [299_999],
    ],
)
def test_gaps_of_any_length(places: list[int]) -> None:
    vector = np.zeros(300_000, np.float32)
    vector[places] = 127
    codec = Codec("top_k", len(places) / len(vector))

    encoded = encode(codec, {"x": vector})

    assert encoded["gaps"].dtype == np.uint16
    np.testing.assert_array_equal(decode(codec, encoded, {"x": vector})["x"], vector)


@quick
@given(rank=st.integers(1, 3), rows=st.integers(40, 80), columns=st.integers(40, 80))
def test_low_rank_is_exact_for_matrices_of_that_rank(rank: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(rows * columns + rank)
    matrix = rng.normal(size=(rows, rank)) @ rng.normal(size=(rank, columns))
    arrays = {"w": matrix.astype(np.float32)}
    codec = Codec("low_rank", rank=rank)

    encoded = encode(codec, arrays)
    found = decode(codec, encoded, arrays)["w"]

    assert "left/w" in encoded
    # Each of `rank` factors' numbers is rounded to half precision: 2**-11 of its size.
    assert np.linalg.norm(found - matrix) <= 2 * 2**-11 * np.sqrt(rank) * np.linalg.norm(matrix)


def test_low_rank_is_nearly_the_best_of_its_rank() -> None:
    """Eckart & Young: no matrix of rank r is nearer than the truncated singular values. A random
    start with one power iteration comes within twice that (Halko et al. 2011, section 10)."""
    rng = np.random.default_rng(0)
    left = np.linalg.qr(rng.normal(size=(60, 60)))[0]
    right = np.linalg.qr(rng.normal(size=(50, 50)))[0]
    singular = 0.5 ** np.arange(50)
    matrix = (left[:, :50] * singular) @ right
    codec = Codec("low_rank", rank=4)

    found = decode(codec, encode(codec, {"w": matrix.astype(np.float32)}), {"w": matrix})["w"]

    best = np.linalg.norm(singular[4:])
    assert best * 0.999 <= np.linalg.norm(found - matrix) <= 2 * best


def test_what_low_rank_cannot_thin_goes_as_int8() -> None:
    arrays = {"w": np.ones((64, 64), np.float32), "b": np.arange(-63.0, 65.0, dtype=np.float32)}
    codec = Codec("low_rank", rank=1)
    found = decode(codec, encode(codec, arrays), arrays)
    assert np.abs(found["b"] - arrays["b"]).max() <= 64 / 127 / 2 * 1.001


@pytest.mark.parametrize("codec", CODECS[1:], ids=lambda codec: codec.name)
def test_what_is_lost_and_what_came_are_all_that_was_meant(codec: Codec) -> None:
    """Error feedback: after any number of rounds, sum of decoded + residual = sum of updates."""
    rng = np.random.default_rng(5)
    like = {"w": np.zeros((40, 30), np.float32), "b": np.zeros(30, np.float32)}
    residual, total, came = zeros(like), zeros(like), zeros(like)
    for _ in range(30):
        update = {n: rng.normal(size=v.shape).astype(np.float32) for n, v in like.items()}
        wanted = add(update, residual)
        decoded = decode(codec, encode(codec, wanted), like)
        residual = subtract(wanted, decoded)
        total, came = add(total, update), add(came, decoded)
    np.testing.assert_allclose(flat(add(came, residual)), flat(total), atol=2e-4)
    assert np.abs(flat(residual)).max() > 1e-3  # something was lost on the way


def test_bytes() -> None:
    rng = np.random.default_rng(1)
    arrays = {"w": rng.normal(size=(300, 200)).astype(np.float32), "b": np.ones(200, np.float32)}
    dense = sent(Codec("none"), arrays)

    assert dense == 4 * (300 * 200 + 200)
    count = 300 * 200 + 200
    assert sent(Codec("int8"), arrays) == count + 4 * -(-count // BLOCK)  # a scale a block
    tenth = count // 10
    assert sent(Codec("top_k", 0.1), arrays) == 3 * tenth + 4 * -(-tenth // BLOCK)
    assert sent(Codec("top_k", 0.1), arrays) < dense / 12
    # 300 half-precision and 200 single-precision numbers for each of 4 factors; b as int8.
    assert sent(Codec("low_rank", rank=4), arrays) == 4 * (300 * 2 + 200 * 4) + 200 + 4


@pytest.mark.parametrize("codec", CODECS[1:], ids=lambda codec: codec.name)
def test_what_it_did_not_encode_is_refused(codec: Codec) -> None:
    like = {"w": np.zeros((40, 40), np.float32)}
    with pytest.raises(ValueError, match=f"not an update in {codec.name}|cannot reshape"):
        decode(codec, {"other": np.ones(3, np.float32)}, like)
