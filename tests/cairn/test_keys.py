"""`cairn keys`: every subcommand on a small log."""

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cairn.keys import keys_app
from provenance import KeyStoreError, Log, ProvenanceError, keyfiles, verify
from provenance.anchors.accounts import secret_of
from provenance.keys import KeyStore
from tasks.errors import InputError


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyStore:
    """A project with a log of two entries."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "params.yaml").write_text("")
    monkeypatch.chdir(root)
    monkeypatch.delenv("CAIRN_ROOT", raising=False)
    monkeypatch.delenv("CAIRN_KEY_PASSPHRASE", raising=False)
    monkeypatch.setenv("CAIRN_KEYRING", "off")
    monkeypatch.setenv("CAIRN_KEYS", str(tmp_path / "keys"))
    log = Log.open(root / ".provenance")
    log.append_many([{"kind": "run", "id": "a"}, {"kind": "run", "id": "b"}])
    return KeyStore(tmp_path / "keys")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(keys_app, arguments)


def works(*arguments: str) -> str:
    done = call(*arguments)
    assert done.exception is None, done.exception
    return done.output


def fails(match: str, *arguments: str) -> None:
    """One line that says what to do, and a documented exit code."""
    error = call(*arguments).exception
    assert isinstance(error, InputError | ProvenanceError)
    assert match in str(error)
    assert "\n" not in str(error)
    assert error.exit_code == 2


def test_show_and_export(store: KeyStore) -> None:
    name, pem = store.public_bundle()
    assert name in works("show")
    assert "not encrypted, mode 0600" in works("show")
    shown = json.loads(works("show", "--json"))
    assert shown["encrypted"] is False
    assert shown["identities"] == [
        {"name": "own", "fingerprint": name, "keys": "Ed25519, RSA", "counts": "yes"}
    ]
    assert works("export").encode() == pem


def test_one_key_alone_is_what_other_tools_read(
    store: KeyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails("own has no P-256 key: the first release makes it", "export", "--kind", "ec")
    store.ec_key()
    (tmp_path / "ann.pub").write_text(works("export"))
    monkeypatch.setenv("CAIRN_KEYS", str(tmp_path / "auditor"))
    works("trust", str(tmp_path / "ann.pub"), "--name", "ann", "--yes")
    assert "private keys: none here" in works("show")
    for kind, said in (("ec", "NIST CURVE: P-256"), ("rsa", "(2048 bit)"), ("ed25519", "ED25519")):
        (tmp_path / "one.pub").write_text(works("export", "--name", "ann", "--kind", kind))
        read = ["openssl", "pkey", "-pubin", "-in", str(tmp_path / "one.pub"), "-noout", "-text"]
        text = subprocess.run(read, check=True, capture_output=True, text=True).stdout
        assert said in text
    assert works("export", "--name", "ann") == (tmp_path / "ann.pub").read_text()
    fails("--kind dsa: one of ed25519, rsa, ec", "export", "--kind", "dsa")
    fails("--name bob: one of ann", "export", "--name", "bob")
    fails("there are no keys in", "export", "--kind", "ec")


def test_what_is_damaged_is_named(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    fails("ed25519.pem holds a private key", "trust", str(store.private_file), "--name", "x")
    public = store.public_file.read_bytes()
    store.public_file.write_text("garbage")
    fails("ed25519.pub is no public key in PEM form", "show")
    store.public_file.unlink()
    for command in ("show", "export"):
        fails(f"openssl pkey -in {store.private_file} -pubout", command)
    store.public_file.write_bytes(public)
    (store.folder / "revoked.json").write_text("garbage")
    fails("revoked.json cannot be read: restore it", "show")
    (store.folder / "revoked.json").unlink()
    store.private_file.write_text("garbage")
    fails("ed25519.pem cannot be opened: a damaged file", "rotate", "--yes")
    monkeypatch.setenv("CAIRN_KEYS", str(store.public_file))
    fails("is a file: set CAIRN_KEYS to a folder", "show")


def test_before_there_are_keys(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAIRN_KEYS", str(store.folder.parent / "none"))
    assert "no keys in" in works("show")
    fails("there are no keys in", "export")
    assert not (store.folder.parent / "none").exists()


def test_what_one_exports_the_other_trusts(
    store: KeyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ann.pub").write_text(works("export"))
    monkeypatch.setenv("CAIRN_KEYS", str(tmp_path / "bob"))
    assert not verify(Path.cwd() / ".provenance", Path.cwd()).ok
    fails("add --yes", "trust", str(tmp_path / "ann.pub"), "--name", "ann")
    out = works("trust", str(tmp_path / "ann.pub"), "--name", "ann", "--yes")
    assert store.public_bundle()[0] in out
    assert verify(Path.cwd() / ".provenance", Path.cwd()).ok
    again = ("trust", str(tmp_path / "ann.pub"), "--yes", "--name")
    fails("is trusted already, as ann", *again, "anna")
    fails("letters, digits", *again, "../ann")
    fails("cannot be read", "trust", str(tmp_path / "none.pub"), "--name", "x", "--yes")
    (tmp_path / "ann.pub").write_text("hello")
    fails("is no public key in PEM form", *again, "ann")
    monkeypatch.setenv("CAIRN_KEYS", str(tmp_path / "carl"))
    KeyStore(tmp_path / "carl").signers("x")
    (tmp_path / "carl.pub").write_text(works("export"))
    monkeypatch.setenv("CAIRN_KEYS", str(tmp_path / "bob"))
    fails(
        "is the name of other keys", "trust", str(tmp_path / "carl.pub"), "--name", "ann", "--yes"
    )


def test_rotate_and_revoke(store: KeyStore, tmp_path: Path) -> None:
    old = store.public_bundle()[0]
    fails("add --yes", "rotate")
    out = works("rotate", "--yes")
    new = store.public_bundle()[0]
    assert out.startswith(f"{new} follows {old}, which counts up to 2 entries")
    rows = json.loads(works("show", "--json"))["identities"]
    assert [(row["fingerprint"], row["counts"]) for row in rows] == [
        (new, "yes"),
        (old, "up to 2 entries"),
    ]
    assert "counts up to 1 entries, says entry 3" in works("revoke", old, "--until", "1", "--yes")
    fails("are known here", "revoke", "0" * 16, "--yes")
    fails("take new ones first", "revoke", new, "--yes")
    fails("the log has 4 entries", "revoke", old, "--until", "5", "--yes")
    assert verify(Path.cwd() / ".provenance", Path.cwd()).ok


def test_protect(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    fails("no passphrase: set CAIRN_KEY_PASSPHRASE", "protect")
    account = secret_of("evm", store, create=True)
    secret_of("solana", store, create=True)
    monkeypatch.setenv("CAIRN_KEY_PASSPHRASE", "open sesame")
    assert "4 keys encrypted" in works("protect")
    assert "private keys: encrypted" in works("show")
    for path in store.folder.rglob("*.pem"):
        assert path.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----"), path
    assert "0 keys encrypted" in works("protect")
    assert secret_of("evm", store, create=False) == account
    store.private_file.write_bytes(keyfiles.encode(store.ed25519_key(), None))
    assert "not encrypted, mode 0600: ed25519.pem" in works("show")
    assert "1 keys encrypted" in works("protect")
    Log.open(Path(".provenance")).append({"kind": "run", "id": "c"})
    monkeypatch.delenv("CAIRN_KEY_PASSPHRASE")
    with pytest.raises(KeyStoreError, match="is encrypted: set CAIRN_KEY_PASSPHRASE"):
        Log.open(Path(".provenance")).append({"kind": "run", "id": "d"})


def test_protect_with_the_keyring(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring

    from tests.provenance.test_passphrase import MemoryKeyring

    before = keyring.get_keyring()
    keyring.set_keyring(MemoryKeyring())
    try:
        monkeypatch.delenv("CAIRN_KEYRING")
        monkeypatch.setenv("CAIRN_KEY_PASSPHRASE", "open sesame")
        assert "2 keys encrypted" in works("protect", "--keyring")
        monkeypatch.delenv("CAIRN_KEY_PASSPHRASE")
        Log.open(Path(".provenance")).append({"kind": "run", "id": "c"})
    finally:
        keyring.set_keyring(before)
    assert verify(Path.cwd() / ".provenance", Path.cwd()).ok
