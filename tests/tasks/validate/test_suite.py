"""Every rule of the suite finds what breaks it, and names the rows."""

import re

import pytest

from tasks.validate import examine
from tasks.validate.suite import DIGEST, INSIDE

# One row each, all in one manifest: (row id, column, value) -> the line that must come of it.
BROKEN = {
    ("animals/0/es", "quality", float("nan")): "clips: quality is given for each row",
    ("animals/0/fr", "quality", 0.01): "clips: quality is between 0.05 and 1.0",
    ("animals/1/es", "audio_seconds", 0.01): "clips: audio_seconds is between 0.1 and 30.0",
    ("animals/1/fr", "audio_seconds", 31.0): "clips: audio_seconds is between 0.1 and 30.0",
    ("animals/2/es", "image_width", 7): "clips: image_width is between 8 and 4096",
    ("animals/2/fr", "image_height", 5000): "clips: image_height is between 8 and 4096",
    ("animals/3/es", "image_height", None): "clips: image_height is given for each image",
    ("animals/3/fr", "image_blake3", None): "clips: image_blake3 is given for each image",
    ("animals/4/es", "image_blake3", "F" * 64): "clips: image_blake3 is 64 hexadecimal digits",
    ("animals/4/fr", "audio_blake3", "ab" * 32 + "\n"): "clips: audio_blake3 is 64 hexadecimal",
    ("animals/5/es", "language", "xx"): "clips: language is one of ingest.languages",
    ("animals/5/fr", "label", "cats"): "clips: label is one of ingest.labels or ingest.extra_la",
    ("food/0/es", "is_class", False): "clips: is_class is true for each of ingest.labels",
    ("space/0/es", "is_class", True): "clips: is_class is false for any other label",
    ("food/0/fr", "audio", "/etc/passwd"): "clips: audio is a path inside data/media",
    ("food/1/es", "image", "a/../../b.png"): "clips: image is a path inside data/media",
    ("food/1/fr", "image_bytes", 0): "clips: image_bytes is at least 1",
    ("food/2/es", "audio_snr_db", float("inf")): "clips: audio_snr_db is between -200.0 and 200.0",
    ("food/2/fr", "audio_silence", 1.5): "clips: audio_silence is between 0.0 and 1.0",
    ("food/3/es", "text", "  "): "clips: text is not blank where there is one",
    ("food/3/fr", "text_script_match", -0.1): "clips: text_script_match is between 0.0 and 1.0",
    ("food/4/es", "split", "trian"): "clips: split is train, val or test",
    ("food/4/fr", "group", "food/5"): "items: each item is in one group",
}


@pytest.fixture(scope="session")
def broken_verdict(good, bounds, known, tmp_path_factory):
    broken = good.set_index("id", drop=False)
    for row, column, value in BROKEN:
        if isinstance(value, float):
            broken[column] = broken[column].astype(float)
        broken.loc[row, column] = value
    docs = tmp_path_factory.mktemp("docs")
    return examine(broken.reset_index(drop=True), "cd" * 32, bounds, known, docs)


def test_a_good_manifest_passes(good_verdict):
    assert [finding.line for finding in good_verdict.failed] == []
    assert good_verdict.rows == 36
    assert {finding.about for finding in good_verdict.findings} == {
        "columns",
        "clips",
        "groups",
        "items",
        "media",
        "classes",
    }


def test_each_sentence_is_said_once(good_verdict):
    lines = [(finding.about, finding.sentence) for finding in good_verdict.findings]
    assert len(lines) == len(set(lines)) > 80


@pytest.mark.parametrize(("fault", "line"), BROKEN.items(), ids=lambda part: str(part)[:40])
def test_each_rule_finds_its_row(broken_verdict, fault, line):
    found = [finding for finding in broken_verdict.failed if finding.line.startswith(line)]
    assert len(found) == 1, [finding.line for finding in broken_verdict.failed]
    row = fault[0]
    named = row.rsplit("/", 1)[0] if found[0].about == "items" else row
    assert any(example.startswith(named) for example in found[0].examples), found[0]


def test_nothing_fails_that_was_not_broken(broken_verdict):
    # What the faults imply beyond their own lines: a row moved to another split or group is a leak,
    # and "cats" and "space" now count as classes, far too small ones.
    implied = (
        *BROKEN.values(),
        "groups: each group is in one split",
        "media: each picture or sound, by its bytes, is in one split",
        "clips: is_class is false for any other label",
        "classes: ",
    )
    unexplained = [f.line for f in broken_verdict.failed if not f.line.startswith(implied)]
    assert unexplained == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            lambda m: m.drop(columns="quality").assign(colour="red"),
            "columns: the columns are those of a manifest: missing quality; unknown colour",
        ),
        (
            lambda m: m.assign(image_width="64"),
            "columns: image_width is stored as int64 or float64: str",
        ),
        (lambda m: m.assign(split=0), "columns: split is stored as str: int64"),
    ],
)
def test_wrong_columns_are_all_that_is_said(good, bounds, known, tmp_path, change, line):
    """Rules about rows would only repeat that the column is not there."""
    verdict = examine(change(good), "ab" * 32, bounds, known, tmp_path)
    assert [finding.line for finding in verdict.failed] == [line]
    assert {finding.about for finding in verdict.findings} == {"columns"}


def test_classes_must_be_in_every_split_and_in_bounds(good, bounds, known, tmp_path):
    few = good[(good["label"] != "food") | good["id"].isin(["food/0/es", "food/1/es"])]
    verdict = examine(few.reset_index(drop=True), "ab" * 32, bounds, known, tmp_path)
    assert [finding.line for finding in verdict.failed] == [
        "classes: each class has rows in test: 1 of 2 rows break this, such as food (test 0)",
        # 12 of 14 clips are animals, 2 are food: 6/7 is above 0.6
        "classes: each class holds a share between 10.00% and 60.00%: 1 of 2 rows break this, "
        "such as animals (share 0.857143)",
        "clips: there are at least 30 rows: 26",
    ]


def test_a_modality_that_is_often_missing_fails(good, bounds, known, tmp_path):
    silent = good.assign(audio=good["audio"].where(good.index >= 9))
    verdict = examine(silent, "ab" * 32, bounds, known, tmp_path)
    # 27 of 36 rows have sound
    assert [finding.line for finding in verdict.failed] == [
        "clips: audio is given in at least 90.00% of the rows: 0.75"
    ]


def test_an_empty_manifest_fails_plainly(good, bounds, known, tmp_path):
    verdict = examine(good.iloc[:0], "ab" * 32, bounds, known, tmp_path)
    lines = [finding.line for finding in verdict.failed]
    assert "clips: there are at least 30 rows: 0" in lines
    assert "classes: each of ingest.labels has rows, and no other: missing animals, food" in lines


@pytest.mark.parametrize("path", ["a.png", "a/b.png", ".hidden", "a/..b/c", "a...png", "été/ô.ogg"])
def test_paths_inside(path):
    assert re.match(INSIDE, path)


@pytest.mark.parametrize("path", ["", "/a", "..", "../a", "a/..", "a/../b", "a//b", "./a", "a\\b"])
def test_paths_outside(path):
    assert not re.match(INSIDE, path)


def test_digest_is_lower_case_hexadecimal():
    assert re.match(DIGEST, "0" * 64)
    for wrong in ("0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n"):
        assert not re.match(DIGEST, wrong), wrong
