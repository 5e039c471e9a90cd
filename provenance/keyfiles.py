"""Key files: private ones encrypted or at least closed to others, public ones beside them."""

import contextlib
import functools
import os
import secrets
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256K1,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa

from provenance import passphrase
from provenance.durable import fsync_folder, write_all
from provenance.errors import KeyStoreError
from provenance.identity import PublicKey, load_public, public_pem, refuse_short
from provenance.rsa import BITS, EXPONENT

PrivateKey = Ed25519PrivateKey | RSAPrivateKey | EllipticCurvePrivateKey

KINDS = {"ed25519": "Ed25519", "rsa": "RSA", "ec": "P-256"}
"""Names of the files, and of the kinds for people."""
ACCOUNTS = {"evm": "secp256k1", "solana": "Ed25519"}
"""The same in `chains/`: keys that pay for anchors (provenance/anchors/accounts.py)."""


def generate(kind: str) -> PrivateKey:
    """A new private key."""
    if kind == "ed25519":
        return Ed25519PrivateKey.generate()
    if kind == "rsa":
        return generate_rsa(EXPONENT, BITS)
    return generate_private_key(SECP256R1())


def encode(key: PrivateKey, phrase: bytes | None) -> bytes:
    """PKCS#8 in PEM, encrypted if there is a passphrase."""
    how: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(phrase) if phrase else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def load(path: Path, account: str) -> tuple[PrivateKey, bytes | None]:
    """The private key in a file named after its kind, and the passphrase that opened it.

    Args:
        account: of the passphrase in the keyring.

    Raises:
        KeyStoreError: unreadable, open to others, encrypted otherwise than expected, of another
            kind or too short.
    """
    return _open(path, read_closed(path), passphrase.given(), account)


def read_closed(path: Path) -> bytes:
    """The bytes of a private file.

    Raises:
        KeyStoreError: unreadable, or open to others.
    """
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


# Opening an encrypted key is slow on purpose, and heads are signed hundreds of times a second. The
# file's bytes are the key of the cache, so that a new file is a new key.
@functools.lru_cache(maxsize=16)
def _open(
    path: Path, pem: bytes, given: bytes | None, account: str
) -> tuple[PrivateKey, bytes | None]:
    key: object
    try:
        key, phrase = serialization.load_pem_private_key(pem, given), given
    except TypeError as error:  # how cryptography tells of a passphrase missing or too many
        if given:
            raise KeyStoreError(
                f"{path} is not encrypted, but {passphrase.VARIABLE} is set: unset it, or encrypt "
                "the keys (cairn keys protect)"
            ) from error
        key, phrase = _try_sources(path, pem, account)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _damaged(path, passphrase.VARIABLE if given else None) from error
    return of_kind(key, path), phrase


def _try_sources(path: Path, pem: bytes, account: str) -> tuple[object, bytes]:
    tried = False
    for phrase in passphrase.sources(account):
        tried = True
        try:
            key = serialization.load_pem_private_key(pem, phrase)
        except (ValueError, UnsupportedAlgorithm):
            continue
        passphrase.opened(account, phrase)
        return key, phrase
    if tried:
        raise _damaged(path, "passphrase")
    raise KeyStoreError(f"{path} is encrypted: set {passphrase.VARIABLE}")


def unlock(path: Path, phrase: bytes) -> tuple[PrivateKey, bool]:
    """The private key in a file that is plain or opens with `phrase`, and which of the two.

    Raises:
        KeyStoreError: neither.
    """
    pem = read_closed(path)
    for attempt in (None, phrase):
        with contextlib.suppress(TypeError):
            try:
                return of_kind(
                    serialization.load_pem_private_key(pem, attempt), path
                ), attempt is not None
            except (ValueError, UnsupportedAlgorithm) as error:
                other = "passphrase (it is encrypted with another one)" if attempt else None
                raise _damaged(path, other) from error
    raise _damaged(path, "passphrase")


def of_kind(key: object, path: Path) -> PrivateKey:
    """Refuse a key that is not of the kind that its file is named after, or too short."""
    wanted = path.stem
    if wanted in ("ed25519", "solana") and isinstance(key, Ed25519PrivateKey):
        return key
    if wanted == "evm" and isinstance(key, EllipticCurvePrivateKey):
        if isinstance(key.curve, SECP256K1):
            return key
        raise KeyStoreError(f"{path} is on the curve {key.curve.name}, secp256k1 is needed")
    if wanted == "rsa" and isinstance(key, RSAPrivateKey):
        refuse_short(key.key_size, path)
        return key
    if wanted == "ec" and isinstance(key, EllipticCurvePrivateKey):
        if isinstance(key.curve, SECP256R1):
            return key
        raise KeyStoreError(f"{path} is on the curve {key.curve.name}, P-256 is needed")
    raise KeyStoreError(f"{path} holds no {(KINDS | ACCOUNTS)[wanted]} key: move it away")


def show_public(path: Path, key: PrivateKey) -> None:
    """Write the public half beside the private file where it is missing, or see that it fits.

    Raises:
        KeyStoreError: another key's public half is there.
    """
    public = path.with_suffix(".pub")
    if not public.exists():  # killed between the two files, or only one was restored
        create_file(public, public_pem(key.public_key()), 0o644)
    elif read_public(public) != key.public_key():
        raise KeyStoreError(
            f"{public} is not the public half of {path}: restore the one, or delete {public}"
        )


def read_public(path: Path) -> PublicKey:
    """The public key in a file.

    Raises:
        KeyStoreError: unreadable, or of a kind that is not taken.
    """
    return _parse_public(path, _read(path))


@functools.lru_cache(maxsize=64)
def _parse_public(path: Path, pem: bytes) -> PublicKey:
    return load_public(pem, path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyStoreError(f"{path} cannot be read ({error.strerror})") from error


def create_file(path: Path, data: bytes, mode: int) -> None:
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


def _damaged(path: Path, what: str | None) -> KeyStoreError:
    if what is None:
        return KeyStoreError(f"{path} cannot be opened: a damaged file; restore it from a backup")
    return KeyStoreError(f"{path} cannot be opened: wrong {what}, or a damaged file")
