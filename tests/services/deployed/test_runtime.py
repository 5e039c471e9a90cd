"""A folder of graphs answers as its graphs compute, and only if its bytes are the promised ones."""

import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3

from models.batches import VIEWS
from models.compression.graphs.graph import Graph
from models.compression.graphs.openvino import bf16, to_openvino
from models.compression.storage import pack
from provenance import Reason, TamperedError
from services import question as questions
from services.deployed import sessions
from services.deployed.loading import CARD, DeployError
from services.deployed.runtime import Deployed, load
from services.question import Question, UnreadableError
from tests.conftest import PROJECT
from tests.services.conftest import SPEC
from tests.services.deployed.conftest import WEIGHT, softmax, write

SUBSETS = [views for size in range(1, 5) for views in combinations(VIEWS, size)]


def opened(folder: Path, backend: str = "onnx", **given: object) -> Deployed:
    return load(folder, backend=backend, threads=1, **given)  # type: ignore[arg-type]


def only(question: Question, views: tuple[str, ...]) -> Question:
    return replace(question, **{f.name: None for f in fields(question) if f.name not in views})


def test_the_views_are_those_of_the_models() -> None:
    assert questions.VIEWS == VIEWS


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_a_text_is_judged_as_computed_on_paper(deployable: Path, backend: str) -> None:
    # " abcdefgrw" gives a, b and c the ids 3, 4 and 5: their mean is 4.
    expected = softmax([4 * weight for weight in WEIGHT["text"]])
    answer = opened(deployable, backend).answer(Question(text="abc"))
    assert answer.probabilities == pytest.approx(dict(zip(SPEC.classes, expected, strict=True)))
    assert (answer.label, answer.confidence) == ("animals", pytest.approx(max(expected)))
    assert answer.weights == {"text": 1.0}
    assert list(answer.probabilities) == ["animals", "plants", "food"]  # likeliest first


def test_experts_are_multiplied(deployable: Path) -> None:
    # The product of two softmaxes is the softmax of the sum; "bb" has mean 4, "a" has 3.
    scores = np.multiply(4, WEIGHT["text"]) + np.multiply(3, WEIGHT["caption"])
    answer = opened(deployable).answer(Question(caption="a", text="bb"))
    expected = dict(zip(SPEC.classes, softmax(list(scores)), strict=True))
    assert answer.probabilities == pytest.approx(expected)
    assert answer.weights == {"caption": 0.5, "text": 0.5}


@pytest.mark.parametrize("views", SUBSETS, ids="+".join)
def test_both_backends_answer_any_subset_alike(
    deployable: Path, everything: Question, views: tuple[str, ...]
) -> None:
    asked = only(everything, views)
    one, other = (opened(deployable, backend).answer(asked) for backend in sessions.BACKENDS)
    assert list(one.weights) == list(views)
    assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)


def test_a_question_opens_only_the_graphs_that_it_needs(deployable: Path, files: object) -> None:
    deployed = opened(deployable)
    for name in ("audio.onnx", "image.onnx"):
        (deployable / name).unlink()
    assert deployed.answer(Question(text="a")).label == "animals"


def test_a_batch_is_each_row_by_itself(deployable: Path) -> None:
    deployed = opened(deployable)
    letters = np.array([[3, 4], [5, 6], [2, 2]])
    together = deployed.scores("text", {"letters": letters})[0]
    alone = [deployed.scores("text", {"letters": row[None]})[0][0] for row in letters]
    np.testing.assert_allclose(together, alone, rtol=1e-6)
    np.testing.assert_allclose(together[0], np.multiply(3.5, WEIGHT["text"]), rtol=1e-6)


def test_nothing_to_answer_from(deployable: Path) -> None:
    with pytest.raises(UnreadableError, match="at least one of image, caption, text, audio"):
        opened(deployable).answer(Question())


def test_packed_files_answer_the_same(tmp_path: Path, files: dict[str, bytes]) -> None:
    loose = opened(write(tmp_path / "loose", files))
    for backend in sessions.BACKENDS:
        packed = opened(write(tmp_path / "packed", {"model.zst": pack(files)}), backend)
        asked = Question(text="abc", caption="cab")
        assert packed.answer(asked).probabilities == pytest.approx(
            loose.answer(asked).probabilities, abs=1e-6
        )


def test_the_answer_names_the_files(tmp_path: Path, files: dict[str, bytes]) -> None:
    listing = "\n".join(
        f"{blake3(data).hexdigest()}  {name}"
        for name, data in sorted(files.items())
        if name == "student.json" or name.endswith(".onnx")
    )
    answer = opened(write(tmp_path, files)).answer(Question(text="a"))
    assert answer.model == blake3(listing.encode()).hexdigest()


@pytest.mark.parametrize("name", ["student.json", "image.onnx", "fusion.onnx"])
def test_one_changed_bit_is_refused(deployable: Path, name: str) -> None:
    data = bytearray((deployable / name).read_bytes())
    data[-1] ^= 1
    (deployable / name).write_bytes(data)
    with pytest.raises(TamperedError, match=rf"{name}: expected blake3 \w+\.\.\., found") as caught:
        opened(deployable)
    assert caught.value.reason is Reason.ARTIFACT_CHANGED


def test_a_file_that_changes_after_loading_is_refused(deployable: Path) -> None:
    deployed = opened(deployable)
    (deployable / "text.onnx").write_bytes((deployable / "caption.onnx").read_bytes())
    with pytest.raises(TamperedError, match=r"text\.onnx: expected blake3"):
        deployed.answer(Question(text="a"))


def test_a_missing_file_a_link_and_a_pipe_are_refused(deployable: Path) -> None:
    path = deployable / "audio.onnx"
    for put in (
        lambda: None,
        lambda: path.symlink_to(deployable / "text.onnx"),
        lambda: os.mkfifo(path),
    ):
        path.unlink(missing_ok=True)
        put()
        with pytest.raises(TamperedError, match=r"audio\.onnx: .*found nothing to read") as caught:
            opened(deployable)
        assert caught.value.reason is Reason.ARTIFACT_MISSING


def test_digests_from_elsewhere_count_more_than_the_card(
    deployable: Path, files: dict[str, bytes]
) -> None:
    trusted = {name: blake3(data).hexdigest() for name, data in files.items()}
    write(deployable, {**files, "text.onnx": files["caption.onnx"]})
    opened(deployable)  # file and card were changed together
    with pytest.raises(TamperedError, match=r"text\.onnx: expected blake3"):
        opened(deployable, digests=trusted)


def test_a_file_that_nobody_promised_is_not_used(deployable: Path) -> None:
    card = json.loads((deployable / CARD).read_text())
    del card["digests"]["text.onnx"]
    (deployable / CARD).write_text(json.dumps(card))
    with pytest.raises(DeployError, match=r"text\.onnx is not among the files with a digest"):
        opened(deployable).answer(Question(text="a"))


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (None, "No such file.*nothing says which bytes are right"),
        ("{}", "not a card with `digests`"),
        ("[", "not a card with `digests`"),
        ('{"digests": {"a.onnx": 7}}', "must map file names to BLAKE3"),
        ('{"digests": {"../a.onnx": "00"}}', "names must stay inside"),
        ('{"digests": {}}', r"student\.json is not among the files.*there are none"),
    ],
)
def test_a_folder_without_a_good_card_is_refused(
    deployable: Path, card: str | None, message: str
) -> None:
    (deployable / CARD).unlink()
    if card is not None:
        (deployable / CARD).write_text(card)
    with pytest.raises(DeployError, match=message):
        opened(deployable)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("text.onnx", b"no graph", "text: onnxruntime cannot run the graph"),
        ("student.json", b"{}", "not the description of a student"),
        ("model.zst", b"no packet", r"model\.zst: .*no packet"),
    ],
)
def test_promised_nonsense_is_named(
    tmp_path: Path, files: dict[str, bytes], name: str, data: bytes, message: str
) -> None:
    with pytest.raises(DeployError, match=message):
        opened(write(tmp_path, {**files, name: data})).answer(Question(text="a"))


@pytest.mark.parametrize(
    ("backend", "threads", "message"),
    [("tflite", 1, "backend='tflite': allowed are onnx, openvino"), ("onnx", 0, "threads=0: at")],
)
def test_unknown_settings_are_refused(
    deployable: Path, backend: str, threads: int, message: str
) -> None:
    with pytest.raises(DeployError, match=message):
        load(deployable, backend=backend, threads=threads)


def test_bfloat16_is_used_or_missed_in_words(tmp_path: Path, files: dict[str, bytes]) -> None:
    import openvino

    graph = Graph("text", "onnx", {"text.onnx": files["text.onnx"]})
    asked = {f"openvino/{name}": data for name, data in bf16(to_openvino(graph)).data.items()}
    changed = {**files, **asked}
    deployed = opened(write(tmp_path, changed), "openvino")
    answer = deployed.answer(Question(text="abc", caption="a"))
    capable = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert deployed.fallbacks == ({} if capable else {"text": sessions.NO_BF16})
    assert answer.label in SPEC.classes


ASK = """
import sys
from pathlib import Path
from services.deployed.runtime import load
from services.question import Question
picture, sound = (Path(name).read_bytes() for name in sys.argv[2:4])
deployed = load(Path(sys.argv[1]), backend=sys.argv[4], threads=1)
answer = deployed.answer(Question(image=picture, caption="a cab", text="bad", audio=sound))
heavy = {"torch", "torchaudio", "transformers", "mlflow", "pandas", "scipy", "prefect"}
print(answer.label, sorted(heavy & set(sys.modules)))
"""


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_answering_imports_no_training_library(
    deployable: Path, everything: Question, tmp_path: Path, backend: str
) -> None:
    (tmp_path / "a.png").write_bytes(everything.image or b"")
    (tmp_path / "a.wav").write_bytes(everything.audio or b"")
    given = [str(deployable), str(tmp_path / "a.png"), str(tmp_path / "a.wav"), backend]
    found = subprocess.run(
        [sys.executable, "-c", ASK, *given],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    label, heavy = found.stdout.split(maxsplit=1)
    assert label in SPEC.classes
    assert heavy.strip() == "[]"
