"""Ed25519 signatures on notes (C2SP signed-note, signature type 0x01)."""

import functools
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from provenance.note import KEY_ID_BYTES
from provenance.tree import blake3_hash

_TYPE = b"\x01"


def raw_public(key: Ed25519PublicKey) -> bytes:
    """The 32 bytes of RFC 8032."""
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def fingerprint(key: Ed25519PublicKey) -> str:
    """Short name of a key for people: 16 hex digits of the BLAKE3 of its 32 bytes."""
    return blake3_hash(raw_public(key)).hex()[:16]


def key_id(name: str, key: Ed25519PublicKey) -> bytes:
    """The id that tells keys of one name apart; the format prescribes SHA-256 here."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(name.encode() + b"\n" + _TYPE + raw_public(key))
    return digest.finalize()[:KEY_ID_BYTES]


@dataclass(frozen=True)
class Ed25519Verifier:
    """Checks signatures made under a name."""

    name: str
    key: Ed25519PublicKey

    @functools.cached_property
    def key_id(self) -> bytes:
        return key_id(self.name, self.key)

    def accepts(self, text: bytes, signature: bytes) -> bool:
        """Whether the signature was made over exactly this text by this key."""
        try:
            self.key.verify(signature, text)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Ed25519Signer:
    """Signs under a name."""

    name: str
    key: Ed25519PrivateKey

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.key.public_key())

    def sign(self, text: bytes) -> bytes:
        """64 bytes; the same key and text always give the same signature."""
        return self.key.sign(text)
