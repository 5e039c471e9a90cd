import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from provenance.digest import CHUNK, digest_file
from provenance.errors import ChangedWhileHashingError, UnhashableError

from .conftest import needs_no_root

# BLAKE3 team's test_vectors.json: inputs of length 0, 1 and 1024 of the repeating bytes 0..250.
OFFICIAL = {
    0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1: "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
}


@pytest.mark.parametrize("length", OFFICIAL)
def test_official_vectors(tmp_path: Path, length: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(i % 251 for i in range(length)))
    found = digest_file(path)
    assert (found.size, found.blake3) == (length, OFFICIAL[length])


@pytest.mark.parametrize("length", [CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_reading_in_pieces_changes_nothing(tmp_path: Path, length: int) -> None:
    data = os.urandom(length)
    (tmp_path / "file").write_bytes(data)
    assert digest_file(tmp_path / "file").blake3 == blake3(data).hexdigest()


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        digest_file(tmp_path / "none")


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.fixture
def a_socket() -> Iterator[Path]:
    # A socket's path may have 107 bytes at most, so not below pytest's folder.
    import tempfile

    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as made:
        made.bind(f"{folder}/socket")
        yield Path(folder) / "socket"


def test_a_pipe_is_refused_without_waiting_for_a_writer(pipe: Path) -> None:
    with pytest.raises(UnhashableError, match="is a named pipe, only regular files"):
        digest_file(pipe)


def test_a_socket_is_refused(a_socket: Path) -> None:
    with pytest.raises(UnhashableError, match="is a socket, only regular files"):
        digest_file(a_socket)


def test_a_link_is_refused_even_to_a_good_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(UnhashableError, match="is a symbolic link, only regular files"):
        digest_file(tmp_path / "link")


def test_a_device_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnhashableError, match="is a character device"):
        digest_file(Path("/dev/null"))
    with pytest.raises(UnhashableError, match="is a folder"):
        digest_file(tmp_path)


def test_a_file_below_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UnhashableError, match="cannot be read"):
        digest_file(tmp_path / "file" / "below")


@needs_no_root
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "file").chmod(0)
    with pytest.raises(UnhashableError, match="cannot be read"):
        digest_file(tmp_path / "file")


def test_a_file_that_cannot_be_read_to_its_end() -> None:
    with pytest.raises(UnhashableError, match=r"/proc/self/mem: cannot be read"):
        digest_file(Path("/proc/self/mem"))  # regular, opens, and reading it at 0 fails with EIO


def test_a_file_whose_size_lies_has_changed_while_hashing() -> None:
    with pytest.raises(ChangedWhileHashingError, match="changed while hashing"):
        digest_file(Path("/proc/self/status"))  # says 0 bytes, gives more


def test_truncated_while_hashing_is_an_error_and_no_crash(tmp_path: Path) -> None:
    """A mapped file would kill the process here with SIGBUS."""
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(1 << 32)
    program = "import sys; from pathlib import Path; from provenance.digest import digest_file\n"
    program += "print('start', flush=True); digest_file(Path(sys.argv[1]))"
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    child.stdout.readline()
    timer = threading.Timer(0.05, os.truncate, (path, 4096))
    timer.start()
    _, errors = child.communicate()
    timer.join()
    assert child.returncode == 1, f"exit {child.returncode}: {errors}"
    assert "changed while hashing" in errors
