"""One folder of an SFTP server, read only: what is in it, and whole files; a transfer that breaks is begun anew."""

from __future__ import annotations

import io
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import paramiko
from paramiko.sftp import CMD_CLOSE, CMD_HANDLE, CMD_NAME, CMD_NAMES, CMD_OPENDIR, CMD_READDIR

from motcua.connections import Connection
from motcua.errors import SourceChanged, SourceUnavailable
from motcua.platforms.register.ssh import TROUBLE, Line, SftpLimits
from motcua.registry import Source

BITE = 32 * 1024  # what servers give at most in one answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file as its folder lists it: bytes, and the second (since 1970) of its last change by the server's clock."""

    name: str
    size: int
    modified: int


class Unsettled(Exception):
    """A file is shorter than it was listed, or gone."""


class Folder:
    """The folder that a connection names; a context manager. Entering it connects and logs in.

    Raises (all methods, besides what `Line` raises):
        SourceChanged: there is no such folder, it may not be read, or it holds too much.
    """

    def __init__(self, source: Source, connection: Connection, *, limits: SftpLimits) -> None:
        self._source, self._connection, self._limits = source, connection, limits
        self._path = connection.required("path")
        self._line = Line(source, connection, limits=limits)
        self._client: Any = None  # Any: paramiko carries no types

    def __enter__(self) -> Self:
        try:
            self._speak(self._line.open())
        except BaseException:
            self._line.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._line.close()

    def look(self) -> dict[str, Entry]:
        """The folder's plain files by name; what in a name is no UTF-8 becomes surrogates."""
        found: dict[str, Entry] = {}
        with self._told("its folder"):
            for name, attributes in self._client.entries(self._path):
                if len(found) == self._limits.names:
                    raise SourceChanged(
                        self._source.id, f"more than {self._limits.names} files in its folder: ask its owner to tidy "
                        "up, or mend `path`", kind="LIMIT"
                    )  # fmt: skip
                if stat.S_ISREG(attributes.st_mode or stat.S_IFREG):
                    found[name] = self._entry(name, attributes)
        return found

    def read(self, entry: Entry) -> bytes:
        """A whole file.

        Raises:
            Unsettled: it is shorter than listed, or gone.
        """
        for _ in range(self._limits.transfers - 1):
            try:
                return self._transfer(entry)
            except SourceUnavailable as error:
                if error.kind == "TIMEOUT":
                    raise
            self._speak(self._line.open_again())
        return self._transfer(entry)

    def wait(self, seconds: float) -> None:
        """Waits; what is longer than the time budget ends with it."""
        with self._told("its folder"):
            time.sleep(max(0.0, min(seconds, self._line.left())))

    def _speak(self, transport: Any) -> None:  # Any: paramiko carries no types
        with self._told("SFTP"):
            self._client = _Client.from_transport(transport)
            self._client.get_channel().settimeout(self._limits.read)

    def _transfer(self, entry: Entry) -> bytes:
        body = io.BytesIO()  # gives what it holds without another copy; what the file has grown by, the next look tells
        with self._told("a file"):
            try:
                file = self._client.open(f"{self._path.rstrip('/')}/{entry.name}", "rb")
            except FileNotFoundError as error:
                raise Unsettled from error
            while body.tell() < entry.size:
                if not body.write(file.read(min(BITE, entry.size - body.tell()))):
                    raise Unsettled
            file.close()
        return body.getvalue()

    def _entry(self, name: str, attributes: Any) -> Entry:  # Any: paramiko carries no types
        if attributes.st_size is None or attributes.st_mtime is None:
            raise SourceChanged(
                self._source.id, "expected the size and time of each file in its folder, got a list without; "
                "ask its owner to turn them on"
            )  # fmt: skip
        return Entry(name=name, size=attributes.st_size, modified=attributes.st_mtime)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """What the server does to us, as errors of the source."""
        try:
            self._line.left()
            yield
        except FileNotFoundError as error:
            raise SourceChanged(
                self._source.id, f"has not got {what}: look at `path` of connection {self._connection.id}, then ask "
                "its owner"
            ) from error  # fmt: skip
        except PermissionError as error:
            raise SourceChanged(
                self._source.id, f"does not let us read {what}: ask its owner for the right to read it"
            ) from error
        except TROUBLE as error:
            raise self._line.failure(f"about {what}", error) from error


class _Client(paramiko.SFTPClient):  # type: ignore[misc]  # paramiko carries no types
    """Lists folders with names in any encoding: paramiko's own listing breaks at the first that is not UTF-8."""

    def entries(self, path: str) -> Iterator[tuple[str, Any]]:  # Any: paramiko carries no types
        """Name and attributes of what is in a folder."""
        kind, answer = self._request(CMD_OPENDIR, path)
        _expect(kind, CMD_HANDLE)
        handle = answer.get_string()
        while True:
            try:
                kind, answer = self._request(CMD_READDIR, handle)
            except EOFError:  # of the folder; a connection ends with another error
                break
            _expect(kind, CMD_NAME)
            for _ in range(answer.get_int()):
                name = answer.get_string().decode("utf-8", "surrogateescape")
                answer.get_string()  # a line for people
                yield name, paramiko.SFTPAttributes._from_msg(answer)
        self._request(CMD_CLOSE, handle)


def _expect(kind: int, expected: int) -> None:
    if kind != expected:
        raise paramiko.SFTPError(f"expected {CMD_NAMES[expected]}, got message {kind}")
