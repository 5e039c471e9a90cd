"""Where the passphrase of the private keys comes from, and encrypting keys that were not."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from provenance import KeyStoreError, passphrase
from provenance.keys import KeyStore
from provenance.rotation import protect, rotate

from .conftest import Bench

ORIGIN = "cairn-provenance/blake3/" + "0" * 32


class MemoryKeyring(KeyringBackend):
    """A keyring of the real library that keeps its passwords in this process."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


class LockedKeyring(MemoryKeyring):
    def get_password(self, *_: str) -> str | None:
        raise KeyringLocked("locked")

    def set_password(self, *_: str) -> None:
        raise KeyringLocked("locked")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryKeyring]:
    monkeypatch.delenv("CAIRN_KEYRING", raising=False)
    before, backend = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyStore:
    """Three keys, encrypted."""
    monkeypatch.setattr(passphrase, "_typed", {})
    monkeypatch.setenv("CAIRN_KEY_PASSPHRASE", "open sesame")
    store = KeyStore(tmp_path / "keys")
    store.signers(ORIGIN)
    store.ec_key()
    monkeypatch.delenv("CAIRN_KEY_PASSPHRASE")
    return store


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a new process."""
    from provenance import keyfiles

    keyfiles._open.cache_clear()
    monkeypatch.setattr(passphrase, "_typed", {})


def test_all_keys_are_encrypted_and_openssl_opens_them(store: KeyStore) -> None:
    for name in ("ed25519", "rsa", "ec"):
        path = store.folder / f"{name}.pem"
        assert path.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        command = ["openssl", "pkey", "-in", str(path), "-passin", "pass:open sesame", "-pubout"]
        shown = subprocess.run(command, capture_output=True, check=True)
        assert shown.stdout == path.with_suffix(".pub").read_bytes()


def test_the_keyring_opens_them(
    store: KeyStore, kept: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyStoreError, match="is encrypted: set CAIRN_KEY_PASSPHRASE"):
        store.signers(ORIGIN)
    passphrase.keep(store.account, b"open sesame")
    assert kept.kept == {("cairn", str(store.folder)): "open sesame"}
    assert len(store.signers(ORIGIN)) == 2
    forget(monkeypatch)
    monkeypatch.setenv("CAIRN_KEYRING", "off")
    with pytest.raises(KeyStoreError, match="is encrypted: set CAIRN_KEY_PASSPHRASE"):
        store.signers(ORIGIN)


def test_the_environment_comes_first(
    store: KeyStore, kept: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    passphrase.keep(store.account, b"open sesame")
    monkeypatch.setenv("CAIRN_KEY_PASSPHRASE", "open barley")
    with pytest.raises(KeyStoreError, match="wrong CAIRN_KEY_PASSPHRASE, or a damaged file"):
        store.signers(ORIGIN)


@pytest.mark.parametrize("answers", [["open sesame"], ["open barley"]])
def test_a_person_is_asked_once_and_only_at_a_terminal(
    store: KeyStore, kept: MemoryKeyring, monkeypatch: pytest.MonkeyPatch, answers: list[str]
) -> None:
    kept.kept["cairn", str(store.folder)] = "a wrong one"
    asked = list(answers)
    monkeypatch.setattr("getpass.getpass", lambda _: asked.pop())
    with pytest.raises(KeyStoreError, match="wrong passphrase, or a damaged file"):
        store.signers(ORIGIN)
    assert asked == answers  # standard input is no terminal here
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    if answers == ["open sesame"]:
        assert len(store.signers(ORIGIN)) == 2
        assert store.ec_key().key_size == 256
    else:
        with pytest.raises(KeyStoreError, match="wrong passphrase, or a damaged file"):
            store.signers(ORIGIN)
    assert asked == []


def test_a_keyring_that_does_not_work_breaks_nothing(
    store: KeyStore, kept: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.set_keyring(LockedKeyring())
    with pytest.raises(KeyStoreError, match="is encrypted: set CAIRN_KEY_PASSPHRASE"):
        store.signers(ORIGIN)
    with pytest.raises(KeyStoreError, match=r"did not take the passphrase \(KeyringLocked\)"):
        passphrase.keep(store.account, b"open sesame")
    monkeypatch.setenv("CAIRN_KEY_PASSPHRASE", "open sesame")
    assert len(store.signers(ORIGIN)) == 2


def test_a_plain_key_asks_no_keyring(tmp_path: Path) -> None:
    """And the library is not even loaded: it asks the desktop's services."""
    program = (
        "import sys; from pathlib import Path; from provenance.keys import KeyStore\n"
        f"KeyStore(Path(sys.argv[1])).signers('{ORIGIN}'); print('keyring' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "keys")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_plain_keys_are_encrypted_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAIRN_KEY_PASSPHRASE", raising=False)
    store = KeyStore(tmp_path / "keys")
    before = [signer.sign(b"x") for signer in store.signers(ORIGIN)]
    with pytest.raises(KeyStoreError, match="an empty passphrase protects nothing"):
        protect(store, b"")
    assert protect(store, b"open sesame") == store.private_files()
    assert len(store.private_files()) == 2
    for path in store.private_files():
        assert path.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        assert path.stat().st_mode & 0o777 == 0o600
    assert protect(store, b"open sesame") == []  # again: nothing is left to do
    with pytest.raises(KeyStoreError, match="it is encrypted with another one"):
        protect(store, b"open barley")
    monkeypatch.setenv("CAIRN_KEY_PASSPHRASE", "open sesame")
    assert [signer.sign(b"x") for signer in store.signers(ORIGIN)] == before


def test_encrypting_that_fails_leaves_the_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CAIRN_KEY_PASSPHRASE", raising=False)
    store = KeyStore(tmp_path / "keys")
    store.signers(ORIGIN)
    before = {path: path.read_bytes() for path in store.private_files()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("provenance.durable.write_all", full)
        with pytest.raises(KeyStoreError, match=r"were not all encrypted: .*No space left"):
            protect(store, b"open sesame")
    assert {path: path.read_bytes() for path in store.private_files()} == before
    assert len(protect(store, b"open sesame")) == 2


def test_new_keys_get_the_passphrase_of_the_old(
    bench: Bench, kept: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.fill(1)
    store = KeyStore(bench.keys)
    passphrase.keep(store.account, b"open sesame")
    protect(store, b"open sesame")
    done = rotate(bench.folder, store)
    forget(monkeypatch)
    store.ec_key()
    assert len(store.private_files()) == 5
    for path in store.private_files():
        assert path.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert bench.verify().signer == done.new
