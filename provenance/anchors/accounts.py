"""The accounts that pay for anchors: one key for all EVM chains, one for Solana.

    KEYS/chains/evm.pem, solana.pem    PKCS#8, mode 0600, encrypted if CAIRN_KEY_PASSPHRASE is set

They are made at first use and hold no money then, which is enough for the embedded chains. An
account that exists comes in by the environment: CAIRN_EVM_KEY (32 bytes in hex), CAIRN_SOLANA_KEY
(the seed, 32 bytes in hex, or the JSON list of 64 numbers that solana-keygen writes).

They are other keys than those that sign heads: whoever steals one has not got the other.
"""

import os
from pathlib import Path

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance import keyfiles, passphrase
from provenance.errors import KeyStoreError
from provenance.keys import KeyStore

SECRET_BYTES = 32
VARIABLES = {"evm": "CAIRN_EVM_KEY", "solana": "CAIRN_SOLANA_KEY"}


def secret_of(kind: str, store: KeyStore, *, create: bool) -> bytes | None:
    """The private key of the account of a kind of chain, 32 bytes.

    Args:
        kind: "evm" or "solana".
        store: where it is kept.
        create: make one if there is none.

    Returns:
        None if there is none and none is to be made.

    Raises:
        KeyStoreError: it cannot be read, is of another kind, or the variable holds no key.
    """
    if text := os.environ.get(VARIABLES[kind]):
        return _from_text(kind, text.strip())
    path = store.folder / "chains" / f"{kind}.pem"
    if not path.exists():
        if not create:
            return None
        _make(kind, path)
    return _load(kind, path, store.account)


def _from_text(kind: str, text: str) -> bytes:
    try:
        secret = bytes(orjson.loads(text)[:SECRET_BYTES]) if text[0] == "[" else bytes.fromhex(text)
    except (ValueError, TypeError):
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise KeyStoreError(
            f"{VARIABLES[kind]} holds no private key: {2 * SECRET_BYTES} hex digits are needed"
            + (", or what solana-keygen writes" if kind == "solana" else "")
        )
    return secret


def _make(kind: str, path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256K1()) if kind == "evm" else Ed25519PrivateKey.generate()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        keyfiles.create_file(path, keyfiles.encode(key, passphrase.given()), 0o600)
    except OSError as error:
        raise KeyStoreError(
            f"no key for {kind} could be made in {path.parent} ({error.strerror}): set CAIRN_KEYS "
            "to a folder that you can write to"
        ) from error


def _load(kind: str, path: Path, account: str) -> bytes:
    key = _open(path, keyfiles.read_closed(path), account)
    if kind == "evm" and isinstance(key, ec.EllipticCurvePrivateKey):
        if isinstance(key.curve, ec.SECP256K1):
            return key.private_numbers().private_value.to_bytes(SECRET_BYTES, "big")
    elif kind == "solana" and isinstance(key, Ed25519PrivateKey):
        return key.private_bytes_raw()
    raise KeyStoreError(f"{path} holds no key for {kind} (secp256k1, Ed25519): move it away")


def _open(path: Path, pem: bytes, account: str) -> object:
    phrases = [None, passphrase.given()]
    for phrase in phrases:
        try:
            return serialization.load_pem_private_key(pem, phrase)
        except (TypeError, ValueError, UnsupportedAlgorithm):
            continue  # TypeError: encrypted and no passphrase, or the other way round
    for phrase in passphrase.sources(account):
        try:
            return serialization.load_pem_private_key(pem, phrase)
        except (TypeError, ValueError, UnsupportedAlgorithm):
            continue
    raise KeyStoreError(
        f"{path} cannot be opened: set {passphrase.VARIABLE} if it is encrypted, or move it away"
    )
