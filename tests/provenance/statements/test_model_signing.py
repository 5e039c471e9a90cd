"""Our model signatures in the hands of `model_signing`, and its signatures in ours.

The client is the real one (PyPI model-signing 1.1.1): what it says is the expected value.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from model_signing._cli import main
from model_signing.verifying import Config

from provenance import Reason, TamperedError, UnhashableError
from provenance.statements.oms import make_bundle, root_digest
from provenance.statements.oms_verify import verify_bundle
from provenance.statements.sha256 import digests_of
from tests.provenance.statements.small_model import (
    IGNORED,
    payload_of,
    private,
    public,
    resealed,
    sign,
)

Key = ec.EllipticCurvePrivateKey


def client(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and output of the command `model_signing`, run in this process to save a second."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def check(model: Path, bundle: bytes, key: Key | rsa.RSAPrivateKey, *more: str) -> tuple[int, str]:
    (model / "model.sig").write_bytes(bundle)
    pem = model.parent / "key.pub"
    pem.write_bytes(public(key))
    signature = model / "model.sig"
    return client("verify", "key", model, "--signature", signature, "--public_key", pem, *more)


def test_the_installed_command_accepts_our_signature(model: Path, key: Key) -> None:
    (model / "model.sig").write_bytes(sign(model, key))
    pem = model.parent / "key.pub"
    pem.write_bytes(public(key))
    command = Path(sys.executable).parent / "model_signing"
    done = subprocess.run(
        [command, "verify", "key", model, "--signature", model / "model.sig", "--public_key", pem],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Verification succeeded" in done.stdout


def change(model: Path) -> None:
    (model / "config.json").write_text("{ }")


def add(model: Path) -> None:
    (model / "extra.bin").write_text("x")


def drop(model: Path) -> None:
    (model / "empty").unlink()


def link(model: Path) -> None:
    (model / "link").symlink_to("/etc/hostname")


def move(model: Path) -> None:
    shutil.move(model / "sub.txt", model / "sub" / "sub.txt")


TAMPERED: list[tuple[Callable[[Path], None], Reason]] = [
    (change, Reason.ARTIFACT_CHANGED),
    (add, Reason.ARTIFACT_EXTRA),
    (drop, Reason.ARTIFACT_MISSING),
    (link, Reason.ARTIFACT_REFUSED),
    (move, Reason.ARTIFACT_MISSING),
]


@pytest.mark.parametrize(("tamper", "reason"), TAMPERED)
def test_attack_58_both_refuse_a_folder_that_is_not_as_signed(
    model: Path, key: Key, tamper: Callable[[Path], None], reason: Reason
) -> None:
    bundle = sign(model, key)
    assert check(model, bundle, key)[0] == 0
    tamper(model)
    assert check(model, bundle, key)[0] == 1
    with pytest.raises(TamperedError) as refused:
        verify_bundle(bundle, model, [key.public_key()])
    assert refused.value.reason is reason


def test_attack_58_both_refuse_another_signer(model: Path, key: Key, other_key: Key) -> None:
    bundle = sign(model, other_key)
    code, said = check(model, bundle, key)
    assert code == 1, said
    with pytest.raises(TamperedError) as refused:
        verify_bundle(bundle, model, [key.public_key()])
    assert refused.value.reason is Reason.UNTRUSTED_KEY


def test_attack_58_both_refuse_an_edited_list(model: Path, key: Key, other_key: Key) -> None:
    """Signed again by a thief without the key, under the name of the key."""
    bundle = json.loads(
        resealed(sign(model, key), other_key, lambda it: it["predicate"]["resources"].pop())
    )
    hint = json.loads(sign(model, key))["verificationMaterial"]
    edited = json.dumps(bundle | {"verificationMaterial": hint}).encode()
    assert check(model, edited, key)[0] == 1
    with pytest.raises(TamperedError) as refused:
        verify_bundle(edited, model, [key.public_key()])
    assert refused.value.reason is Reason.BAD_SIGNATURE


def test_attack_58_both_refuse_a_list_without_its_root_digest(model: Path, key: Key) -> None:
    wrong = resealed(sign(model, key), key, lambda it: it["predicate"]["resources"].pop())
    code, said = check(model, wrong, key)
    assert (code, "inconsistent" in said) == (1, True), said
    with pytest.raises(TamperedError, match="root digest") as refused:
        verify_bundle(wrong, model, [key.public_key()])
    assert refused.value.reason is Reason.BAD_STATEMENT


def climbing(model: Path, key: Key, name: str) -> bytes:
    """A correctly signed list with a file beside the model in it."""
    (model.parent / "outside").write_text("secret")
    digest = digests_of(model.parent / "outside")["sha256"]

    def add_outside(payload: dict) -> None:
        found = payload["predicate"]["resources"]
        found.append({"name": name, "algorithm": "sha256", "digest": digest})
        payload["subject"][0]["digest"]["sha256"] = root_digest([it["digest"] for it in found])

    return resealed(sign(model, key), key, add_outside)


def test_attack_29_we_refuse_a_climbing_path_that_the_client_takes(model: Path, key: Key) -> None:
    """sigstore/model-transparency, pull request 647: open when this was written."""
    bundle = climbing(model, key, "../outside")
    assert check(model, bundle, key, "--ignore_unsigned_files")[0] == 0
    for unsigned in (False, True):
        with pytest.raises(TamperedError, match="outside") as refused:
            verify_bundle(bundle, model, [key.public_key()], unsigned=unsigned)
        assert refused.value.reason is Reason.BAD_PATH


@pytest.mark.parametrize("name", ["/etc/hostname", "a//b", ".", "", "a\x00b", "a\\b", "sub/../x"])
def test_attack_29_other_paths_that_are_none_of_a_model(model: Path, key: Key, name: str) -> None:
    with pytest.raises(TamperedError) as refused:
        verify_bundle(climbing(model, key, name), model, [key.public_key()], unsigned=True)
    assert refused.value.reason is Reason.BAD_PATH


def test_attack_28_a_file_reached_through_a_linked_folder(model: Path, key: Key) -> None:
    bundle = sign(model, key)
    (model / "sub").rename(model.parent / "elsewhere")
    (model / "sub").symlink_to(model.parent / "elsewhere")
    with pytest.raises(TamperedError, match="symbolic link") as refused:
        verify_bundle(bundle, model, [key.public_key()])
    assert refused.value.reason is Reason.ARTIFACT_REFUSED


def test_attack_32_an_empty_model_is_not_signed_and_not_believed(model: Path, key: Key) -> None:
    """The client takes it: sigstore/model-transparency, issue 661."""
    with pytest.raises(UnhashableError, match="no files"):
        make_bundle("tiny/1", {}, key)

    def empty(payload: dict) -> None:
        payload["predicate"]["resources"] = []
        payload["subject"][0]["digest"]["sha256"] = root_digest([])

    bundle = resealed(sign(model, key), key, empty)
    bare = model.parent / "bare"
    bare.mkdir()
    assert check(bare, bundle, key)[0] == 0
    with pytest.raises(TamperedError, match="covers no files") as refused:
        verify_bundle(bundle, bare, [key.public_key()])
    assert refused.value.reason is Reason.BAD_STATEMENT


def test_attack_60_a_signature_by_the_client_is_accepted_and_its_tamperings_are_refused(
    model: Path, key: Key, other_key: Key
) -> None:
    secret = model.parent / "key.pem"
    secret.write_bytes(private(key))
    signature = model / "model.sig"
    code, said = client("sign", "key", model, "--signature", signature, "--private_key", secret)
    assert code == 0, said
    bundle = signature.read_bytes()
    found = verify_bundle(bundle, model, [key.public_key()])
    assert found.files.keys() == {
        "config.json",
        "empty",
        "sub.txt",
        "sub/a b.txt",
        "weights.safetensors",
    }
    with pytest.raises(TamperedError) as refused:
        verify_bundle(bundle, model, [other_key.public_key()])
    assert refused.value.reason is Reason.UNTRUSTED_KEY
    for tamper, reason in TAMPERED:
        copy = shutil.copytree(model, model.parent / f"copy-{tamper.__name__}")
        tamper(copy)
        with pytest.raises(TamperedError) as refused:
            verify_bundle(bundle, copy, [key.public_key()])
        assert refused.value.reason is reason


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()])
def test_attack_60_the_other_curves_of_the_specification(
    model: Path, curve: ec.EllipticCurve
) -> None:
    key = ec.generate_private_key(curve)
    secret = model.parent / "key.pem"
    secret.write_bytes(private(key))
    signature = model / "model.sig"
    assert client("sign", "key", model, "--signature", signature, "--private_key", secret) == (
        0,
        "Signing succeeded\n",
    )
    verify_bundle(signature.read_bytes(), model, [key.public_key()])
    change(model)
    with pytest.raises(TamperedError):
        verify_bundle(signature.read_bytes(), model, [key.public_key()])


def test_attack_60_other_hash_functions_are_those_of_the_signed_list(model: Path, key: Key) -> None:
    """OMS 1.0: verifiers use `serialization.hash_type`; the client's Python interface does."""
    bundle = sign(model, key, "blake3")
    (model / "model.sig").write_bytes(bundle)
    pem = model.parent / "key.pub"
    pem.write_bytes(public(key))
    Config().use_elliptic_key_verifier(public_key=pem).verify(model, model / "model.sig")
    assert verify_bundle(bundle, model, [key.public_key()]).algorithm == "blake3"
    verify_bundle(sign(model, key, "blake2b"), model, [key.public_key()])
    change(model)
    with pytest.raises(TamperedError):
        verify_bundle(bundle, model, [key.public_key()])


def test_an_rsa_key_is_refused_by_both(model: Path, key: Key, rsa_key: rsa.RSAPrivateKey) -> None:
    bundle = sign(model, key)
    assert check(model, bundle, rsa_key)[0] != 0
    del_hint = json.loads(bundle)
    del_hint["verificationMaterial"]["publicKey"] = {}
    with pytest.raises(TamperedError, match="P-256, P-384 or P-521") as refused:
        verify_bundle(json.dumps(del_hint).encode(), model, [rsa_key.public_key()])
    assert refused.value.reason is Reason.BAD_STATEMENT


def test_files_are_listed_by_code_point_and_the_signature_is_left_out(
    model: Path, key: Key
) -> None:
    """OMS 1.0, section on the manifest: sorted by code point of the whole name."""
    predicate = payload_of(sign(model, key))["predicate"]
    assert [it["name"] for it in predicate["resources"]] == [
        "config.json",
        "empty",
        "sub.txt",  # '.' is U+002E, '/' is U+002F
        "sub/a b.txt",
        "weights.safetensors",
    ]
    assert predicate["serialization"] == {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": list(IGNORED),
    }
