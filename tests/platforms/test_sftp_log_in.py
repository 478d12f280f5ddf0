"""Whom `sftp_register` talks to, what it sends before it knows, and how long it waits."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import asyncssh
import pytest
from motcua.errors import ConfigError, SourceChanged, SourceRefused, SourceUnavailable
from motcua.platforms.register.ssh import SftpLimits

from sandbox.city import sftp
from sandbox.city.sftp import File
from tests.faults.proxy import Proxy, Toxic
from tests.platforms.sftp_office import (
    SECRET,
    UNIT,
    USER,
    Office,
    Reading,
    at,
    connection,
    reading_of,
    register,
    serving,
)

pytestmark = pytest.mark.slow

QUICK = SftpLimits(connect=0.5, read=0.5)
FILES = {f"so-theo-doi_{UNIT}_20181220.csv": File(at("12-20 16:45:00"), register(1, 2))}


@pytest.fixture
def reading() -> Iterator[Reading]:
    with reading_of(Office(FILES)) as found:
        yield found


@pytest.fixture(autouse=True)
def _no_thread_and_no_secret_is_left(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before and thread.name != "sftp office"]
    for thread in left:
        thread.join(timeout=2)
    assert [thread for thread in left if thread.is_alive()] == []
    assert SECRET not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("paramiko")]


def test_changed_host_key_ends_the_talk_before_a_secret_is_sent(reading: Reading) -> None:
    reading.office.keys = [sftp.host_key("somebody else")]
    error = reading.failure()
    assert (type(error), error.kind) == (SourceRefused, "HOST_KEY")
    assert f"another host key than connection {reading.connection.id} has; nothing was sent. Ask its owner" in str(
        error
    )
    assert reading.office.log_ins == []


def test_server_without_a_key_of_the_pinned_type_is_another_server(reading: Reading) -> None:
    reading.office.keys = [asyncssh.generate_private_key("ecdsa-sha2-nistp256")]
    error = reading.failure()
    assert (type(error), error.kind, reading.office.log_ins) == (SourceRefused, "HOST_KEY", [])


@pytest.mark.parametrize("kind", ["ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"])
def test_other_types_of_keys_can_be_pinned(reading: Reading, kind: str) -> None:
    key = asyncssh.generate_private_key(kind)
    reading.office.keys.append(key)  # beside the one that any client would rather have
    line = f"[127.0.0.1]:{reading.port} {sftp.public_line(key)} printed by ssh-keyscan"
    reading.connection = connection(reading.port, extra={"host_key": line})
    assert reading.read().fetched == 2


def test_host_key_must_be_pinned(reading: Reading) -> None:
    reading.connection = connection(reading.port, extra={"host_key": ""})
    with pytest.raises(ConfigError, match=rf"host_key is missing: .*`ssh-keyscan -t ed25519 -p {reading.port} 127"):
        reading.read()
    for nonsense in ("AAAA", "ssh-ed25519", "ssh-ed25519 Kín", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAA", "ssh-dss AAAAB3Nz"):
        reading.connection = connection(reading.port, extra={"host_key": nonsense})
        with pytest.raises(ConfigError, match="host_key: expected a line such as `ssh-ed25519 AAAA…`"):
            reading.read()
    assert reading.office.log_ins == []


def test_wrong_password_is_tried_once_for_all_sources_of_a_server(reading: Reading) -> None:
    reading.office.secret = "another"

    def message(number: int) -> tuple[type, str, str]:
        with pytest.raises(SourceRefused) as caught:
            reading.read(id=f"le_chan.source_{number}")
        return type(caught.value), caught.value.kind, str(caught.value)

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(message, range(12)))
    refused = f"refuses the log-in of connection {reading.connection.id}: mend its login and password"
    assert told == [(SourceRefused, "AUTH", f"le_chan.source_{number}: {refused}") for number in range(12)]
    assert reading.office.log_ins == [(USER, SECRET)]


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("ssh-ed25519", "openssh"), ("ssh-ed25519", "pkcs8-pem"), ("ecdsa-sha2-nistp256", "openssh"),
        ("ecdsa-sha2-nistp256", "pkcs1-pem"), ("ssh-rsa", "openssh"), ("ssh-rsa", "pkcs1-pem"),
    ],
)  # fmt: skip
def test_private_key_logs_in_without_any_password(reading: Reading, kind: str, form: str) -> None:
    key = asyncssh.generate_private_key(kind)
    reading.office.secret = sftp.public_line(key)
    reading.connection = connection(
        reading.port, password=None, extra={"private_key": key.export_private_key(form).decode()}
    )
    assert reading.read().fetched == 2
    assert {user for user, _ in reading.office.log_ins} == {USER}
    reading.office.secret = "another"
    assert "mend its login and private_key" in str(reading.failure())


def test_private_key_that_cannot_be_used_is_a_mistake_of_ours(reading: Reading) -> None:
    locked = asyncssh.generate_private_key("ssh-ed25519").export_private_key(passphrase="s3cret").decode()
    for text in ("nonsense", locked):
        reading.connection = connection(reading.port, extra={"private_key": text})
        with pytest.raises(ConfigError, match=r"private_key: expected .* without a passphrase; mend the connection"):
            reading.read()


@pytest.mark.parametrize("lacking", ["host", "login", "password", "path"])
def test_connection_must_be_whole(reading: Reading, lacking: str) -> None:
    differs = {"extra": {"path": ""}} if lacking == "path" else {lacking: None}
    reading.connection = connection(reading.port, **differs)
    with pytest.raises(ConfigError, match=f"{lacking} is missing"):
        reading.read()


def test_nobody_listening_is_unavailable(reading: Reading) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    reading.connection = connection(port)
    error = reading.failure()
    assert (type(error), error.kind) == (SourceUnavailable, "UNAVAILABLE")
    assert str(error).endswith("no answer to our log-in: ConnectionRefusedError; it is tried again next cycle")


@contextmanager
def babbling(say: bytes, pause: float) -> Iterator[int]:
    """A server that says something, over and over, and never listens."""
    stop = threading.Event()

    def babble(listener: socket.socket) -> None:
        listener.settimeout(0.05)
        talks: list[socket.socket] = []
        while not stop.wait(pause):
            with suppress(TimeoutError):
                talks.append(listener.accept()[0])
            for talk in talks:
                with suppress(OSError):
                    talk.send(say)
        for talk in talks:
            talk.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=babble, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("say", "pause", "limits", "budget", "message"),
    [
        (b"", 0.05, QUICK, 60, "no answer to our log-in in time"),
        (b"S", 0.05, SftpLimits(), 1, "not read within 1 s"),
        (b"SSH-2.0-x\r\n", 0.05, SftpLimits(), 1, "no answer to our log-in"),
    ],
    ids=["silent", "drip-feed", "babbling"],
)
def test_server_that_never_comes_to_the_point_is_left_in_time(
    reading: Reading, say: bytes, pause: float, limits: SftpLimits, budget: int, message: str
) -> None:
    with babbling(say, pause) as port:
        reading.connection = connection(port)
        began = time.monotonic()
        error = reading.failure(limits=limits, time_budget_seconds=budget)
        assert time.monotonic() - began < 15
    assert (type(error), message in str(error)) == (SourceUnavailable, True), str(error)


def test_silent_folder_is_left_after_the_limit_of_an_answer(reading: Reading) -> None:
    reading.office.before_answer = 30
    began = time.monotonic()
    error = reading.failure(limits=SftpLimits(read=0.5))
    assert (type(error), error.kind) == (SourceUnavailable, "TIMEOUT")
    assert "no answer about its folder in time" in str(error)
    assert time.monotonic() - began < 15


def test_one_answer_cannot_outlast_the_time_budget(reading: Reading) -> None:
    reading.office.before_answer = 30
    began = time.monotonic()
    error = reading.failure(time_budget_seconds=1)  # far below what an answer may take
    assert (error.kind, time.monotonic() - began < 15) == ("TIMEOUT", True)


def test_slow_folder_ends_with_the_time_budget(reading: Reading) -> None:
    reading.office.files = {
        f"so-theo-doi_{UNIT}_201812{day:02d}.csv": File(at(f"12-{day} 16:45:00"), register(day))
        for day in range(10, 24)
    }
    reading.office.before_answer = 0.1
    began = time.monotonic()
    error = reading.failure(time_budget_seconds=1)
    assert (error.kind, time.monotonic() - began < 15) == ("TIMEOUT", True)
    assert "not read within 1 s; it is tried again next cycle" in str(error)
    assert len(reading.office.fetched) < 14


def test_line_that_trickles_ends_with_the_time_budget(reading: Reading) -> None:
    with Proxy(("127.0.0.1", reading.port)) as line:
        line.spoil(Toxic(bytes_per_second=1_000))
        reading.connection = connection(line.port)
        began = time.monotonic()
        error = reading.failure(time_budget_seconds=2)
        assert (error.kind, time.monotonic() - began < 15) == ("TIMEOUT", True)


def test_line_that_is_cut_in_the_middle_of_a_file_is_opened_anew(reading: Reading) -> None:
    (name,) = FILES
    whole = register(*range(1_000))
    reading.office.files[name] = File(at("12-20 16:45:00"), whole)
    for toxic in (Toxic(reset_after=50_000, lines=1), Toxic(close_after=50_000, lines=1)):
        with Proxy(("127.0.0.1", reading.port)) as line:
            line.spoil(toxic)
            reading.connection = connection(line.port)
            assert reading.read().fetched == 1_000
            assert line.attempts == 2
    assert reading.kept == [whole] * 2


def test_server_with_old_ciphers_only_is_told(reading: Reading) -> None:
    async def old(listener: socket.socket) -> None:
        keys = reading.office.keys
        async with asyncssh.listen(sock=listener, server_host_keys=keys, kex_algs=["diffie-hellman-group1-sha1"]):
            await asyncio.Event().wait()

    with serving(old) as port:
        reading.connection = connection(port)
        error = reading.failure()
    assert (type(error), error.kind) == (SourceChanged, "PROTOCOL")
    assert "speaks only ciphers that are no longer safe" in str(error)
