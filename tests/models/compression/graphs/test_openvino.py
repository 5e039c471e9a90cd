import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from models.compression.calibration import Calibration, CalibrationError, ask
from models.compression.graphs.equal import check_equal
from models.compression.graphs.graph import GraphError, nbytes
from models.compression.graphs.openvino import bf16, nncf_int4, nncf_int8, to_openvino
from models.compression.graphs.ort_quantize import dynamic_int8
from models.compression.graphs.session import Session, run
from models.compression.graphs.traps import agreement
from tests.models.compression.graphs.conftest import sample


def calibration(view: str, count: int = 12) -> Calibration:
    inputs = [sample(view, length=5 + seed % 4, seed=seed) for seed in range(count)]
    return Calibration(view=view, inputs=inputs, label=None, targets=None)


@pytest.mark.parametrize("view", ["image", "caption", "text", "audio"])
def test_says_what_torch_says(student, graphs, view):
    converted = to_openvino(graphs[view])
    assert sorted(converted.data) == [f"{view}.bin", f"{view}.xml"]
    samples = [sample(view, batch=batch, length=2 + 3 * batch, seed=batch) for batch in (1, 4)]
    check_equal(converted, student.views[view], samples, tolerance=1e-5)
    assert to_openvino(graphs[view]) == converted


def test_answers_are_not_overwritten_by_the_next(graphs):
    session = Session(to_openvino(graphs["text"]))
    first, _ = session(*sample("text", seed=1))
    kept = first.copy()
    session(*sample("text", seed=2))
    np.testing.assert_array_equal(first, kept)


def test_threads_that_ask_at_once_get_their_own_answers(graphs):
    session = Session(to_openvino(graphs["audio"]))
    questions = [sample("audio", length=5 + seed % 40, seed=seed) for seed in range(200)]
    alone = [session(*question)[0] for question in questions]
    with ThreadPoolExecutor(max_workers=8) as pool:
        together = list(pool.map(lambda question: session(*question)[0], questions))
    for expected, found in zip(alone, together, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_half_precision_storage_is_half_the_weights(graphs):
    weights = [len(to_openvino(graphs["caption"], half=h).data["caption.bin"]) for h in (0, 1)]
    assert 0.5 <= weights[1] / weights[0] < 0.52


def test_the_hint_for_bfloat16_travels_with_the_graph(student, graphs):
    hinted = bf16(graphs["text"])
    assert b"INFERENCE_PRECISION_HINT" in hinted.data["text.xml"]
    with pytest.raises(GraphError, match="text: has the hint for bfloat16 already"):
        bf16(hinted)
    # CPUs without bfloat16 compute in float; with it, 8 bits of mantissa are left: 2 ** -8 each.
    data = calibration("text")
    assert agreement(hinted, ask(student.views["text"], data), data).cosine > 0.99


def test_nothing_is_reported_to_the_makers():
    """In a process of its own: whoever imported them before would hide it."""
    code = (
        "import sys\n"
        "from models.compression.graphs.runtime import unreporting\n"
        "unreporting('openvino')\n"
        "told = [name for name, module in sys.modules.items()"
        " if name.startswith('openvino_telemetry') and module]\n"
        "sys.exit(str(told) if told or 'torch' in sys.modules else 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_what_cannot_be_converted_is_refused(graphs):
    small = dynamic_int8(graphs["text"], reduce_range=True)
    with pytest.raises(GraphError, match="text: is already quantised"):
        to_openvino(small)
    with pytest.raises(CalibrationError, match="0 samples"):
        nncf_int8(graphs["text"], calibration("text", 0), reduce_range=True)
    with pytest.raises(CalibrationError, match="is of view audio"):
        nncf_int8(graphs["text"], calibration("audio"), reduce_range=True)
    with pytest.raises(ValueError, match="preset='best': allowed are performance, mixed"):
        nncf_int8(graphs["text"], calibration("text"), reduce_range=True, preset="best")


@pytest.mark.slow
def test_nncf_int8(student, graphs, capfd):
    data = calibration("caption")
    small = nncf_int8(graphs["caption"], data, reduce_range=True)
    assert len(small.data["caption.bin"]) < 0.3 * nbytes(graphs["caption"])
    assert agreement(small, ask(student.views["caption"], data), data).cosine > 0.95
    assert nncf_int8(graphs["caption"], data, reduce_range=True) == small
    with pytest.raises(GraphError, match=r"caption: is already quantised \(it holds"):
        nncf_int4(small)
    assert capfd.readouterr().out == ""


@pytest.mark.slow
def test_nncf_int4(student, graphs):
    small = nncf_int4(graphs["caption"])
    data = calibration("caption")
    assert len(small.data["caption.bin"]) < 0.2 * nbytes(graphs["caption"])
    assert agreement(small, ask(student.views["caption"], data), data).cosine > 0.93
    assert nncf_int4(to_openvino(graphs["caption"])) == small
    assert run(small, *sample("caption"))[0].shape == (1, 3)
