"""Certificates: what we make works in OpenSSL's own handshake, and what is wrong has a name."""

import datetime as dt
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_ssh_private_key, load_ssh_public_key

from services.federation.certificates import Certificates, check, make, make_node_key, probe
from services.federation.journal import DeploymentError

HOST = "127.0.0.1"
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@contextmanager
def tls_server(certificates: Certificates) -> Iterator[int]:
    """Python's own TLS server: as far from the code under test as a peer can be."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    with socket.create_server((HOST, 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                try:
                    context.wrap_socket(peer, server_side=True).close()
                except OSError:
                    peer.close()

        threading.Thread(target=answer, daemon=True).start()
        yield listener.getsockname()[1]


@pytest.fixture
def good(tmp_path: Path) -> Certificates:
    return make(tmp_path / "good", [HOST, "localhost"])


def test_a_client_that_trusts_the_authority_connects(good):
    check(good, HOST)
    check(good, "localhost")
    with tls_server(good) as port:
        probe(HOST, port, good.authority)


def test_expired_certificates_are_named_by_both_sides(tmp_path):
    old = make(tmp_path / "old", [HOST], now=LONG_AGO)
    with pytest.raises(DeploymentError, match=r"certificate_expired: .*ca\.crt.*2020-01-31"):
        check(old, HOST)
    with (
        tls_server(old) as port,
        pytest.raises(DeploymentError, match=r"certificate_expired: .*expired"),
    ):
        probe(HOST, port, old.authority)


def test_a_foreign_authority_is_named_by_both_sides(good, tmp_path):
    other = make(tmp_path / "other", [HOST])
    with (
        tls_server(other) as port,
        pytest.raises(DeploymentError, match=r"certificate_foreign: .*did not sign"),
    ):
        probe(HOST, port, good.authority)
    shutil.copy(good.authority, other.authority)
    with pytest.raises(DeploymentError, match=r"certificate_foreign: .*was not signed by"):
        check(other, HOST)


def test_a_certificate_of_another_host_is_refused(tmp_path):
    elsewhere = make(tmp_path / "elsewhere", ["federation.example.org"])
    with pytest.raises(DeploymentError, match=r"does not name localhost.*federation\.example"):
        check(elsewhere, "localhost")
    with tls_server(elsewhere) as port, pytest.raises(DeploymentError, match="certificate_invalid"):
        probe("localhost", port, elsewhere.authority)
    check(elsewhere, HOST)  # the SuperLink's own programs connect there


def test_a_key_of_another_certificate_is_refused(good, tmp_path):
    other = make(tmp_path / "other", [HOST])
    shutil.copy(other.server_key, good.server_key)
    with pytest.raises(DeploymentError, match="is not the key of the certificate"):
        check(good, HOST)


def test_nobody_there_is_said_so(good):
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(
        DeploymentError, match=f"unreachable: no SuperLink answers at {HOST}:{port}"
    ):
        probe(HOST, port, good.authority)


def test_private_keys_are_for_their_owner_alone(good, tmp_path):
    node = make_node_key(tmp_path / "keys", "node-0")
    for path in (good.authority_key, good.server_key, node):
        assert path.stat().st_mode & 0o777 == 0o600


def test_node_keys_are_what_flower_reads(tmp_path):
    # flower-supernode: load_ssh_private_key, elliptic curve; flwr supernode register: a NIST curve.
    path = make_node_key(tmp_path, "node-0")
    private = load_ssh_private_key(path.read_bytes(), None)
    public = load_ssh_public_key(path.with_suffix(".pub").read_bytes())
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    assert private.public_key() == public
    assert private.curve.name == "secp384r1"
