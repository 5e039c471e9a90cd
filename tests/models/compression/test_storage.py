import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.compression.byte_forms import FORMS, laid_out, put_back
from models.compression.storage import STRETCH, StorageError, pack, unpack

FILES = st.dictionaries(st.text(max_size=8), st.binary(max_size=300), max_size=4)


@settings(deadline=None, max_examples=60)
@given(files=FILES)
def test_what_is_packed_comes_out(files):
    assert unpack(pack(files)) == files


@settings(deadline=None, max_examples=60)
@given(
    data=st.binary(max_size=64).flatmap(
        lambda some: st.integers(0, 40).map(lambda times: some * times + some[:3])
    ),
    form=st.sampled_from(FORMS),
)
def test_every_form_can_be_undone(data, form):
    parts = laid_out(data, form)
    assert not parts or put_back(parts, form, len(data)) == data


def numbers(kind: str) -> bytes:
    random = np.random.default_rng(1).standard_normal(150_000).astype(np.float32)
    match kind:
        case "floats":
            return random.tobytes()
        case "half":
            return random.astype(np.float16).tobytes()
        case "few":
            return np.round(random).tobytes()
        case "few, one byte off":
            return b"x" + np.round(random).tobytes() + b"yz"
        case "bytes":
            return np.clip(random * 30, -127, 127).astype(np.int8).tobytes()
        case _:
            # Two kinds in one file, neither a whole number of stretches.
            return numbers("floats")[: STRETCH + 17] + numbers("bytes")


@pytest.mark.parametrize("kind", ["floats", "half", "few", "few, one byte off", "bytes", "both"])
def test_weights_come_out_as_they_were_and_smaller_than_zstd_makes_them(kind):
    import zstandard

    data = numbers(kind)
    packet = pack({"weights.bin": data})
    assert unpack(packet) == {"weights.bin": data}
    plain = len(zstandard.ZstdCompressor(level=19).compress(data))
    assert len(packet) < 1.01 * plain + 200
    if kind in ("floats", "half", "few"):
        assert len(packet) < 0.95 * plain


def test_entropy_is_nearly_reached():
    # Numbers of 4 kinds with probabilities 1/2 1/4 1/8 1/8 hold 1.75 bits each (Shannon).
    kinds = np.random.default_rng(0).choice(4, 400_000, p=[0.5, 0.25, 0.125, 0.125])
    data = np.array([0.1, -0.7, 3.0, 1.5], np.float32)[kinds].tobytes()
    bits = 8 * len(pack({"a": data})) / 400_000
    assert 1.70 < bits < 1.85


def test_the_same_files_give_the_same_packet():
    first = {"b": b"two" * 99, "a": b"one" * 99}
    assert pack(first) == pack(dict(reversed(first.items())))


@settings(deadline=None, max_examples=40)
@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_changed_byte_is_noticed(place, flip):
    packet = bytearray(pack({"a": b"stamps " * 50, "b": bytes(range(256))}))
    packet[place % len(packet)] ^= flip
    with pytest.raises(StorageError):
        unpack(bytes(packet))


@pytest.mark.parametrize("wrong", [b"", b"CAIRNPK1", b"x" * 100])
def test_what_is_no_packet_is_refused(wrong):
    with pytest.raises(StorageError, match="no packet"):
        unpack(wrong)


def test_a_packet_cut_short_is_refused():
    with pytest.raises(StorageError, match="cut short"):
        unpack(pack({"a": b"stamp" * 500})[:-1])
