"""Heads signed by RSA beside Ed25519, and attacks on such signatures."""

import base64
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers, generate_private_key

from provenance import KeyStoreError, Log, Reason
from provenance.ed25519 import Ed25519Signer
from provenance.identity import Identity, public_pem
from provenance.keys import KeyStore
from provenance.note import KEY_ID_BYTES, sign_note, split_note
from provenance.rsa import RsaVerifier

from .attack import refused, refuses_to_append
from .conftest import Bench

# The public key of sigstore/rekor-tiles, pkg/note/note_test.go, TestKeyHash. The test there gives
# the id of the name "testkey" as 2918460683, and how to have it from openssl and sha256sum.
REKOR_MODULUS = int(
    "b3b89e4da27c3c09330a4b3efae6c3356e0d738862efefc95264afaaaea921601f8c6ad55c8fd9e913943a73"
    "60be3916ea938ffca90ed5841fb8bb4ff3a5f92c3e37688b1f1ffdd54342fc5f85bae31fc982603d4d641afb"
    "0e0e797685746c3e9449c6cb6ae500bde42189ff0406e6a00661c965d01643d883abe5ca93741faa901fc85c"
    "b744979fbcba71ab0893b181ed342dffe3aa924439e688ccf7571752ae9862cbc08c18d0c04bc6197a8bbf03"
    "a1b5b0fe78c7367e9c3b1a50208a2429ab8921cd6aedb992741ddfc11593691c7f9401d750e09befedd6d70e"
    "29dabd5cc46ef26cb1000df67077f543c7a54427f66a2302e87faa0faf0cdc841f796221",
    16,
)
REKOR_KEY_ID = 2918460683


def lines_of(bench: Bench) -> list[bytes]:
    """Text, empty line, Ed25519 signature, RSA signature."""
    text, signatures = bench.checkpoint.read_bytes().split(b"\n\n")
    return [text + b"\n\n", *signatures.splitlines(keepends=True)]


def test_the_key_id_is_that_of_rekor() -> None:
    key = RSAPublicNumbers(65537, REKOR_MODULUS).public_key()
    assert int.from_bytes(RsaVerifier("testkey", key).key_id, "big") == REKOR_KEY_ID


def test_openssl_checks_the_signature_of_a_head(bench: Bench, log: Log, tmp_path: Path) -> None:
    text, signatures = split_note(bench.checkpoint.read_bytes())
    assert [len(blob) - KEY_ID_BYTES for _, blob in signatures] == [64, 256]
    (tmp_path / "text").write_text(text)
    (tmp_path / "signature").write_bytes(signatures[1][1][KEY_ID_BYTES:])
    command = ["openssl", "dgst", "-sha256", "-verify", str(bench.keys / "rsa.pub")]
    command += ["-signature", str(tmp_path / "signature"), str(tmp_path / "text")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "Verified OK\n")
    (tmp_path / "text").write_text(text.replace("\n6\n", "\n7\n"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1


def test_openssl_reads_the_key_as_rsa_2048(bench: Bench, log: Log) -> None:
    command = ["openssl", "pkey", "-in", str(bench.keys / "rsa.pem"), "-noout", "-text"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("Private-Key: (2048 bit")


@pytest.mark.parametrize("kept", [1, 2])
def test_attack_17_stripped_signature(bench: Bench, log: Log, kept: int) -> None:
    """A quorum of two of two, with one."""
    lines = lines_of(bench)
    bench.checkpoint.write_bytes(lines[0] + lines[kept])
    missing = "RSA" if kept == 1 else "Ed25519"
    refused(bench, Reason.UNTRUSTED_KEY, f"but not by its {missing} key")
    # The writer's own pin vouches for a head that an older Cairn signed; here there is none.
    next((bench.keys / "pins").glob("*.json")).unlink()
    refuses_to_append(bench)


def test_attack_18_one_good_and_one_bad_line(bench: Bench, log: Log) -> None:
    head, ed25519, rsa = lines_of(bench)
    for line, good in ((rsa, ed25519), (ed25519, rsa)):
        blob = base64.b64decode(line.split(b" ")[2])
        bad = base64.b64encode(blob[:-1] + bytes([blob[-1] ^ 1])).decode()
        bench.checkpoint.write_bytes(head + good + f"\u2014 {log.origin} {bad}\n".encode())
        refused(bench, Reason.BAD_SIGNATURE, "does not fit the signed text")
        refuses_to_append(bench)


def test_attack_21_an_ed25519_key_under_the_rsa_id(bench: Bench, log: Log) -> None:
    head, ed25519, rsa = lines_of(bench)
    text = head.decode()[:-1]
    thief = Ed25519Signer(log.origin, Ed25519PrivateKey.generate())
    rsa_id = base64.b64decode(rsa.split(b" ")[2])[:KEY_ID_BYTES]
    forged = base64.b64encode(rsa_id + thief.sign(text.encode())).decode()
    line = f"\u2014 {log.origin} {forged}\n".encode()
    bench.checkpoint.write_bytes(head + ed25519 + line)
    refused(bench, Reason.BAD_SIGNATURE, "does not fit the signed text")
    bench.checkpoint.write_bytes(head + line)
    refused(bench, Reason.BAD_SIGNATURE, "does not fit the signed text")


@pytest.mark.parametrize("bits", [1024, 2040])
def test_attack_21_a_short_rsa_key(bench: Bench, log: Log, bits: int) -> None:
    short = generate_private_key(65537, bits)
    own = KeyStore(bench.keys).own()
    assert own is not None
    trusted = bench.keys / "trusted" / "weak.pub"
    trusted.parent.mkdir()
    trusted.write_bytes(public_pem(own.ed25519) + public_pem(short.public_key()))
    with pytest.raises(KeyStoreError, match=f"RSA key of {bits} bits, at least 2048 are needed"):
        bench.verify()
    trusted.unlink()
    private = bench.keys / "rsa.pem"
    private.write_bytes(
        short.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    with pytest.raises(KeyStoreError, match=f"RSA key of {bits} bits, at least 2048 are needed"):
        bench.open().append({"kind": "run", "id": "next"})


def test_a_public_half_of_another_key_is_noticed_before_signing(bench: Bench, log: Log) -> None:
    other = generate_private_key(65537, 2048)
    before = bench.checkpoint.read_bytes()
    (bench.keys / "rsa.pub").write_bytes(public_pem(other.public_key()))
    with pytest.raises(KeyStoreError, match="is not the public half of"):
        KeyStore(bench.keys).signers(log.origin)
    assert bench.checkpoint.read_bytes() == before


def test_a_log_of_an_older_cairn_is_signed_anew_with_both_keys(bench: Bench, log: Log) -> None:
    head, ed25519, _ = lines_of(bench)
    bench.checkpoint.write_bytes(head + ed25519)
    assert KeyStore(bench.keys).own() is not None
    refused(bench, Reason.UNTRUSTED_KEY, "both are needed; if it is your own log from an older")
    bench.open().append({"kind": "run", "id": "next"})
    assert len(lines_of(bench)) == 3
    assert bench.verify().ok
    head, ed25519, _ = lines_of(bench)
    bench.checkpoint.write_bytes(head + ed25519)
    next((bench.keys / "pins").glob("*.json")).unlink()  # a head that was never seen: no such help
    refuses_to_append(bench)


def test_a_key_store_of_an_older_cairn_gets_its_rsa_key(bench: Bench, log: Log) -> None:
    head, ed25519, _ = lines_of(bench)
    bench.checkpoint.write_bytes(head + ed25519)
    for name in ("rsa.pem", "rsa.pub"):
        (bench.keys / name).unlink()
    assert bench.verify().ok  # the one key that there is signed it
    bench.open().append({"kind": "run", "id": "next"})
    assert len(lines_of(bench)) == 3
    assert bench.verify().ok
    [shown] = (bench.folder / "keys").glob("*.pub")
    assert shown.read_bytes().count(b"BEGIN PUBLIC KEY") == 2


def test_a_line_of_an_unknown_key_beside_it_is_no_matter(
    bench: Bench, log: Log, tmp_path: Path
) -> None:
    text, _ = split_note(bench.checkpoint.read_bytes())
    witness = sign_note(text, KeyStore(tmp_path / "witness").signers(log.origin))
    cosigned = bench.checkpoint.read_bytes() + witness.split(b"\n\n")[1]
    bench.checkpoint.write_bytes(cosigned)
    assert len(split_note(cosigned)[1]) == 4
    report = bench.verify()
    assert report.ok
    assert report.signer == KeyStore(bench.keys).public_bundle()[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda _: b"hello", "is no public key in PEM form"),
        (lambda one: one.split(b"-----END PUBLIC KEY-----\n", 1)[1], "holds 0 Ed25519, 1 RSA"),
        (lambda one: one + one, "holds 2 Ed25519, 2 RSA"),
        (lambda one: one.replace(b"MCow", b"MCox"), "is no public key in PEM form"),
    ],
)
def test_files_that_are_no_identity(bench: Bench, log: Log, change: object, why: str) -> None:
    own = KeyStore(bench.keys).own()
    assert own is not None
    assert Identity.parse("again", own.pem(), "here").pem() == own.pem()
    assert callable(change)
    with pytest.raises(KeyStoreError, match=f"here {why}"):
        Identity.parse("ann", change(own.pem()), "here")
