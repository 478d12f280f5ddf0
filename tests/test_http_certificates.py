from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from motcua.errors import ConfigError
from motcua.http import HttpSession, HttpUnavailable, Limits

from tests.certificates import self_signed
from tests.contract.scripted_server import Reply, ScriptedServer, serving


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls") / "office.pem")


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
