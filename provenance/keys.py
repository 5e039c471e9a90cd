"""The key store: one Ed25519 key per user, the keys of others that this user trusts, and pins.

    KEYS/ed25519.pem      private key, PKCS#8, mode 0600, encrypted if CAIRN_KEY_PASSPHRASE is set
    KEYS/ed25519.pub      its public half, to hand to others
    KEYS/trusted/*.pub    public keys of others whose logs are accepted
    KEYS/pins/, places/   what this user has seen of each log (provenance/pins.py)

It lives outside the workspace: who can rewrite the log must not find the key or the pins beside it.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from provenance.durable import fsync_folder, write_all
from provenance.ed25519 import Ed25519Signer, Ed25519Verifier, fingerprint
from provenance.errors import KeyStoreError
from provenance.note import Signer

PASSPHRASE = "CAIRN_KEY_PASSPHRASE"  # noqa: S105  # the name of a variable, not a secret


def default_keys() -> Path:
    """$CAIRN_KEYS, else $XDG_CONFIG_HOME/cairn/keys, else ~/.config/cairn/keys."""
    if chosen := os.environ.get("CAIRN_KEYS"):
        return Path(chosen).expanduser().absolute()
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(config).expanduser().absolute() / "cairn" / "keys"


@dataclass(frozen=True)
class KeyStore:
    """The folder that holds the keys; nothing is made until something must be signed."""

    folder: Path

    @property
    def private_file(self) -> Path:
        return self.folder / "ed25519.pem"

    @property
    def public_file(self) -> Path:
        return self.folder / "ed25519.pub"

    def refuse_inside(self, workspace: Path) -> None:
        """Keys inside the workspace would travel with every copy of it.

        Raises:
            KeyStoreError: this store lies below `workspace`.
        """
        if self.folder.resolve().is_relative_to(workspace.resolve()):
            raise KeyStoreError(
                f"the key store {self.folder} lies inside the workspace {workspace}: set "
                "CAIRN_KEYS to a folder outside it, or unset it to use ~/.config/cairn/keys"
            )

    def verifiers(self, origin: str) -> list[Ed25519Verifier]:
        """One verifier per trusted key, under the name of a log.

        Raises:
            KeyStoreError: a file in the store is no Ed25519 public key.
        """
        return [Ed25519Verifier(origin, key) for key in self.trusted()]

    def trusted(self) -> list[Ed25519PublicKey]:
        """The own public key, if there is one, then those in `trusted/`, by file name."""
        own = [self.public_file] if self.public_file.exists() else []
        return [
            _load_public(path) for path in own + sorted((self.folder / "trusted").glob("*.pub"))
        ]

    def signer(self, origin: str) -> Ed25519Signer:
        """The own private key under the name of a log; made at first use.

        Raises:
            KeyStoreError: unreadable, open to others, encrypted otherwise than expected.
        """
        if not self.private_file.exists():
            self._create()
        key = self._load_private()
        if not self.public_file.exists():  # killed between the two files, or only one was restored
            _create_file(self.public_file, _public_pem(key.public_key()), 0o644)
        return Ed25519Signer(origin, key)

    def signers(self, origin: str) -> tuple[Signer, ...]:
        """Everything that signs a head, made at first use; see `signer`."""
        return (self.signer(origin),)

    def public_bundle(self) -> tuple[str, bytes]:
        """Fingerprint of the own identity, and the PEM of its public keys."""
        key = _load_public(self.public_file)
        return fingerprint(key), _public_pem(key)

    def _create(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            phrase = _passphrase()
            how: serialization.KeySerializationEncryption = (
                serialization.BestAvailableEncryption(phrase)
                if phrase
                else serialization.NoEncryption()
            )
            pem = Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how
            )
            _create_file(self.private_file, pem, 0o600)
        except OSError as error:
            raise KeyStoreError(
                f"no signing key could be made in {self.folder} ({error.strerror}): set CAIRN_KEYS "
                "to a folder that you can write to"
            ) from error

    def _load_private(self) -> Ed25519PrivateKey:
        pem, phrase = _read_private(self.private_file), _passphrase()
        try:
            key = serialization.load_pem_private_key(pem, phrase)
        except (
            TypeError
        ) as error:  # how cryptography tells that a passphrase is missing or too many
            raise KeyStoreError(
                f"{self.private_file} is not encrypted, but {PASSPHRASE} is set: unset it, or "
                f"encrypt the key (openssl pkcs8 -topk8 -in {self.private_file} -out NEW)"
                if phrase
                else f"{self.private_file} is encrypted: set {PASSPHRASE}"
            ) from error
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyStoreError(
                f"{self.private_file} cannot be opened: wrong {PASSPHRASE}, or a damaged file"
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyStoreError(f"{self.private_file} holds no Ed25519 key: move it away")
        return key


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            if mode & 0o077:
                raise KeyStoreError(
                    f"{path} has mode {mode:04o}, others can use it: chmod 600 {path}"
                )
            return file.read()
    except OSError as error:
        raise KeyStoreError(f"{path} cannot be read ({error.strerror})") from error


def _load_public(path: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise KeyStoreError(f"{path} is no public key in PEM form: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyStoreError(f"{path} holds no Ed25519 key, other kinds are not accepted")
    return key


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _passphrase() -> bytes | None:
    phrase = os.environ.get(PASSPHRASE)
    return phrase.encode() if phrase else None


def _create_file(path: Path, data: bytes, mode: int) -> None:
    """Write a file that must not exist yet; whoever comes second keeps the first one's."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        write_all(fd, data)
        os.fsync(fd)
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        os.close(fd)
        aside.unlink()
    fsync_folder(path.parent)
