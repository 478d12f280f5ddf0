"""A connection with `ca` is encrypted, and goes to nobody whom that does not vouch for; on real servers.

MariaDB encrypts itself; the PostgreSQL of the wheel cannot, so what stands before it does, in the way of its protocol.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from motcua.connections import Connection
from motcua.errors import SourceUnavailable

from sandbox.city.database_server import DatabaseServer
from tests.certificates import self_signed
from tests.faults.proxy import Address, Proxy
from tests.platforms import databases
from tests.platforms.databases import Database, code, dossier

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("databases")]


@pytest.fixture(scope="module")
def certificate() -> Iterator[Path]:
    """Where MariaDB's account can read it, and nobody else."""
    folder = Path(tempfile.mkdtemp(prefix="motcua-test-tls-", dir="/var/tmp"))
    file = self_signed(folder / "office.pem")
    file.chmod(0o600)
    if os.getuid() == 0:
        folder.chmod(0o711)
        os.chown(file, pwd.getpwnam("nobody").pw_uid, -1)
    yield file
    shutil.rmtree(folder)


@pytest.fixture(scope="module", params=["postgresql", "mysql"])
def server(request: pytest.FixtureRequest, certificate: Path) -> Iterator[tuple[DatabaseServer, Address]]:
    """A server, and where it encrypts."""
    if request.param == "mysql":
        with databases.server("mysql", f"--ssl-cert={certificate}", f"--ssl-key={certificate}") as running:
            yield running, str(running.socket)
    else:
        with databases.server("postgresql") as running, encrypting(running.socket, certificate) as port:
            yield running, ("127.0.0.1", port)


@contextmanager
def encrypting(behind: Path, certificate: Path) -> Iterator[int]:
    """The port of what takes up TLS as PostgreSQL does when it is asked, and passes on what comes through it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def talk(client: socket.socket) -> None:
        with suppress(OSError), client, socket.socket(socket.AF_UNIX) as server:
            assert client.recv(8)[4:] == bytes.fromhex("04d2162f"), "SSLRequest"
            client.sendall(b"S")
            with context.wrap_socket(client, server_side=True) as safe:
                server.connect(str(behind))
                threading.Thread(target=carry, args=(safe, server), daemon=True).start()
                carry(server, safe)

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen() -> None:
            with suppress(OSError):  # closed: the test is over
                while True:
                    threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=listen, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def carry(come: socket.socket, go: socket.socket) -> None:
    with suppress(OSError, ValueError):  # one side has gone; so goes the other
        while data := come.recv(65_536):
            go.sendall(data)
        go.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def database(server: tuple[DatabaseServer, Address]) -> Iterator[Database]:
    behind, upstream = server
    with Proxy(upstream) as line, closing(Database(behind, line)) as opened:
        opened.put(dossier(1))
        yield opened


def vouched(database: Database, ca: Path, **differs: object) -> Connection:
    plain = database.connection()
    return replace(plain, extra={**plain.extra, "ca": str(ca)}, **differs)  # type: ignore[arg-type]  # a test knows


def test_server_that_is_vouched_for_is_read_encrypted(database: Database, certificate: Path) -> None:
    if database.dialect == "mysql":
        cipher = "(SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher')"
        database.show(ten_tthc=cipher)
    database.read(through=vouched(database, certificate))
    assert database.codes() == [code(1)]
    assert database.dialect == "postgresql" or "AES" in str(database.records()[0]["ten_tthc"])


def test_server_that_nobody_vouches_for_is_refused(database: Database, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        database.read(through=vouched(database, self_signed(tmp_path / "another.pem")))
    reason = "certificate verify failed" if database.dialect == "postgresql" else "SSLCertVerificationError"
    assert caught.value.message == f"connection failed: {reason}; it is tried again next cycle"


def test_server_of_another_name_is_refused(database: Database, certificate: Path) -> None:
    with pytest.raises(SourceUnavailable, match="connection failed: "):
        database.read(through=vouched(database, certificate, host="localhost"))


@pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
def test_server_that_cannot_encrypt_is_refused_where_it_must(dialect: str, certificate: Path) -> None:
    with (
        databases.server(dialect) as behind,
        Proxy(str(behind.socket)) as line,
        closing(Database(behind, line)) as plain,
        pytest.raises(SourceUnavailable, match="connection failed: "),
    ):
        plain.read(through=vouched(plain, certificate))
