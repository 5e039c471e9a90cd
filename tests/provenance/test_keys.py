import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from provenance import KeyStoreError, Log
from provenance.keys import KeyStore, default_keys

from .conftest import Bench, needs_no_root

ORIGIN = "cairn-provenance/blake3/" + "0" * 32


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyStore:
    monkeypatch.delenv("CAIRN_KEY_PASSPHRASE", raising=False)
    return KeyStore(tmp_path / "config" / "keys")


def test_made_at_first_use_and_protected(store: KeyStore) -> None:
    assert store.verifiers(ORIGIN) == []
    assert not store.folder.exists()
    first = store.signer(ORIGIN)
    assert stat.S_IMODE(store.private_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert store.private_file.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    again = store.signer(ORIGIN)
    assert again.sign(b"x") == first.sign(b"x")
    [verifier] = store.verifiers(ORIGIN)
    assert verifier.key_id == first.key_id
    assert verifier.accepts(b"x", first.sign(b"x"))
    assert not verifier.accepts(b"y", first.sign(b"x"))
    assert not verifier.accepts(b"x", b"short")


def test_openssl_reads_the_key(store: KeyStore) -> None:
    store.signer(ORIGIN)
    command = ["openssl", "pkey", "-in", str(store.private_file), "-pubout"]
    shown = subprocess.run(command, capture_output=True, check=True)
    assert shown.stdout == store.public_file.read_bytes()


def test_where_keys_live(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAIRN_KEYS", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_keys() == tmp_path / "own"
    monkeypatch.delenv("CAIRN_KEYS")
    assert default_keys() == tmp_path / "xdg" / "cairn" / "keys"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert default_keys() == tmp_path / "home" / ".config" / "cairn" / "keys"


def test_a_key_that_others_can_read_is_refused(store: KeyStore) -> None:
    store.signer(ORIGIN)
    store.private_file.chmod(0o640)
    with pytest.raises(KeyStoreError, match="has mode 0640, others can use it: chmod 600"):
        store.signer(ORIGIN)


def test_encrypted_with_a_passphrase(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAIRN_KEY_PASSPHRASE", "open sesame")
    signature = store.signer(ORIGIN).sign(b"x")
    assert "ENCRYPTED PRIVATE KEY" in store.private_file.read_text()
    assert store.signer(ORIGIN).sign(b"x") == signature
    monkeypatch.setenv("CAIRN_KEY_PASSPHRASE", "open barley")
    with pytest.raises(KeyStoreError, match="cannot be opened: wrong CAIRN_KEY_PASSPHRASE"):
        store.signer(ORIGIN)
    monkeypatch.delenv("CAIRN_KEY_PASSPHRASE")
    with pytest.raises(KeyStoreError, match="is encrypted: set CAIRN_KEY_PASSPHRASE"):
        store.signer(ORIGIN)
    assert len(store.verifiers(ORIGIN)) == 1  # verifying needs no passphrase


def test_a_passphrase_for_a_plain_key_is_no_false_comfort(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.signer(ORIGIN)
    monkeypatch.setenv("CAIRN_KEY_PASSPHRASE", "open sesame")
    with pytest.raises(KeyStoreError, match="is not encrypted, but CAIRN_KEY_PASSPHRASE is set"):
        store.signer(ORIGIN)


def test_a_damaged_key(store: KeyStore) -> None:
    store.signer(ORIGIN)
    store.private_file.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    with pytest.raises(KeyStoreError, match="cannot be opened: a damaged file; restore it"):
        store.signer(ORIGIN)
    store.public_file.write_text("hello")
    with pytest.raises(KeyStoreError, match="is no public key in PEM form"):
        store.verifiers(ORIGIN)


def test_other_kinds_of_keys_are_refused(store: KeyStore) -> None:
    store.signer(ORIGIN)
    for foreign in (
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=1024),  # noqa: S505  # on purpose
    ):
        store.private_file.write_bytes(
            foreign.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        with pytest.raises(KeyStoreError, match="holds no Ed25519 key"):
            store.signer(ORIGIN)
        store.public_file.write_bytes(
            foreign.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        with pytest.raises(
            KeyStoreError, match=r"1 P-256 keys: exactly one Ed25519|1024 bits, at least"
        ):
            store.verifiers(ORIGIN)


def test_a_lost_public_half_comes_back(store: KeyStore) -> None:
    store.signer(ORIGIN)
    public = store.public_file.read_bytes()
    store.public_file.unlink()
    store.signer(ORIGIN)
    assert store.public_file.read_bytes() == public


def test_keys_inside_the_workspace_are_refused(bench: Bench) -> None:
    with pytest.raises(KeyStoreError, match=r"lies inside the workspace .*: set CAIRN_KEYS"):
        Log.open(bench.folder, keys=bench.root / "keys")
    (bench.root.parent / "alias").symlink_to(bench.root)
    with pytest.raises(KeyStoreError, match="lies inside the workspace"):
        Log.open(bench.folder, keys=bench.root.parent / "alias" / "keys")
    assert not bench.folder.exists()


def test_an_unusable_place_for_keys(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(KeyStoreError, match=r"no signing key could be made in .*: set CAIRN_KEYS"):
        KeyStore(tmp_path / "file" / "keys").signer(ORIGIN)


@needs_no_root
def test_an_unreadable_key(store: KeyStore) -> None:
    store.signer(ORIGIN)
    store.private_file.chmod(0)
    with pytest.raises(KeyStoreError, match="cannot be read"):
        store.signer(ORIGIN)


def test_two_processes_that_make_the_first_key_get_the_same(store: KeyStore) -> None:
    program = (
        "import sys; from pathlib import Path; from provenance.keys import KeyStore\n"
        f"print(KeyStore(Path(sys.argv[1])).signer('{ORIGIN}').sign(b'x').hex())"
    )
    command = [sys.executable, "-c", program, str(store.folder)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert len({child.communicate()[0] for child in children}) == 1
    assert [child.returncode for child in children] == [0, 0, 0]
    assert {path.name for path in store.folder.iterdir()} == {"ed25519.pem", "ed25519.pub"}


def test_processes_that_first_sign_at_once_sign_alike(store: KeyStore) -> None:
    program = (
        "import sys; from pathlib import Path; from provenance.keys import KeyStore\n"
        "for signer in KeyStore(Path(sys.argv[1])).signers(sys.argv[2]):\n"
        "    print(signer.sign(b'x').hex())"
    )
    command = [sys.executable, "-c", program, str(store.folder), ORIGIN]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    [signatures] = {child.communicate()[0] for child in children}
    assert len(signatures.split()) == 2
    assert {path.name for path in store.folder.iterdir()} == {
        f"{kind}.{half}" for kind in ("ed25519", "rsa") for half in ("pem", "pub")
    }
    own = store.own()
    assert own is not None
    for verifier, signature in zip(own.verifiers(ORIGIN), signatures.split(), strict=True):
        assert verifier.accepts(b"x", bytes.fromhex(signature))


def test_the_key_of_oms_bundles_is_made_when_first_asked_for(store: KeyStore) -> None:
    store.signers(ORIGIN)
    own = store.own()
    assert own is not None
    assert own.ec is None
    key = store.ec_key()
    assert key.curve.name == "secp256r1"
    assert stat.S_IMODE((store.folder / "ec.pem").stat().st_mode) == 0o600
    own = store.own()
    assert own is not None
    assert own.ec == key.public_key()
    assert own.pem().count(b"BEGIN PUBLIC KEY") == 3
    other_curve = ec.generate_private_key(ec.SECP384R1())
    (store.folder / "ec.pem").write_bytes(
        other_curve.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    with pytest.raises(KeyStoreError, match="is on the curve secp384r1, P-256 is needed"):
        store.ec_key()
