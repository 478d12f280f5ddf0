"""The folders of the register offices: one SFTP server a connection, for all the offices behind it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import AsyncIterator

import asyncssh

from sandbox.city import sftp
from sandbox.city.misbehave import Trouble
from sandbox.city.register import PLATFORM, Registers
from sandbox.city.sftp import File
from sandbox.city.state import CityState, Installation

# the server itself, and so every office behind it
SERVERS = ("down", "unauthorised", "host_key", "slow")


class Folder:
    """One connection's folder, as `sftp.Office` asks it to be."""

    def __init__(self, state: CityState, registers: Registers, installation: Installation) -> None:
        self.user, self.password, self.path = installation.user, installation.password, path(installation)
        self._state, self._registers, self._installation = state, registers, installation
        self._looks = 0

    def host_key(self) -> asyncssh.SSHKey:
        return host_key(self._state, self._installation, is_other=self._server("host_key") is not None)

    def is_open(self) -> bool:
        return self._server("down") is None

    def lets_in(self) -> bool:
        return self._server("unauthorised") is None

    async def delay(self) -> None:
        if (slow := self._server("slow")) is not None:
            await asyncio.sleep(slow.seconds)

    def look(self) -> Mapping[str, File]:
        self._looks += 1
        return {name: file for source in self._sources() for name, file in self._files(source).items()}

    def fetch(self, name: str) -> File | None: ...
