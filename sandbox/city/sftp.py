"""An SFTP server, read only, over folders in memory: an `Office` says what is in them, and what breaks."""

from __future__ import annotations

import asyncio
import hashlib
import posixpath
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn, Protocol

import asyncssh
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@dataclass(frozen=True, slots=True)
class File:
    """A file in a folder; `at` is its time in seconds since 1970, UTC, `rows` how many dossiers it tells of."""

    at: int
    body: bytes
    rows: int = 0


class Office(Protocol):
    """Whose server it is; asked anew for every answer."""

    path: str

    def host_keys(self) -> Sequence[asyncssh.SSHKey]:
        """What the server shows to the next client: of each type, the client chooses."""
        ...

    def is_open(self) -> bool:
        """Whether it answers at all."""
        ...

    def lets_in(self, user: str, secret: str) -> bool:
        """Whether this is the log-in: a password, or a public key as `ssh-ed25519 AAAA…`."""
        ...

    async def delay(self) -> None:
        """Takes the time that an answer takes."""
        ...

    def look(self) -> Mapping[str, File]:
        """What is listed, by name; an SFTPError when it may not be."""
        ...

    def fetch(self, name: str) -> File | None:
        """What is read; an SFTPError when it may not be."""
        ...

    def breaks(self, name: str) -> bool:
        """Whether the connection breaks in the middle of this file."""
        ...


def host_key(words: str) -> asyncssh.SSHKey:
    """The same Ed25519 key for the same words."""
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(words.encode()).digest())
    return asyncssh.import_private_key(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))


def public_line(key: asyncssh.SSHKey) -> str:
    """A key as `ssh-ed25519 AAAA…`."""
    return " ".join(key.export_public_key().decode().split()[:2])


async def serve(listener: socket.socket, office: Office) -> None:
    """Serves an office on a listening socket until it is cancelled."""
    listener.setblocking(False)
    async with asyncio.TaskGroup() as talks:
        while True:
            client, _ = await asyncio.get_running_loop().sock_accept(listener)
            if office.is_open():
                talks.create_task(_talk(client, office))
            else:
                client.close()


async def _talk(client: socket.socket, office: Office) -> None:
    door = _Door(office)
    try:
        with suppress(asyncssh.Error, OSError):  # clients come and go as they like
            connection = await asyncssh.run_server(
                client,
                server_factory=lambda: door,
                server_host_keys=office.host_keys(),
                sftp_factory=lambda channel: _Folder(channel, office),
                allow_scp=False,
                sftp_version=3,
            )
            await connection.wait_closed()
    finally:
        await door.shut()


class _Door(asyncssh.SSHServer):
    def __init__(self, office: Office) -> None:
        self._office = office
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    async def shut(self) -> None:
        """Ends what is still open, when the server ends."""
        if self._connection is not None:
            self._connection.abort()
            await self._connection.wait_closed()

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return self._office.lets_in(username, password)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._office.lets_in(username, public_line(key))


@dataclass(slots=True)
class _Opened:
    name: str
    file: File


class _Folder(asyncssh.SFTPServer):
    """One client's view; what is not here is refused, because it would be done to the real disk."""

    def __init__(self, channel: asyncssh.SSHServerChannel, office: Office) -> None:
        super().__init__(channel)
        self._office = office

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        await self._office.delay()
        if path.decode() != self._office.path:
            raise asyncssh.SFTPNoSuchFile("no such folder")
        for name, file in self._office.look().items():
            yield asyncssh.SFTPName(name.encode(errors="surrogateescape"), name.encode(errors="replace"), _attrs(file))

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        await self._office.delay()
        if pflags != asyncssh.FXF_READ:
            raise asyncssh.SFTPPermissionDenied("read only")
        return self._find(path)

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        await self._office.delay()
        assert isinstance(file_obj, _Opened)
        body = file_obj.file.body
        if offset + size > len(body) // 2 and self._office.breaks(file_obj.name):
            self.channel.get_connection().abort()
            raise asyncssh.SFTPConnectionLost("broken")
        return body[offset : offset + size]

    def close(self, file_obj: object) -> None:
        pass

    async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        await self._office.delay()
        return _attrs(self._find(path).file)

    lstat = stat

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        assert isinstance(file_obj, _Opened)
        return _attrs(file_obj.file)

    def realpath(self, path: bytes) -> bytes:
        return posixpath.normpath(b"/" + path)

    def _find(self, path: bytes) -> _Opened:
        folder, name = posixpath.split(path.decode())
        file = self._office.fetch(name) if folder == self._office.path else None
        if file is None:
            raise asyncssh.SFTPNoSuchFile("no such file")
        return _Opened(name, file)

    def _refuse(self, *_: object) -> NoReturn:
        raise asyncssh.SFTPPermissionDenied("read only")

    open56 = write = setstat = lsetstat = fsetstat = remove = mkdir = rmdir = rename = posix_rename = _refuse
    readlink = symlink = link = lock = unlock = statvfs = fstatvfs = fsync = _refuse


def _attrs(file: File) -> asyncssh.SFTPAttrs:
    return asyncssh.SFTPAttrs(size=len(file.body), permissions=0o100644, atime=file.at, mtime=file.at)
