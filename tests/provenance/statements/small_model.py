"""A small model folder, and keys to sign it with."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from provenance.statements.oms import make_bundle, seal
from provenance.statements.sha256 import digests_of

IGNORED = ("model.sig",)


def make_model(folder: Path) -> Path:
    """Names that trip naive sorting (by components and by code point differ), an empty file."""
    (folder / "sub").mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(bytes(range(256)) * 500)
    (folder / "config.json").write_text("{}")
    (folder / "sub" / "a b.txt").write_text("hi")
    (folder / "sub.txt").write_text("order trap")
    (folder / "empty").write_bytes(b"")
    return folder


def digests(folder: Path, algorithm: str = "sha256") -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): digests_of(path, [algorithm])[algorithm]
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in IGNORED
    }


def sign(folder: Path, key: ec.EllipticCurvePrivateKey, algorithm: str = "sha256") -> bytes:
    files = digests(folder, algorithm)
    return make_bundle("tiny/1", files, key, ignored=IGNORED, algorithm=algorithm)


def payload_of(bundle: bytes) -> dict[str, Any]:
    return json.loads(base64.b64decode(json.loads(bundle)["dsseEnvelope"]["payload"]))


def resealed(
    bundle: bytes, key: ec.EllipticCurvePrivateKey, change: Callable[[dict[str, Any]], None]
) -> bytes:
    """The bundle with its statement changed, and signed again by `key`."""
    payload = payload_of(bundle)
    change(payload)
    return seal(json.dumps(payload).encode(), key)


def public(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
