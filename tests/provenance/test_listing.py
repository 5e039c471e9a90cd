import json
import os
from pathlib import Path

import pytest
import rfc8785
from blake3 import blake3

from provenance import Artifact, ProvenanceError, UnhashableError
from provenance.errors import NotCanonicalError
from provenance.listing import ListedFile, decode_listing, encode_listing, listing_digest
from provenance.measure import list_folder

from .conftest import needs_no_root

CONTEXT = "cairn provenance 2026 folder listing v1"


def make(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_the_digest_is_the_documented_tree(tmp_path: Path) -> None:
    make(tmp_path, {"b/c.txt": "two", "a.txt": "one"})

    def h(data: bytes) -> bytes:
        return blake3(data, derive_key_context=CONTEXT).digest()

    def leaf(path: str, content: bytes) -> bytes:
        value = {"blake3": blake3(content).hexdigest(), "path": path, "size": len(content)}
        return h(b"\x00" + json.dumps(value, separators=(",", ":")).encode())

    expected = h(b"\x01" + leaf("a.txt", b"one") + leaf("b/c.txt", b"two"))
    assert listing_digest(list_folder(tmp_path)) == expected.hex()


def test_sorted_by_code_point_and_names_kept_byte_for_byte(tmp_path: Path) -> None:
    nfc, nfd = "\u00e9", "e\u0301"  # both an e with an acute accent
    make(tmp_path, {nfc: "1", nfd: "2", "Z": "3", "a": "4", "sub.txt": "5", "sub/x": "6"})
    assert [file.path for file in list_folder(tmp_path)] == ["Z", "a", nfd, "sub.txt", "sub/x", nfc]


def test_a_file_with_the_same_bytes_elsewhere_gives_another_digest(tmp_path: Path) -> None:
    one, two = (
        make(tmp_path / "1", {"a": "x", "b": "y"}),
        make(tmp_path / "2", {"a": "y", "b": "x"}),
    )
    assert Artifact.of(one).digest != Artifact.of(two).digest


def test_an_empty_folder_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "only" / "folders").mkdir(parents=True)
    with pytest.raises(UnhashableError, match="holds no files, an empty folder proves nothing"):
        list_folder(tmp_path)


def test_an_empty_file_and_an_empty_subfolder_are_fine(tmp_path: Path) -> None:
    make(tmp_path, {"empty": ""})
    before = list_folder(tmp_path)
    (tmp_path / "sub").mkdir()
    assert list_folder(tmp_path) == before


def test_links_and_pipes_inside_are_refused_by_name(tmp_path: Path) -> None:
    make(tmp_path, {"sub/good": "x"})
    outside = tmp_path / "sub" / "link"
    outside.symlink_to("/etc/passwd")
    with pytest.raises(UnhashableError, match=r"sub/link: is a symbolic link"):
        list_folder(tmp_path)
    outside.unlink()
    outside.symlink_to("/etc")  # a link to a folder is not walked into either
    with pytest.raises(UnhashableError, match=r"sub/link: is a symbolic link"):
        list_folder(tmp_path)
    outside.unlink()
    os.mkfifo(tmp_path / "sub" / "pipe")
    with pytest.raises(UnhashableError, match=r"sub/pipe: is a named pipe"):
        list_folder(tmp_path)


@pytest.mark.parametrize("name", [b"not-utf8-\xff", b"back\\slash", b"new\nline"])
def test_names_that_do_not_travel_are_refused(tmp_path: Path, name: bytes) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_text("x")
    with pytest.raises(UnhashableError, match="inside the workspace"):
        list_folder(tmp_path)


def test_a_missing_folder_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list_folder(tmp_path / "none")


@needs_no_root
def test_an_unreadable_subfolder_is_refused(tmp_path: Path) -> None:
    make(tmp_path, {"sub/a": "x"})
    (tmp_path / "sub").chmod(0)
    try:
        with pytest.raises(UnhashableError, match="sub/: cannot be listed"):
            list_folder(tmp_path)
    finally:
        (tmp_path / "sub").chmod(0o700)


def test_a_listing_is_believed_only_with_its_digest(tmp_path: Path) -> None:
    files = list_folder(make(tmp_path, {"a": "1", "b": "2"}))
    data, digest = encode_listing(files), listing_digest(files)
    assert decode_listing(data, digest) == files
    with pytest.raises(ProvenanceError, match="has digest"):
        decode_listing(data.splitlines(keepends=True)[0], digest)
    with pytest.raises(ProvenanceError, match="not a line of a folder listing"):
        decode_listing(b"[]\n", digest)
    with pytest.raises(ProvenanceError, match=r"'\.\./a' has an empty"):
        decode_listing(data.replace(b'"a"', b'"../a"'), digest)


@pytest.mark.parametrize(
    "path", ["a", 'say "x"', "ü/é", "e\u0301", "\U0001f600", "\u2028", "</script>", "\ufb33", "~"]
)
def test_a_line_is_written_as_rfc8785_does(path: str) -> None:
    """Against the package that the log's own lines go through."""
    file = ListedFile(path, 2**53 - 1, "ab" * 32)
    assert file.line() == rfc8785.dumps({"path": path, "size": 2**53 - 1, "blake3": "ab" * 32})


def test_a_size_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(NotCanonicalError):
        ListedFile("a", 2**53, "ab" * 32).line()


@pytest.mark.parametrize(("size", "digest"), [("1", "0"), (True, "0"), (1.5, "0"), (1, 7)])
def test_a_listing_with_other_types_is_refused(size: object, digest: object) -> None:
    line = rfc8785.dumps({"path": "a", "size": size, "blake3": digest})  # type: ignore[dict-item]
    with pytest.raises(ProvenanceError, match="not a line of a folder listing"):
        decode_listing(line + b"\n", "0" * 64)
