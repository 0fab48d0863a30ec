"""Our server within TLS: Python's clients and ours come by wss, and trust an authority of this test's own."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from files import make_file
from harness.clients import CODE
from harness.servers import our_binary
from roles import every_pair

pytestmark = pytest.mark.ours


@dataclass
class Sealed:
    """Our server at a door for TLS, and what its clients need to trust it."""

    url: str
    trust: dict[str, str]


@pytest.fixture
def sealed(processes, tmp_path) -> Sealed:
    certificate, key, authority = issue(tmp_path)
    files = ["--tls-certificate", str(certificate), "--tls-key", str(key), "--db", str(tmp_path / "mailbox.sqlite")]
    server = processes.start([our_binary(), "serve", "mailbox", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", *files])
    port = server.wait_for(r"listening on wss://127\.0\.0\.1:(\d+)/v1")[1]
    return Sealed(f"wss://127.0.0.1:{port}/v1", {"SSL_CERT_FILE": str(authority)})


@every_pair
def test_a_text_goes_by_wss(sealed, client, one, other):
    sender = client(one, sealed.url).send("within TLS", environment=sealed.trust)
    receiver = client(other, sealed.url)
    assert receiver.receive(sender.wait_for(CODE)[1], environment=sealed.trust).succeed() == receiver.shows("within TLS")
    sender.succeed()


@every_pair
def test_a_file_is_offered_by_wss(sealed, client, tmp_path, one, other):
    sent = make_file(tmp_path / "sent", 100_000)
    sender = client(one, sealed.url).offer(str(sent), environment=sealed.trust)
    got = tmp_path / "got"
    client(other, sealed.url).take(sender.wait_for(CODE)[1], "-o", str(got), environment=sealed.trust).succeed()
    sender.succeed()
    assert got.read_bytes() == sent.read_bytes()


def issue(folder: Path) -> tuple[Path, Path, Path]:
    """The certificate of 127.0.0.1, its key, and the authority that has signed it."""
    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("the tests' authority", "the tests' server")]
    authority = certificate(names[0], names[0], root.public_key(), root, x509.BasicConstraints(ca=True, path_length=None))
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    server = certificate(names[1], names[0], own.public_key(), root, addresses)
    key = own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paths = folder / "server.pem", folder / "key.pem", folder / "authority.pem"
    for path, content in zip(paths, (pem(server), key, pem(authority))):
        path.write_bytes(content)
    return paths


def certificate(subject, issuer, public, signer, extension) -> x509.Certificate:
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number(), now - day, now + day)
    return builder.add_extension(extension, critical=False).sign(signer, hashes.SHA256())


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
