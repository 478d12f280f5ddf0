"""The folders of the register offices: one SFTP server a connection, for all the offices behind it.

What can be wrong with them (`POST /control/misbehave`) stands in `misbehave.FILES`. What is wrong with the server, even
of one source, is wrong with all that are behind it.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import asyncssh

from sandbox.city import sftp
from sandbox.city.misbehave import Trouble
from sandbox.city.register import LOCAL, PLATFORM, Registers
from sandbox.city.sftp import File
from sandbox.city.state import CityState, Installation
from sandbox.city.worktime import SECOND

FAR_FUTURE = 2**32 - 1  # SFTP tells no later second


class Folder:
    """The folder of one connection, as `sftp.Office` asks it to be."""

    def __init__(self, state: CityState, registers: Registers, installation: Installation) -> None:
        self.path = path(installation)
        self._state, self._registers, self._installation = state, registers, installation
        self._looks = 0
        self._held: tuple[int, dict[int, dict[str, File]]] = (-1, {})

    def host_keys(self) -> Sequence[asyncssh.SSHKey]:
        """Another one where that is the trouble."""
        change = "" if self._server("host_key") is None else "renewed"
        return [_key(self._state, self._installation, change)]

    def is_open(self) -> bool:
        """See `sftp.Office`."""
        return self._server("down") is None

    def lets_in(self, user: str, secret: str) -> bool:
        """See `sftp.Office`."""
        is_right = (user, secret) == (self._installation.user, self._installation.password)
        return is_right and self._server("unauthorised") is None

    async def delay(self) -> None:
        """See `sftp.Office`."""
        if (slow := self._server("slow")) is not None:
            await asyncio.sleep(slow.seconds)

    def look(self) -> Mapping[str, File]:
        """See `sftp.Office`; a file that is being uploaded grows from look to look."""
        self._looks += 1
        if self._server("denied") is not None:
            raise asyncssh.SFTPPermissionDenied("no right to list")
        return {name: file for source in self._sources() for name, file in self._files(source).items()}

    def fetch(self, name: str) -> File | None:
        """See `sftp.Office`."""
        for source in self._sources():
            files = self._files(source)
            if name in files:
                self._state.count(self._state.registry.sources[source], files[name].rows)
                return files[name]
        return None

    def breaks(self, name: str) -> bool:
        """See `sftp.Office`."""
        broken = (source for source in self._sources() if self._has(source, "broken_transfer"))
        is_broken = any(name in self._files(source) for source in broken)
        return is_broken and self._server("broken_transfer") is not None

    def _files(self, source: int) -> dict[str, File]:
        if self._held[0] != self._state.revision:
            self._held = self._state.revision, {}
        trouble, held = self._trouble(source), self._held[1]
        if source not in held:
            held[source] = self._registers.files(source, trouble)
        return held[source] if trouble is None or not held[source] else self._wrong(source, held[source], trouble)

    def _wrong(self, source: int, files: dict[str, File], trouble: Trouble) -> dict[str, File]:
        """The newest file as the trouble leaves it."""
        name, file = next(reversed(files.items()))
        lately = (self._state.view.now - LOCAL) // SECOND - int(trouble.seconds)
        if trouble.mode == "growing":
            return files | {name: File(lately, file.body[: len(file.body) // 2 + self._looks], file.rows // 2)}
        if trouble.mode == "cut_off":
            last_line = file.body.rstrip().rfind(b"\n")
            return files | {name: replace(file, body=file.body[: last_line + 30])}
        if trouble.mode == "replaced":
            return files | {name: File(lately, *self._registers.since_last_drop(source))}
        if trouble.mode == "dropped_twice":
            return files | {_numbered(name): replace(file, at=lately)}
        if trouble.mode == "far_future":
            return files | {name: replace(file, at=FAR_FUTURE)}
        return files

    def _sources(self) -> Iterator[int]:
        return iter(self._installation.sources.values())

    def _trouble(self, source: int) -> Trouble | None:
        return self._state.troubles.look(self._state.scopes(self._installation, source))

    def _has(self, source: int, mode: str) -> bool:
        trouble = self._trouble(source)
        return trouble is not None and trouble.mode == mode

    def _server(self, mode: str) -> Trouble | None:
        """The trouble of this mode that the server, or any office behind it, has; counts as one answer."""
        for source in self._sources():
            if self._has(source, mode):
                return self._state.troubles.take(self._state.scopes(self._installation, source))
        return None


def path(installation: Installation) -> str:
    """Of a connection's folder."""
    return f"/so-theo-doi/{installation.connection.removeprefix(f'{PLATFORM}_')}"


def extra(state: CityState, installation: Installation) -> dict[str, str]:
    """What its connection needs besides address and account."""
    return {"host_key": sftp.public_line(_key(state, installation)), "path": path(installation)}


def listeners(state: CityState) -> dict[str, socket.socket]:
    """A listening socket for each connection of registers."""
    connections = (one.connection for one in state.installations.values() if one.platform == PLATFORM)
    return {connection: socket.create_server(("127.0.0.1", 0)) for connection in connections}


async def serve(state: CityState, sockets: Mapping[str, socket.socket]) -> None:
    """Serves every folder until it is cancelled."""
    registers = Registers(state)
    offices = {one.connection: Folder(state, registers, one) for one in state.installations.values()}
    async with asyncio.TaskGroup() as servers:
        for connection, listener in sockets.items():
            servers.create_task(sftp.serve(listener, offices[connection]))


def _key(state: CityState, installation: Installation, change: str = "") -> asyncssh.SSHKey:
    return sftp.host_key(f"{state.seed} {installation.connection} {change}")


def _numbered(name: str) -> str:
    """A file's name as the second of its day."""
    return re.sub(r"(_[0-9]{8})", r"\1_02", name)
