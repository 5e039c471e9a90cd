from pathlib import Path

import pytest

from provenance import TamperedError
from tasks.compress.objects import Objects


def test_what_is_put_is_taken_and_shared_files_are_kept_once(tmp_path: Path) -> None:
    store = Objects(tmp_path)
    first = store.put({"a": b"one", "b": b"two"})
    second = store.put({"a": b"one", "b": b"three"})
    assert store.take(first) == {"a": b"one", "b": b"two"}
    assert store.take(second) == {"a": b"one", "b": b"three"}
    assert len(list((tmp_path / "objects").iterdir())) == 3
    assert store.put({"b": b"two", "a": b"one"}) == first  # the same files, the same digest


def test_a_changed_or_missing_file_is_refused(tmp_path: Path) -> None:
    store = Objects(tmp_path)
    digest = store.put({"a": b"one"})
    (kept,) = (tmp_path / "objects").iterdir()
    kept.write_bytes(b"two")
    with pytest.raises(TamperedError, match=r"expected blake3 .*found"):
        store.take(digest)
    kept.unlink()
    with pytest.raises(TamperedError, match="found nothing"):
        store.take(digest)
