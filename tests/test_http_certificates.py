from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from motcua.errors import ConfigError
from motcua.http import HttpSession, HttpUnavailable, Limits

from tests.contract.scripted_server import Reply, ScriptedServer, serving


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1, signed by itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "office")])
    today = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1)).not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path_factory.mktemp("tls") / "office.pem"
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(pem + signed.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def server(certificate: Path) -> Iterator[ScriptedServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(lambda _: Reply(body=b"safe"), tls=context) as server:
        yield server


def test_certificate_that_nobody_vouches_for_is_refused(server: ScriptedServer) -> None:
    with (
        closing(HttpSession(limits=Limits(tries=1), rate_per_second=99)) as http,
        pytest.raises(HttpUnavailable) as caught,
    ):
        http.fetch("POST", server.url, data={"password": "never sent"})
    assert (caught.value.kind, str(caught.value), caught.value.sent, server.requests) == (
        "UNAVAILABLE",
        "cannot be reached: SSLCertVerificationError",
        False,
        [],
    )


def test_certificate_of_the_connection_is_trusted(server: ScriptedServer, certificate: Path) -> None:
    with closing(HttpSession(limits=Limits(tries=1), rate_per_second=99, ca=str(certificate))) as http:
        assert http.fetch("GET", server.url).body == b"safe"


def test_file_of_certificates_that_is_not_there_is_a_mistake_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ca: .*/nowhere\.pem is no file"):
        HttpSession(limits=Limits(), rate_per_second=99, ca=str(tmp_path / "nowhere.pem"))
