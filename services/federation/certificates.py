"""Certificates for the SuperLink and keys for the SuperNodes, and what is wrong with given ones.

    python -m services.federation.certificates FOLDER --host federation.example.org --nodes 3

The authority's key signs server certificates and is needed nowhere else. A node's key is a pair on
the P-384 curve in OpenSSH's format, as Flower wants it; the public half is registered.
"""

import argparse
import datetime as dt
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.federation.journal import DeploymentError, Kind
from services.federation.process import LOOPBACK

DAYS = 30
CLOCKS_APART = dt.timedelta(hours=1)
"""How far the clocks of two hosts may differ before a fresh certificate is refused."""
EXPIRED, NOT_YET_VALID, WRONG_NAME, WRONG_ADDRESS = 10, 9, 62, 64
FOREIGN = (18, 19, 20, 21, 7)
"""OpenSSL's verify codes: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/"""


@dataclass(frozen=True)
class Certificates:
    """Where they lie.

    Args:
        folder: ca.crt, ca.key, server.crt and server.key are in it.
    """

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def authority_key(self) -> Path:
        return self.folder / "ca.key"

    @property
    def server(self) -> Path:
        return self.folder / "server.crt"

    @property
    def server_key(self) -> Path:
        return self.folder / "server.key"


def make(
    folder: Path,
    hosts: list[str],
    *,
    days: float = DAYS,
    now: dt.datetime | None = None,
) -> Certificates:
    """An authority of its own and a server certificate that it signed.

    Args:
        folder: new or empty.
        hosts: names and addresses by which nodes reach the SuperLink. Its own programs reach it at
            127.0.0.1, which is added.
        days: that both are valid.
        now: when validity begins.
    """
    folder.mkdir(parents=True, exist_ok=True)
    begin = now or dt.datetime.now(dt.UTC)
    end = begin + dt.timedelta(days=days)
    found = Certificates(folder)
    names = [_general(host) for host in dict.fromkeys([*hosts, LOOPBACK])]
    authority, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    subject = _name("Cairn federation authority")
    signed = (
        _builder(subject, subject, authority.public_key(), begin, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(authority.public_key()), critical=False
        )
        .sign(authority, hashes.SHA256())
    )
    served = (
        _builder(_name(hosts[0]), subject, server.public_key(), begin, end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),
            critical=False,
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority, hashes.SHA256())
    )
    _keep(found.authority_key, authority, PrivateFormat.PKCS8)
    _keep(found.server_key, server, PrivateFormat.PKCS8)
    found.authority.write_bytes(signed.public_bytes(Encoding.PEM))
    found.server.write_bytes(served.public_bytes(Encoding.PEM))
    return found


def make_node_key(folder: Path, name: str) -> Path:
    """A node's private key at folder/name.key; the public half beside it, as name.pub."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP384R1())
    path = folder / f"{name}.key"
    _keep(path, key, PrivateFormat.OpenSSH)
    path.with_suffix(".pub").write_bytes(
        key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b"\n"
    )
    return path


def check(certificates: Certificates, host: str, *, now: dt.datetime | None = None) -> None:
    """Whether a SuperLink can be started with these.

    Raises:
        DeploymentError: one is expired or not valid yet, the server's was signed by another
            authority, does not belong to its key, or does not name the host.
    """
    at = now or dt.datetime.now(dt.UTC)
    authority = x509.load_pem_x509_certificate(certificates.authority.read_bytes())
    server = x509.load_pem_x509_certificate(certificates.server.read_bytes())
    for path, one in ((certificates.authority, authority), (certificates.server, server)):
        if not one.not_valid_before_utc <= at <= one.not_valid_after_utc:
            raise DeploymentError(
                "certificate_expired",
                f"{path} is valid from {one.not_valid_before_utc:%Y-%m-%d %H:%M} to "
                f"{one.not_valid_after_utc:%Y-%m-%d %H:%M} UTC, it is {at:%Y-%m-%d %H:%M} now: "
                "make new ones with `python -m services.federation.certificates`",
            )
    try:
        server.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        raise DeploymentError(
            "certificate_foreign",
            f"{certificates.server} was not signed by {certificates.authority}: give the authority "
            "that signed it, or sign it anew",
        ) from None
    key = load_pem_private_key(certificates.server_key.read_bytes(), None)
    if key.public_key() != server.public_key():
        raise DeploymentError(
            "certificate_invalid", f"{certificates.server_key} is not the key of the certificate"
        )
    named = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if _general(host) not in named:
        raise DeploymentError(
            "certificate_invalid",
            f"{certificates.server} does not name {host}, which nodes connect to; it names "
            f"{', '.join(str(one.value) for one in named)}",
        )


def probe(host: str, port: int, authority: Path, *, seconds: float = 5.0) -> None:
    """One TLS handshake, as a node makes it.

    Raises:
        DeploymentError: nobody answers, or the certificate is expired, foreign or of another host.
    """
    where = f"{host}:{port}"
    context = ssl.create_default_context(cafile=str(authority))
    try:
        with (
            socket.create_connection((host, port), timeout=seconds) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return
    except ssl.SSLCertVerificationError as error:
        raise DeploymentError(*_verdict(error, where, authority)) from None
    except OSError as error:
        raise DeploymentError(
            "unreachable", f"no SuperLink answers at {where} ({error}): start it, or open the port"
        ) from None


def _verdict(error: ssl.SSLCertVerificationError, where: str, authority: Path) -> tuple[Kind, str]:
    said = error.verify_message
    if error.verify_code in (EXPIRED, NOT_YET_VALID):
        return "certificate_expired", f"of the SuperLink at {where} ({said}): it needs a new one"
    if error.verify_code in FOREIGN:
        return (
            "certificate_foreign",
            f"the SuperLink at {where} shows one that {authority} did not sign ({said}): someone "
            "else answers there, or the node has the wrong authority",
        )
    return "certificate_invalid", f"of the SuperLink at {where}: {said}"


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    begin: dt.datetime,
    end: dt.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - CLOCKS_APART)
        .not_valid_after(end)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _keep(path: Path, key: ec.EllipticCurvePrivateKey, form: PrivateFormat) -> None:
    """Readable by the owner alone, from the first byte on."""
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, form, NoEncryption()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--host", action="append", required=True, help="name or address; repeat")
    parser.add_argument("--nodes", type=int, required=True, help="how many key pairs to make")
    parser.add_argument("--days", type=float, default=DAYS)
    given = parser.parse_args()
    made = make(given.folder, given.host, days=given.days)
    check(made, given.host[0])
    keys = [make_node_key(given.folder, f"node-{number}") for number in range(given.nodes)]
    for path in (made.authority, made.authority_key, made.server, made.server_key, *keys):
        print(path)


if __name__ == "__main__":
    main()
