"""A model signature that others can check: OpenSSF Model Signing (OMS) 1.0.

    model_signing verify key FOLDER --signature FOLDER/model.sig --public_key ec.pub

It is a Sigstore bundle around a DSSE envelope around an in-toto statement that lists every file.
The format takes EC keys only, so this one signature is made with an EC P-256 key. Digests are
SHA-256: `model_signing` reads BLAKE3 through its Python interface, but its command line does not.
https://github.com/ossf/model-signing-spec
"""

import base64
from collections.abc import Iterable, Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provenance import canonical
from provenance.errors import UnhashableError
from provenance.statements.dsse import PAYLOAD_TYPE, pae
from provenance.statements.sha256 import sha256
from provenance.statements.statement import Statement

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"


def make_bundle(
    name: str,
    files: Mapping[str, str],
    key: ec.EllipticCurvePrivateKey,
    *,
    ignored: Iterable[str] = (),
    algorithm: str = "sha256",
) -> bytes:
    """Sign a model's files.

    Args:
        name: of the model, for people.
        files: digest in hex digits, by path inside the model's folder.
        key: EC P-256.
        ignored: paths that may be in the folder without being signed: the signature itself, say.
        algorithm: that the digests were made with.

    Returns:
        the bundle, JSON.

    Raises:
        UnhashableError: there are no files; a signature of nothing proves nothing.
    """
    if not files:
        raise UnhashableError(f"model {name!r} holds no files: there is nothing to sign")
    names = sorted(files)  # by code point, as the specification asks
    statement = Statement(
        {name: {"sha256": root_digest([files[name] for name in names])}},
        PREDICATE_TYPE,
        {
            "serialization": {
                "method": "files",
                "hash_type": algorithm,
                "allow_symlinks": False,
                "ignore_paths": sorted(ignored),
            },
            "resources": [
                {"name": path, "algorithm": algorithm, "digest": files[path]} for path in names
            ],
        },
    )
    return seal(statement.encode(), key)


def seal(payload: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """The bundle around a payload."""
    signature = key.sign(pae(payload), ec.ECDSA(hashes.SHA256()))
    return canonical.encode(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {
                "publicKey": {"hint": key_hint(key.public_key())},
                "tlogEntries": [],
            },
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
            },
        }
    )


def root_digest(digests: Iterable[str]) -> str:
    """SHA-256 over the raw digests of all files in the order listed, in hex digits."""
    return sha256(b"".join(bytes.fromhex(digest) for digest in digests)).hex()


def key_hint(key: ec.EllipticCurvePublicKey) -> str:
    """How a bundle names its key: SHA-256 of the PEM, in hex digits."""
    return sha256(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).hex()
