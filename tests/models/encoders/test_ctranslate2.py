"""CTranslate2's file format, written here by hand."""

import struct

import numpy as np
import pytest

from models.encoders.ctranslate2 import read_variables
from models.encoders.packaged import load_whisper, read_files


def text(value: str) -> bytes:
    return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"


def model(*, version: int = 6, code: int = 4) -> bytes:
    """One float16 matrix and one int16 number."""
    return (
        struct.pack("<I", version)
        + text("WhisperSpec")
        + struct.pack("<II", 3, 2)
        + text("encoder/w")
        + struct.pack("<BIIBI", 2, 2, 3, code, 12)
        + np.arange(6, dtype="<f2").tobytes()
        + text("heads")
        + struct.pack("<BBIh", 0, 2, 2, 6)
        + struct.pack("<I", 0)
    )


def test_variables_have_names_types_and_shapes():
    found = read_variables(model())
    assert found["encoder/w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["encoder/w"].dtype == np.float16
    assert int(found["heads"]) == 6


def test_a_file_cut_short_says_where():
    with pytest.raises(ValueError, match="ends at byte 55, 12 more were due at byte 52"):
        read_variables(model()[:55])


def test_another_version_or_type_is_refused():
    with pytest.raises(ValueError, match="format version 2, versions 4 to 6 are read"):
        read_variables(model(version=2))
    with pytest.raises(ValueError, match=r"encoder/w has type 9, types \[0, 1, 2, 3, 4\] are read"):
        read_variables(model(code=9))


def test_the_packaged_model_is_whisper_tiny():
    variables = read_variables(read_files("whisper-tiny")["model.bin"])
    # Whisper's published dimensions for tiny: width 384, 4 layers, 6 heads, 1500 positions. The
    # encoder has 8.2 million parameters of which 0.6 million are the fixed position table.
    assert int(variables["encoder/num_heads"]) == 6
    encoder = load_whisper()
    assert encoder.positions.shape == (1500, 384)
    assert len(encoder.blocks) == 4
    # Its keys have no bias (Radford et al.'s code), which is zeros in the joint projection here.
    assert all(not block.query_key_value.bias[384:768].any() for block in encoder.blocks)
    # Fixed sinusoids: sine of position 1 at the highest frequency, as in the published code.
    assert float(encoder.positions[1, 0]) == pytest.approx(np.sin(1.0), abs=1e-3)
