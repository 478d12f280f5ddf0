"""The platform `sql_view` as its contract page says: each installation a database with two views and an account.

A database is filled from what its offices list, before whoever connects next is let in; rows are found by their
`ma_don_vi`. What is wrong with a server (`sql_front`, and `unauthorised` and `drift`), even for one source, is wrong
for all that are behind it; what is wrong with a listing is wrong with the rows of its source.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from sandbox.city import sql_front, times
from sandbox.city.clock import View
from sandbox.city.database_server import DatabaseServer
from sandbox.city.listed import Row
from sandbox.city.listing import EVERYTHING
from sandbox.city.misbehave import Trouble
from sandbox.city.registry import Registry
from sandbox.city.sql_tables import COLUMNS, DOSSIERS, MariaDb, PostgreSql, Server, Shape, Values
from sandbox.city.state import CityState, Installation

PLATFORM = "sql_view"
KINDS = (1, 2, 2, 3, 4)  # household businesses count as enterprises
_SERVERS: Mapping[str, type[PostgreSql | MariaDb]] = {"postgresql": PostgreSql, "mysql": MariaDb}


def start_servers(registry: Registry, mariadb: Collection[str]) -> dict[str, DatabaseServer]:
    """A server for each connection: one MariaDB for those that are named, one PostgreSQL for the others."""
    dialects = {
        source.connection: "mysql" if source.connection in mariadb else "postgresql"
        for source in registry.sources
        if source.platform == PLATFORM
    }
    started = {dialect: DatabaseServer(dialect) for dialect in sorted(set(dialects.values()))}
    return {connection: started[dialect] for connection, dialect in dialects.items()}


@dataclass(slots=True)
class _Office:
    """An installation's database, and what it shows."""

    installation: Installation
    behind: DatabaseServer
    server: Server
    view: View | None = None
    troubles: tuple[Trouble | None, ...] = ()
    shape: Shape = field(default_factory=dict)
    is_known: bool = True
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def database(self) -> str:
        return f"mot_cua_{self.installation.connection.removeprefix(f'{PLATFORM}_')}"


class Databases:
    """The databases of all installations, filled.

    Attributes:
        listeners: the port of each connection.
    """

    def __init__(self, state: CityState, servers: Mapping[str, DatabaseServer]) -> None:
        self._state = state
        self._offices = {
            one.connection: _Office(one, behind, _SERVERS[behind.dialect](behind.socket))
            for one in state.installations.values()
            if (behind := servers.get(one.connection)) is not None
        }
        self.listeners = {connection: socket.create_server(("127.0.0.1", 0)) for connection in self._offices}
        for office in self._offices.values():
            office.server.create(office.database, office.installation)
            self._fill(office)

    def fields(self, connection: str) -> dict[str, object]:
        """What its connection needs besides the account."""
        office = self._offices[connection]
        extra = {"dialect": office.behind.dialect}
        if office.behind.dialect == "postgresql":
            extra["search_path"] = PostgreSql.SCHEMA
        port = self.listeners[connection].getsockname()[1]
        return {"host": "127.0.0.1", "port": port, "schema": office.database, "extra": extra}

    async def serve(self) -> None:
        """Serves every port until it is cancelled."""
        async with asyncio.TaskGroup() as ports:
            for connection, listener in self.listeners.items():
                office = self._offices[connection]
                ports.create_task(sql_front.serve(listener, office.behind.socket, lambda at=office: self._admit(at)))

    async def _admit(self, office: _Office) -> Trouble | None:
        """Brings the database up to date; what is wrong with its server counts as one answer."""
        async with office.lock:
            await asyncio.to_thread(self._fill, office)
        for source in office.installation.sources.values():
            scopes = self._state.scopes(office.installation, source)
            trouble = self._state.troubles.look(scopes)
            if trouble is not None and trouble.mode in sql_front.MODES:
                return self._state.troubles.take(scopes)
        return None

    def _fill(self, office: _Office) -> None:
        sources = list(office.installation.sources.values())
        troubles = tuple(self._trouble(office, source) for source in sources)
        is_shifting = any(trouble is not None and trouble.mode == "shift" for trouble in troubles)
        if office.view is self._state.view and office.troubles == troubles and not is_shifting:
            return
        listings = [
            self._state.listing(source, EVERYTHING, trouble) for source, trouble in zip(sources, troubles, strict=True)
        ]
        rows = [row for listing in listings for row in listing.rows(0, len(listing), times.iso)]
        once = {row.code: row for row in reversed(rows)}  # who is listed twice has each step once
        steps = (step for row in once.values() for step in _steps(row))
        office.server.fill(office.database, map(_dossier, rows), steps)
        self._change(office, troubles)
        office.view, office.troubles = self._state.view, troubles

    def _change(self, office: _Office, troubles: tuple[Trouble | None, ...]) -> None:
        """The shape of the view, and whether the account's password is the right one."""
        present = [trouble for trouble in troubles if trouble is not None]
        shape = next((_shape(trouble) for trouble in present if trouble.mode == "drift"), {})
        if shape != office.shape:
            office.server.reshape(office.database, office.installation, shape)
        is_known = all(trouble.mode != "unauthorised" for trouble in present)
        if is_known != office.is_known:
            office.server.admit(office.installation, is_known=is_known)
        office.shape, office.is_known = shape, is_known

    def _trouble(self, office: _Office, source: int) -> Trouble | None:
        return self._state.troubles.look(self._state.scopes(office.installation, source))


def _dossier(row: Row) -> Values:
    """A row of `v_ho_so`, in the order of its columns."""
    return (
        row.code, row.procedure_code, row.procedure.name, row.procedure.field_code, row.channel,
        KINDS[row.kind] if row.kind_given is None else row.kind_given, row.name, row.identity[1], row.unit,
        row.source.unit_name, row.submitted, row.received, row.due, row.finished, row.returned, row.status, row.deleted,
        row.changed, f"BN{row.bits % 100_000:05d}" if row.extra_field else None,
    )  # fmt: skip


def _steps(row: Row) -> Iterator[Values]:
    for number, step in enumerate(row.steps, 1):
        yield row.code, number, step.at, step.official, step.department, step.note, step.status


def _shape(drift: Trouble) -> Shape:
    """How the view shows a column that has changed: at `trang_thai`, unless another was asked for."""
    column = drift.field if drift.field in COLUMNS[DOSSIERS] else "trang_thai"
    if drift.kind == "new_column":
        return {"": "1 AS truong_moi"}
    if drift.kind == "wrong_type":
        return {column: f"concat('{{\"giaTri\":', {column}, '}}') AS {column}"}
    return {column: f"{column} AS {column}_moi" if drift.kind == "renamed" else ""}
