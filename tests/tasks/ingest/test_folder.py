import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import InputError
from tasks.ingest.folder import Folder
from tasks.ingest.source import Gathered
from tasks.params.ingest import IngestParams

Rows = list[dict[str, Any]]
MakeFolder = Callable[..., Path]
Settings = Callable[..., IngestParams]


@pytest.fixture
def read(settings: Settings, tmp_path: Path) -> Callable[[Path], Gathered]:
    params = settings(
        source="folder", labels=["cat", "dog"], extra_labels=["bird"], languages=["fr", "ru"]
    )

    def run(manifest: Path) -> Gathered:
        source = Folder(params, manifest=manifest)
        return source.read(source.fetch(), tmp_path)

    return run


def write_csv(manifest: Path) -> Path:
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    (path := manifest.with_suffix(".csv")).write_text("\n".join(lines), encoding="utf-8-sig")
    return path


def write_parquet(manifest: Path) -> Path:
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    pq.write_table(pa.Table.from_pylist(rows), path := manifest.with_suffix(".parquet"))
    return path


def test_all_three_kinds_say_the_same(folder: MakeFolder, read: Callable[[Path], Gathered]) -> None:
    manifest = folder()
    expected = list(read(manifest).rows)
    assert len(expected) == 20
    assert expected[3].text == "Chose 3"
    assert (expected[3].image, expected[3].group, expected[3].item) == (
        "clip03.png",
        "g1",
        "clip03",
    )
    assert list(read(write_csv(manifest)).rows) == expected, "csv"
    assert list(read(write_parquet(manifest)).rows) == expected, "parquet"


def test_what_is_optional_may_be_absent(
    folder: MakeFolder, read: Callable[[Path], Gathered]
) -> None:
    def change(rows: Rows) -> None:
        rows[0] |= {
            "image": None,
            "audio": "",
            "language": None,
            "text": "  ",
            "item": "x",
            "caption": "A",
        }
        rows[1] |= {"id": 17, "language": "ru", "text": "e\u0301", "image": float("nan")}

    first, second, *_ = read(folder(change)).rows
    assert (first.image, first.audio, first.text, first.language) == (None, None, None, "und")
    assert (first.item, first.caption) == ("x", "A")
    assert (second.id, second.text, second.image) == ("17", "é", None), (
        "numbers name, letters are NFC"
    )


def set_to(place: int, **values: Any) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        rows[place] |= values

    return change


def drop(name: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        for row in rows:
            row.pop(name, None)

    return change


def drop_media(rows: Rows) -> None:
    for name in ("text", "image", "audio"):
        drop(name)(rows)


def split_a_group(rows: Rows) -> None:
    for row in rows:
        row["split"] = "train"
    rows[3]["split"] = "test"


BAD = {
    "missing column": (
        drop("group"),
        r"column 'group' is missing; found audio, id, image.*needed are id, label, group",
    ),
    "no modality": (drop_media, "none of the columns text, image, audio is there"),
    "typo in a column": (
        set_to(0, imgae="x"),
        "unknown column 'imgae'; allowed are id, label, group",
    ),
    "empty group": (set_to(2, group=""), r"line 3 \(id 'clip02'\): group is empty"),
    "duplicate ids": (
        set_to(4, id="clip01"),
        r"line 5 \(id 'clip01'\): id 'clip01' is also that of manifest.jsonl, line 2",
    ),
    "unknown label": (
        set_to(6, label="cow"),
        r"line 7 \(id 'clip06'\): unknown label 'cow'; .*\(cat, dog, bird\)",
    ),
    "unknown language": (
        set_to(6, language="xx"),
        r"unknown language 'xx'; .*`ingest.languages` \(fr, ru\)",
    ),
    "bad split": (
        set_to(1, split="dev"),
        r"line 2 .*unknown split 'dev'; allowed is one of .*train, val, test",
    ),
    "partial split": (set_to(1, split="val"), r"line 1 .*split is empty, other rows have one"),
    "group on two sides": (
        split_a_group,
        r"line 4 .*group 'g1' is in 'test' here and in 'train' in manifest.jsonl, line 3",
    ),
    "dots": (
        set_to(0, image="../secret.png"),
        r"line 1 .*image '../secret.png' leads out of the data folder",
    ),
    "absolute": (
        set_to(0, audio="/etc/passwd"),
        "audio '/etc/passwd' leads out of the data folder",
    ),
    "control character": (set_to(0, image="a\0b"), r"image is 'a\\x00b'; control characters"),
    "half a letter": (set_to(0, text="\ud83d"), r"text is '\\ud83d'; control characters"),
    "a list": (set_to(0, text=["a"]), r"text is \['a'\]; text is wanted"),
    "a truth value": (set_to(0, id=True), r"id is True; text is wanted"),
}


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD)
def test_bad_rows_are_named(
    folder: MakeFolder,
    read: Callable[[Path], Gathered],
    change: Callable[[Rows], None],
    message: str,
) -> None:
    with pytest.raises(InputError, match=message):
        read(folder(change))


@pytest.mark.parametrize("target", ["/etc", "..", "round"])
def test_links_out_of_the_folder_are_refused(
    folder: MakeFolder, read: Callable[[Path], Gathered], target: str
) -> None:
    manifest = folder(set_to(0, image="round/clip00.png"))
    (manifest.parent / "round").symlink_to(target)
    if (
        target == "round"
    ):  # a link to itself leads nowhere: the file is missing, which examine.py says
        assert read(manifest).rows[0].image == "round/clip00.png"
        return
    with pytest.raises(InputError, match="leads out of the data folder"):
        read(manifest)


def test_links_within_the_folder_are_fine(
    folder: MakeFolder, read: Callable[[Path], Gathered]
) -> None:
    manifest = folder(set_to(0, image="here/clip01.png"))
    (manifest.parent / "here").symlink_to(".")
    assert read(manifest).rows[0].image == "here/clip01.png"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.xlsx", b"", r"manifests end in .jsonl, .csv, .parquet, not in '.xlsx'"),
        ("m.jsonl", b"", "has no rows"),
        ("m.csv", b"id,label\n", "has no rows"),
        ("m.jsonl", b'{"id": 1}\n{"id"\n', r"m.jsonl, line 2: not JSON"),
        ("m.jsonl", b"\n[1]\n", r"m.jsonl, line 2: '\[1\]' is not an object"),
        ("m.jsonl", b"\xff\xfe", "is not UTF-8 text"),
        ("m.csv", b"id,label\n1,a\n2,b,c\n", r"m.csv, line 3: not as many cells as the 2 columns"),
        ("m.csv", b"id,label\n1\n", r"m.csv, line 2: not as many cells"),
        ("m.csv", b'id,label\n1,"a" b\n', r"m.csv, after line 1: not CSV"),
        ("m.parquet", b"PAR1 not", "is not a Parquet file"),
    ],
)
def test_bad_files_are_named(
    tmp_path: Path, read: Callable[[Path], Gathered], name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read(tmp_path / name)


def test_no_manifest(tmp_path: Path, read: Callable[[Path], Gathered]) -> None:
    with pytest.raises(
        InputError,
        match=r"does not exist: write your manifest there or change `ingest\.folder\.manifest`",
    ):
        read(tmp_path / "none.jsonl")
