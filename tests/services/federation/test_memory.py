"""What a server remembers: back as it was, and refused where bytes changed."""

import numpy as np
import pytest

from services.federation.memory import MemoryFileError, read, write


def test_nested_arrays_and_their_order_come_back(tmp_path):
    memory = {
        "arrays": {"z": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.zeros(0, np.float32)},
        "progress": {"round": 3, "taken": {"1": 2}},
        "clip": None,
        "events": [{"kind": "timeout"}],
        "half": np.float16(0.5) * np.ones(2, np.float16),
        "scale": np.array(2.5, np.float32),
        "momentum": np.array(2.5, np.float32) * 2,  # NumPy makes this an np.float32
        "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    }
    write(tmp_path / "m", memory)
    found = read(tmp_path / "m")
    assert list(found["arrays"]) == ["z", "a"]
    np.testing.assert_array_equal(found["arrays"]["z"], memory["arrays"]["z"])
    assert found["half"].dtype == np.float16
    assert found["scale"].shape == ()  # a model's temperature, for one: not (1,)
    np.testing.assert_array_equal(found["scale"], memory["scale"])
    assert (found["momentum"], found["momentum"].dtype) == (5.0, np.float32)
    np.testing.assert_array_equal(found["turned"], memory["turned"])
    rest = {name: found[name] for name in ("progress", "clip", "events")}
    assert rest == {name: memory[name] for name in rest}


def test_same_memory_same_bytes(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / name, {"arrays": {"w": np.ones(3, np.float32)}, "round": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("place", [-1, 40])
def test_a_changed_byte_is_noticed(tmp_path, place):
    write(tmp_path / "m", {"arrays": {"w": np.ones(3, np.float32)}, "round": 1})
    content = bytearray((tmp_path / "m").read_bytes())
    content[place] ^= 1
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(MemoryFileError):
        read(tmp_path / "m")
