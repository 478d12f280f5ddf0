"""Refused log-ins, lines that break or never end, clocks that are off: what is told of them; on real servers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from motcua.errors import SourceChanged, SourceError, SourceRefused, SourceUnavailable

from tests.faults.proxy import Toxic
from tests.platforms.databases import AGAIN, ASK, SCHEMA, Database, assert_told, dossier, failure, of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("databases")]


@pytest.fixture(autouse=True)
def with_dossiers(database: Database) -> None:
    database.put(*map(dossier, range(1, 8)))


def test_wrong_password_is_tried_once_for_all_sources_of_an_installation(database: Database) -> None:
    wrong = database.connection(password="an0ther-secret")
    errors: list[SourceError] = []

    def read(name: str) -> None:
        with pytest.raises(SourceRefused) as caught:
            database.read(through=wrong, id=name)
        errors.append(caught.value)

    threads = [
        threading.Thread(target=read, args=(f"le_chan.{name}",)) for name in ("an_bien", "cho_con", "niem_nghia")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.line.attempts == 1
    assert {error.source_id for error in errors} == {"le_chan.an_bien", "le_chan.cho_con", "le_chan.niem_nghia"}
    (message,) = {error.message for error in errors}
    hint = of(database, "OperationalError", "1045")
    assert message == f"refuses the log-in of connection {wrong.id} ({hint}): mend its login, password and schema"
    assert {error.kind for error in errors} == {"AUTH"}


@pytest.mark.parametrize("differs", [{"login": "nobody_here"}, {"schema": "nothing_here"}], ids=["account", "database"])
def test_account_or_database_that_is_not_there_is_refused(database: Database, differs: dict[str, object]) -> None:
    error = failure(database, through=database.connection(**differs))
    assert (type(error), error.kind) == (SourceRefused, "AUTH")
    assert "mend its login, password and schema" in str(error)


def test_search_path_that_is_none_is_told(database: Database) -> None:
    if database.dialect == "mysql":
        return  # it has none: see test_sql_connections
    error = failure(database, through=database.connection(extra={"dialect": "postgresql", "search_path": "mot_cua,,"}))
    assert_told(error, SourceChanged, "PROTOCOL", f"the log-in: expected an answer, got error 22023{ASK}")


def test_database_that_is_down_is_tried_three_times(database: Database) -> None:
    database.line.spoil(Toxic(reset_after=0))
    error = failure(database)
    assert (type(error), error.kind, database.line.attempts) == (SourceUnavailable, "UNAVAILABLE", 3)
    assert str(error).endswith(AGAIN)


def test_port_where_nobody_listens_is_told(database: Database) -> None:
    database.line.down()
    message = f"connection failed: {of(database, 'Connection refused', 'ConnectionRefusedError')}{AGAIN}"
    assert_told(failure(database), SourceUnavailable, "UNAVAILABLE", message)


def test_host_that_nobody_knows_is_told(database: Database) -> None:
    error = failure(database, through=database.connection(host="nobody.invalid"))
    message = f"connection failed: {of(database, 'failed to resolve host', 'gaierror')}{AGAIN}"
    assert_told(error, SourceUnavailable, "UNAVAILABLE", message)


@pytest.mark.parametrize("toxic", [Toxic(is_silent=True), Toxic(bytes_per_second=100)], ids=["silent", "dripping"])
def test_line_that_never_says_it_all_is_given_up(database: Database, toxic: Toxic) -> None:
    database.line.spoil(toxic)
    began = time.monotonic()
    error = failure(database, time_budget_seconds=2)
    assert (type(error), error.kind) == (SourceUnavailable, "TIMEOUT")
    assert time.monotonic() - began < 15
    assert str(error).endswith(f"within its time limit{AGAIN}")


def test_line_that_breaks_once_is_read_again_from_the_beginning(database: Database) -> None:
    database.put(*map(dossier, range(8, 400)))
    database.line.spoil(Toxic(reset_after=40_000, lines=1))
    listing = database.read(page_size=50)
    assert (listing.fetched, database.line.attempts) == (399, 2)
    assert len(database.kept) > len(listing.pages)  # some pages were kept before it broke, and count no more


def test_line_that_always_breaks_is_unavailable(database: Database) -> None:
    database.put(*map(dossier, range(8, 400)))
    database.line.spoil(Toxic(reset_after=40_000))
    error = failure(database, page_size=50)
    assert (type(error), error.kind, database.line.attempts) == (SourceUnavailable, "UNAVAILABLE", 3)


@contextmanager
def saying(words: bytes) -> Iterator[int]:
    """The port of what says the same to everybody, and hangs up."""

    def talk() -> None:
        with suppress(OSError):  # closed: the test is over
            while True:
                with listener.accept()[0] as client:
                    client.sendall(words)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(1_000):
                        pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=talk)
        thread.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" * 3, ("OperationalError", "InternalError")),
        (b"SSH-2.0-OpenSSH_9.2\r\n", ("OperationalError", "InternalError")),
        (b"\x06\x00\x00\x00\x0a8.0.1", ("OperationalError", "error")),
        (b"\x07\x00\x00\x00\x0a8.0.1\x00", ("OperationalError", "error")),
    ],
    ids=["HTTP", "SSH", "half a greeting", "a greeting of nothing"],
)
def test_server_of_another_kind_is_told(database: Database, words: bytes, told: tuple[str, str]) -> None:
    with saying(words) as port:
        error = failure(database, through=database.connection(port=port))
    message = f"the log-in: expected an answer, got error {of(database, *told)}{ASK}"
    assert_told(error, SourceChanged, "PROTOCOL", message)


def test_clocks_agree_on_one_machine(database: Database) -> None:
    skew = database.read().clock_skew_seconds
    assert skew is not None
    assert abs(skew) < 1


def test_clock_that_is_two_hours_ahead_is_measured(database: Database) -> None:
    through = database.connection()
    if database.dialect == "postgresql":
        database.run(
            f"CREATE FUNCTION {SCHEMA}.clock_timestamp() RETURNS timestamptz LANGUAGE sql "
            "AS 'SELECT pg_catalog.clock_timestamp() + interval ''2 hours'''"
        )
        through = database.connection(extra={"dialect": "postgresql", "search_path": f"{SCHEMA}, pg_catalog"})
    else:
        database.run("SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() + 7200'")
    try:
        skew = database.read(through=through).clock_skew_seconds
    finally:
        if database.dialect == "mysql":
            database.run("SET GLOBAL init_connect = ''")
    assert skew is not None
    assert abs(skew - 7200) < 2
