"""Read a model signature (OMS 1.0), ours or one that `model_signing` made: what did a key sign?

Stricter than the reference implementation where that one lets something through: a path that
leaves the model is refused whatever the options, and a signature over no files proves nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from provenance.errors import BadPathError, Reason, TamperedError
from provenance.paths import check_path
from provenance.statements.dsse import pae, read_envelope
from provenance.statements.oms import MEDIA_TYPE, PREDICATE_TYPE, key_hint, root_digest
from provenance.statements.parsing import (
    as_digest,
    as_list,
    as_object,
    as_text,
    bad,
    parse_object,
)
from provenance.statements.sha256 import LENGTHS
from provenance.statements.statement import parse_statement

HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
"""The curves of the specification, each with the hash that goes with it."""


@dataclass(frozen=True)
class Manifest:
    """What was signed.

    Args:
        name: of the model, for people.
        algorithm: of the digests, a name from `LENGTHS`.
        files: digest in hex digits, by path inside the model's folder.
        ignored: paths that may be there without being signed, with all below them.
    """

    name: str
    algorithm: str
    files: Mapping[str, str]
    ignored: frozenset[str]

    def ignores(self, path: str) -> bool:
        """Whether a path, or a folder that it is in, is one of those left out."""
        parts = path.split("/")
        return any("/".join(parts[:end]) in self.ignored for end in range(1, len(parts) + 1))


def open_bundle(data: bytes, keys: Iterable[ec.EllipticCurvePublicKey]) -> Manifest:
    """The manifest in a bundle that a trusted key signed.

    Raises:
        TamperedError: BAD_STATEMENT if it is no model signature, UNTRUSTED_KEY if another key
            signed it, BAD_SIGNATURE if the signature does not fit, BAD_PATH.
    """
    bundle = parse_object(data, "the model signature")
    if bundle.get("mediaType") != MEDIA_TYPE:
        raise bad(f"mediaType is {str(bundle.get('mediaType'))[:80]!r}, {MEDIA_TYPE} is read here")
    material = as_object(bundle.get("verificationMaterial"), "verificationMaterial")
    if "publicKey" not in material:
        raise bad("the model was signed with a certificate or in another way: keys are read here")
    hint = as_object(material["publicKey"], "publicKey").get("hint")
    envelope = as_object(bundle.get("dsseEnvelope"), "dsseEnvelope")
    payload, signatures = read_envelope(envelope)
    if len(signatures) != 1:
        raise bad(f"{len(signatures)} signatures, a bundle holds one")
    _check_signature(_key_of(hint, list(keys)), payload, signatures[0][1])
    return _manifest(payload)


def _key_of(hint: object, keys: list[ec.EllipticCurvePublicKey]) -> ec.EllipticCurvePublicKey:
    if hint is None and len(keys) == 1:  # bundles of model_signing before 1.1 name no key
        return keys[0]
    wanted = as_digest(hint, 32, "the key's hint")
    for key in keys:
        if key_hint(key) == wanted:
            return key
    trusted = ", ".join(f"{key_hint(key)[:8]}..." for key in keys) or "none"
    raise TamperedError(
        f"signed by EC key {wanted[:8]}..., trusted here: {trusted}", Reason.UNTRUSTED_KEY
    )


def _check_signature(key: ec.EllipticCurvePublicKey, payload: bytes, signature: bytes) -> None:
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in HASHES:
        raise bad("model signatures are checked with EC keys P-256, P-384 or P-521 only")
    try:
        key.verify(signature, pae(payload), ec.ECDSA(HASHES[key.curve.name]))
    except InvalidSignature:
        raise TamperedError(
            f"the signature of EC key {key_hint(key)[:8]}... does not fit the list of files",
            Reason.BAD_SIGNATURE,
        ) from None


def _manifest(payload: bytes) -> Manifest:
    statement = parse_statement(payload)
    if statement.predicate_type != PREDICATE_TYPE:
        raise bad(
            f"predicateType is {statement.predicate_type[:80]!r}, {PREDICATE_TYPE} is read here"
        )
    if len(statement.subjects) != 1:
        raise bad(f"{len(statement.subjects)} subjects, a model signature has one")
    [(name, digests)] = statement.subjects.items()
    how = as_object(statement.predicate.get("serialization"), "serialization")
    if how.get("method") != "files":
        raise bad(f"method is {str(how.get('method'))[:40]!r}, 'files' is read here")
    algorithm = as_text(how.get("hash_type"), "hash_type")
    if algorithm not in LENGTHS:
        raise bad(f"hash_type is {algorithm[:40]!r}, known are {', '.join(LENGTHS)}")
    files: dict[str, str] = {}
    for item in as_list(statement.predicate.get("resources"), "resources"):
        path, digest = _resource(as_object(item, "a resource"), algorithm)
        if path in files:
            raise bad(f"{path!r} is listed twice")
        files[path] = digest
    if not files:
        raise bad("the signature covers no files: it proves nothing")
    if digests.get("sha256") != root_digest(files.values()):
        raise bad("the list of files does not have the root digest that was signed with it")
    ignored = as_list(how.get("ignore_paths", []), "ignore_paths")
    return Manifest(
        name, algorithm, files, frozenset(as_text(path, "an ignored path") for path in ignored)
    )


def _resource(resource: dict[str, Any], algorithm: str) -> tuple[str, str]:
    try:
        path = check_path(resource.get("name"))
    except BadPathError as error:
        raise TamperedError(f"signed list of files: {error}", Reason.BAD_PATH) from None
    if resource.get("algorithm") != algorithm:
        raise bad(
            f"{path}: algorithm {str(resource.get('algorithm'))[:40]!r}, but hash_type {algorithm}"
        )
    return path, as_digest(resource.get("digest"), LENGTHS[algorithm], f"digest of {path}")
