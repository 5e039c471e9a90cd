import pytest
import torch

from models.features import Features
from tasks.errors import InputError
from tasks.train.evaluate import evaluate
from tasks.train.examples import assemble, describe, rows_of

from .conftest import tiny_manifest


@pytest.fixture
def manifest(tmp_path):
    return tiny_manifest(tmp_path / "media")


@pytest.fixture
def features(manifest):
    rows = len(manifest)
    text_ids = torch.zeros(rows, 4, dtype=torch.long)
    text_ids[2:, 0] = torch.arange(2, rows) // 2 + 1
    return Features(
        image=torch.zeros(3, 1280),
        image_row=torch.arange(rows) % 3,
        caption=torch.zeros(5, 384),
        caption_row=torch.arange(rows) % 5 - 1,
        audio=torch.zeros(rows, 2, 384, dtype=torch.float16),
        audio_row=torch.arange(rows),
        text_ids=text_ids,
        characters="abc",
    )


def test_equal_texts_share_a_place_and_absent_ones_have_none(manifest, features, params):
    spec = describe(manifest, features, params)
    examples = assemble(manifest, features, spec)
    place = examples.place["text"]
    assert place[:2].tolist() == [-1, -1]
    assert place[2] == place[3] != place[4]
    assert torch.equal(examples.contents["text"][place[2:]], features.text_ids[2:])


def test_labels_and_languages_become_numbers_in_sorted_order(manifest, features, params):
    spec = describe(manifest, features, params)
    examples = assemble(manifest, features, spec)
    assert spec.classes == ["animals", "food", "town"]
    assert spec.languages == ["bg", "ca"]
    assert examples.language.tolist() == [0, 1] * 24
    expected = [-1 if stamp == 5 else stamp % 3 for stamp in range(24) for _ in range(2)]
    assert examples.label.tolist() == expected


def test_an_empty_split_is_an_error_that_names_the_setting(manifest):
    with pytest.raises(InputError, match=r"no 'val' rows: raise `ingest\.split\.val`"):
        rows_of(manifest[manifest["split"] != "val"], "val")


def test_a_test_split_without_classes_cannot_be_judged(manifest, features, params):
    from models.multimodal import build

    manifest["is_class"] = manifest["split"] != "test"
    spec = describe(manifest, features, params)
    examples = assemble(manifest, features, spec)
    with pytest.raises(InputError, match=r"no test row has one of `ingest\.labels`"):
        evaluate(build(spec, seed=0), examples, manifest, rows_of(manifest, "test"), params)
