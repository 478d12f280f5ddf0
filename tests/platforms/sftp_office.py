"""A real SFTP server on loopback with the folder of a register office, for tests to fill, to disturb and to ask."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import itertools
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import asyncssh
import pytest
from motcua.connections import Connection
from motcua.errors import SourceError
from motcua.platforms import Listing, Window
from motcua.platforms.register.ssh import SftpLimits
from motcua.platforms.sftp_register import SftpRegister
from motcua.registry import Source

from sandbox.city import sftp
from sandbox.city.sftp import File

USER, SECRET = "motcua", "s3cret-s3cret"
LOCAL = timezone(timedelta(hours=7))
UNIT = "000.05.33.H24"
UNTIL = datetime(2018, 12, 25, 17, tzinfo=LOCAL)
ALL = Window(since=None, until=UNTIL)
_NUMBER = itertools.count(1)
HEADINGS = (
    "STT", "Mã hồ sơ", "Mã TTHC", "Họ tên người nộp", "Ngày nộp", "Ngày tiếp nhận", "Ngày hẹn trả", "Ngày hoàn thành",
    "Ngày trả kết quả", "Hình thức nộp", "Trạng thái",
)  # fmt: skip


def code(number: int) -> str:
    return f"000.05.33.H24-181012-{number:04d}"


def register(*numbers: int) -> bytes:
    """A register of some dossiers, as CSV."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(HEADINGS)
    for place, number in enumerate(numbers, 1):
        rows.writerow([place, code(number), "1.001193", f"Nguyễn Thị Kín {number}", "12/10/2018 08:00",
                       "12/10/2018 08:05", "15/10/2018 17:00", "", "", "Trực tiếp", "Đang xử lý"])  # fmt: skip
    return text.getvalue().encode()


def at(local: str) -> int:
    """Seconds since 1970 of a local time in 2018, such as `12-21 16:50:00`."""
    return int(datetime.fromisoformat(f"2018-{local}").replace(tzinfo=LOCAL).timestamp())


class Office:
    """One register office; everything may be set while it is served.

    Attributes:
        files: what is in its folder.
        keys: its host keys.
        secret: the password, or the public key, that it takes.
        log_ins: what was tried, in order.
        fetched: names of the files that were opened, in order.
        breaking: how often the connection still breaks in the middle of a file.
        after_fetch: called with the name of each file that was opened.
        before_answer: seconds before each answer.
        refusal: what answers a look at the folder, in its place.
    """

    def __init__(self, files: Mapping[str, File]) -> None:
        self.path = "/so-theo-doi"
        self.files = dict(files)
        self.keys = [sftp.host_key("office")]
        self.secret = SECRET
        self.log_ins: list[tuple[str, str]] = []
        self.fetched: list[str] = []
        self.breaking = 0
        self.after_fetch: Callable[[str], None] = lambda _: None
        self.before_answer = 0.0
        self.refusal: asyncssh.SFTPError | None = None

    def host_keys(self) -> Sequence[asyncssh.SSHKey]:
        return self.keys

    def is_open(self) -> bool:
        return True

    def lets_in(self, user: str, secret: str) -> bool:
        self.log_ins.append((user, secret))
        return (user, secret) == (USER, self.secret)

    async def delay(self) -> None:
        await asyncio.sleep(self.before_answer)

    def look(self) -> Mapping[str, File]:
        if self.refusal is not None:
            raise self.refusal
        return self.files

    def fetch(self, name: str) -> File | None:
        self.fetched.append(name)
        file = self.files.get(name)
        self.after_fetch(name)
        return file

    def breaks(self, name: str) -> bool:
        self.breaking -= 1
        return self.breaking >= 0


@contextmanager
def serving(serve: Callable[[socket.socket], Coroutine[Any, Any, None]]) -> Iterator[int]:
    """Runs a server in a thread of its own; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        runner = asyncio.Runner()
        task = runner.get_loop().create_task(serve(listener))
        thread = threading.Thread(target=_run, args=(runner, task), name="sftp office")
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            runner.get_loop().call_soon_threadsafe(task.cancel)
            thread.join(timeout=10)
            assert not thread.is_alive()


def _run(runner: asyncio.Runner, task: asyncio.Task[None]) -> None:
    with runner, suppress(asyncio.CancelledError):
        runner.get_loop().run_until_complete(task)


class Reading:
    """An office behind a real server, and the platform that reads it."""

    def __init__(self, office: Office, port: int) -> None:
        self.office, self.port = office, port
        self.connection: Connection = connection(port)
        self.kept: list[bytes] = []

    def source(self, **differs: object) -> Source:
        facts: dict[str, object] = {
            "id": "le_chan.an_bien", "group": "le_chan", "units": (UNIT,), "platform": "sftp_register",
            "connection": "office",
        }  # fmt: skip
        return Source(**facts | differs)  # type: ignore[arg-type]  # a test gives what it means

    def read(
        self, window: Window = ALL, *, limits: SftpLimits | None = None, settle: float = 60.0, **differs: object
    ) -> Listing:
        platform = SftpRegister(limits=limits, settle_seconds=settle)
        return platform.read_listing(self.source(**differs), self.connection, window, keep=self.keep)

    def keep(self, body: bytes) -> str:
        self.kept.append(body)
        return hashlib.sha256(body).hexdigest()

    def failure(self, **differs: object) -> SourceError:
        with pytest.raises(SourceError) as caught:
            self.read(**differs)
        assert str(caught.value).startswith("le_chan.an_bien: ")
        return caught.value


@contextmanager
def reading_of(office: Office) -> Iterator[Reading]:
    """Serves an office, and reads it."""
    with serving(partial(sftp.serve, office=office)) as port:
        yield Reading(office, port)


def connection(port: int, **differs: object) -> Connection:
    """The account of an office; with a name of its own, because log-ins that failed are remembered by it."""
    extra = {"host_key": sftp.public_line(sftp.host_key("office")), "path": "/so-theo-doi"}
    extra |= differs.pop("extra", {})  # type: ignore[arg-type]  # a test gives what it means
    fields = {"host": "127.0.0.1", "port": port, "login": USER, "password": SECRET, **differs}
    return Connection(id=f"office_{next(_NUMBER)}", extra=extra, **fields)  # type: ignore[arg-type]  # likewise
