"""Identities: the public keys of one signer, which belong together and sign together.

Everyone who signs heads does so with an Ed25519 key (what C2SP witnesses read) and an RSA key (what
openssl checks). A head counts as signed by an identity only if all of these keys signed it: whoever
breaks or steals one of them has not enough. The P-256 key signs OMS bundles and no heads.
"""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from provenance.ed25519 import Ed25519Verifier, fingerprint
from provenance.errors import KeyStoreError, Reason, TamperedError
from provenance.note import OpenedNote, Verifier, open_note
from provenance.rsa import BITS, RsaVerifier

PublicKey = Ed25519PublicKey | RSAPublicKey | EllipticCurvePublicKey

_BLOCK = re.compile(rb"-----BEGIN [^-\n]+-----\n.*?-----END [^-\n]+-----", re.DOTALL)


@dataclass(frozen=True)
class Identity:
    """The public keys of one signer.

    Args:
        name: "own", or what the reader calls them.
        ed25519: signs heads; its fingerprint is the identity's.
        rsa: signs heads and statements; None for a signer of an older Cairn.
        ec: P-256, signs OMS bundles; None if there was none to sign yet.
    """

    name: str
    ed25519: Ed25519PublicKey
    rsa: RSAPublicKey | None = None
    ec: EllipticCurvePublicKey | None = None

    @functools.cached_property
    def fingerprint(self) -> str:
        """16 hex digits."""
        return fingerprint(self.ed25519)

    def verifiers(self, origin: str) -> tuple[Verifier, ...]:
        """All keys that must have signed a head, under the name of a log."""
        if origin not in self._verifiers:
            ed25519 = Ed25519Verifier(origin, self.ed25519)
            self._verifiers[origin] = (
                (ed25519,) if self.rsa is None else (ed25519, RsaVerifier(origin, self.rsa))
            )
        return self._verifiers[origin]

    @functools.cached_property
    def _verifiers(self) -> dict[str, tuple[Verifier, ...]]:
        return {}  # kept, as their key ids take longer to make than a signature to check

    def pem(self) -> bytes:
        """The public keys, one PEM block each: what is handed to others."""
        keys = (self.ed25519, self.rsa, self.ec)
        return b"".join(public_pem(key) for key in keys if key is not None)

    @classmethod
    def parse(cls, name: str, pem: bytes, where: object) -> "Identity":
        """Read what `pem` wrote.

        Args:
            where: the file, for messages.

        Raises:
            KeyStoreError: not PEM, no Ed25519 key, two keys of a kind, or a kind not taken.
        """
        if b"PRIVATE KEY-----" in pem:
            raise KeyStoreError(
                f"{where} holds a private key, which nobody else should have: what is handed on "
                "is what `cairn keys export` prints"
            )
        blocks = _BLOCK.findall(pem)
        if not blocks:
            raise _no_pem(where)
        keys = [load_public(block, where) for block in blocks]
        ed25519 = [key for key in keys if isinstance(key, Ed25519PublicKey)]
        rsa = [key for key in keys if isinstance(key, RSAPublicKey)]
        ec = [key for key in keys if isinstance(key, EllipticCurvePublicKey)]
        if len(ed25519) != 1 or len(rsa) > 1 or len(ec) > 1:
            raise KeyStoreError(
                f"{where} holds {len(ed25519)} Ed25519, {len(rsa)} RSA and {len(ec)} P-256 keys: "
                "exactly one Ed25519 key is needed, and at most one of the others"
            )
        return cls(name, ed25519[0], rsa[0] if rsa else None, ec[0] if ec else None)


def public_pem(key: PublicKey) -> bytes:
    """SubjectPublicKeyInfo in PEM."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def load_public(pem: bytes, where: object) -> PublicKey:
    """One public key.

    Raises:
        KeyStoreError: not PEM, or not of a kind that is taken.
    """
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_pem(where) from error
    if isinstance(key, RSAPublicKey):
        refuse_short(key.key_size, where)
        return key
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    if isinstance(key, Ed25519PublicKey):
        return key
    raise KeyStoreError(f"{where} holds a key that is not Ed25519, RSA or P-256: not accepted")


def _no_pem(where: object) -> KeyStoreError:
    # What the cryptography library says here is about ASN.1 and names its own web page.
    return KeyStoreError(f"{where} is no public key in PEM form (`cairn keys export` prints them)")


def refuse_short(bits: int, where: object) -> None:
    """RSA keys that can be broken are worse than none.

    Raises:
        KeyStoreError: fewer than 2048 bits.
    """
    if bits < BITS:
        raise KeyStoreError(f"{where} is an RSA key of {bits} bits, at least {BITS} are needed")


def open_signed(
    data: bytes, origin: str, identities: Sequence[Identity]
) -> tuple[OpenedNote, tuple[Identity, ...]]:
    """Check a note against identities: one of them must have signed it with all of its keys.

    Args:
        origin: the name under which they sign.

    Returns:
        the note, and who signed it in full.

    Raises:
        TamperedError: as `open_note`; UNTRUSTED_KEY also if an identity signed in part.
    """
    note = open_note(data, [item for one in identities for item in one.verifiers(origin)])
    signed = {item.key_id for item in note.signed_by}
    full = tuple(
        one for one in identities if all(item.key_id in signed for item in one.verifiers(origin))
    )
    if full:
        return note, full
    partial = next(
        one for one in identities if any(item.key_id in signed for item in one.verifiers(origin))
    )
    missing = next(item for item in partial.verifiers(origin) if item.key_id not in signed)
    kind = "RSA" if isinstance(missing, RsaVerifier) else "Ed25519"
    raise TamperedError(
        f"signed by one key of {partial.fingerprint}, but not by its {kind} key "
        f"{missing.key_id.hex()}: both are needed",
        Reason.UNTRUSTED_KEY,
    )
