"""What a release writes, in the hands of others: in-toto, SLSA, securesystemslib, sigstore, OMS."""

import base64
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement as in_toto
from model_signing._cli import main
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
from sigstore._internal.rekor.checkpoint import LogCheckpoint, SignedNote

from provenance.identity import public_pem
from provenance.statements import BUNDLE, RECEIPT, STATEMENT
from tests.node_tools import run_node
from tests.provenance.conftest import Bench
from tests.provenance.statements.released import Released, make_release

SIGSTORE_JS = Path(__file__).with_name("sigstore_verify.js")


@pytest.fixture
def released(bench: Bench) -> Released:
    made = make_release(bench)
    made.write()
    return made


def ec_pem(released: Released) -> Path:
    path = released.bench.root / "ec.pub"
    path.write_bytes(public_pem(released.store.ec_key().public_key()))
    return path


def test_attack_58_model_signing_takes_the_released_version(released: Released) -> None:
    arguments = ["verify", "key", released.folder, "--signature", released.folder / BUNDLE]
    arguments += ["--public_key", ec_pem(released)]
    call = [str(argument) for argument in arguments]
    assert CliRunner().invoke(main, call).exit_code == 0
    (released.folder / "registered_model_meta").write_text("model_name: tiny")  # by MLflow
    assert CliRunner().invoke(main, call).exit_code == 0
    (released.folder / "artifacts" / "config.json").write_text("{ }")
    assert CliRunner().invoke(main, call).exit_code == 1


def test_attack_59_securesystemslib_takes_the_envelope(released: Released) -> None:
    key = SSlibKey.from_crypto(released.store.rsa_key().public_key())
    envelope = json.loads((released.folder / STATEMENT).read_bytes())
    assert list(Envelope.from_dict(envelope).verify([key], 1)) == [key.keyid]


def test_attack_59_in_toto_and_slsa_read_the_statement(released: Released) -> None:
    envelope = json.loads((released.folder / STATEMENT).read_bytes())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    # Their generated class calls the field `type`.
    fields = {("type" if name == "_type" else name): it for name, it in statement.items()}
    read = in_toto.Statement.copy_from_pb(json_format.ParseDict(fields, in_toto.spb.Statement()))
    read.validate()
    subjects = {it.name: dict(it.digest) for it in read.pb.subject}
    assert subjects["artifacts/model.safetensors"].keys() == {"blake3", "sha256"}
    # ParseDict refuses a field that the schema does not have.
    slsa = json_format.ParseDict(statement["predicate"], provenance_pb2.Provenance())
    assert slsa.run_details.metadata.invocation_id == "release-1"
    assert [it.name for it in slsa.run_details.byproducts] == ["mlruns/stages/train/metrics.json"]
    names = [it.name for it in slsa.build_definition.resolved_dependencies]
    assert {"data/manifest.parquet", "code", "requirements.lock"} <= set(names)


def test_attack_59_sigstore_reads_the_head_in_the_receipt(released: Released) -> None:
    """A parser of sigstore-python that is not public: a second opinion, nothing we build upon."""
    note = (released.folder / RECEIPT).read_text().partition("\n\n")[2]
    signed = SignedNote.from_text(note)
    head = LogCheckpoint.from_text(signed.note)
    assert (head.origin, head.log_size) == (released.log.origin, released.entry.seq + 1)
    ours = released.log.head().checkpoint
    assert head.log_hash == ours.root.hex()
    ed25519, rsa = signed.signatures
    store = released.store
    store.ed25519_key().public_key().verify(
        base64.b64decode(ed25519.signature), signed.note.encode()
    )
    store.rsa_key().public_key().verify(
        base64.b64decode(rsa.signature), signed.note.encode(), padding.PKCS1v15(), SHA256()
    )
    assert {ed25519.sig_hash, rsa.sig_hash} == {
        it.key_id for it in store.identities()[0].verifiers(released.log.origin)
    }


@pytest.mark.slow
def test_attack_59_sigstore_js_takes_our_bundle_and_refuses_an_edited_one(
    released: Released,
) -> None:
    bundle = released.folder / BUNDLE
    assert run_node(SIGSTORE_JS, bundle, ec_pem(released)).stdout == "verified\n"
    edited = json.loads(bundle.read_bytes())
    payload = base64.b64decode(edited["dsseEnvelope"]["payload"]).replace(b"MLmodel", b"MLmodeL")
    edited["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    bundle.write_text(json.dumps(edited))
    assert run_node(SIGSTORE_JS, bundle, ec_pem(released)).stdout.startswith("refused")
