"""What a step stands on: the warehouse in one role, the registry, the archive and the staging area."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from motcua import warehouse
from motcua.connections import Connection, Connections, EnvironmentConnections
from motcua.domain.ticks import Ticks
from motcua.errors import ConfigError, ConnectionAbsent
from motcua.landing import Archive, KeptLedgers, Staging, archive_keys
from motcua.landing.seal import CONNECTION
from motcua.registry import Registry, load_registry
from motcua.settings import Settings
from motcua.warehouse import crosswalk


@contextmanager
def connected(settings: Settings, role: warehouse.Role) -> Iterator[sa.Engine]:
    """An engine in `role`, closed at the end: a forked worker never inherits an open connection."""
    engine = warehouse.engine(settings, role)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def connected_as_owner(settings: Settings) -> Iterator[sa.Engine]:
    """An engine with the log-in's own rights, for what no role may do: to make a schema, and to remove it."""
    engine = warehouse.engine(settings, None)
    try:
        yield engine
    finally:
        engine.dispose()


@cache
def registry(path: Path | None) -> Registry:
    """The registry, loaded once a process."""
    return load_registry(path)


@cache
def ticks(path: Path | None) -> Ticks:
    """The moments at which collecting starts, by the registry's calendar."""
    return Ticks(registry(path).calendar)


def registry_in_force(path: Path | None, engine: sa.Engine) -> Registry:
    """The registry with what the confirmed pairs of the crosswalk lend, as they stand at this moment."""
    with engine.connect() as connection:
        return crosswalk.in_force(connection, registry(path))


def archive(settings: Settings, connections: Connections) -> Archive:
    """The sealed archive of raw pages."""
    return Archive(settings.archive_url, *archive_keys(connections, settings.home))


def kept_ledgers(settings: Settings, connections: Connections) -> KeptLedgers:
    """What the archive says of the batches whose pages it keeps."""
    return KeptLedgers(settings.archive_url, *archive_keys(connections, settings.home))


def staging(settings: Settings, connections: Connections) -> Staging:
    """The sealed frames between two stages."""
    return Staging(settings.staging_url, *archive_keys(connections, settings.home))


class KeyAlone:
    """Knows the archive's key and nothing else: workers cannot ask Airflow, whose line leads to their parent alone."""

    def __init__(self, connections: Connections) -> None:
        self._known: Connection | ConfigError
        try:
            self._known = connections.get(CONNECTION)
        except ConfigError as error:  # then it is in a file
            self._known = error

    def get(self, connection_id: str) -> Connection:
        """The key's connection; ConfigError of any other."""
        if isinstance(self._known, ConfigError):
            raise self._known
        if connection_id != CONNECTION:
            raise ConfigError(f"connection {connection_id}: a rebuilding asks nobody else")
        return self._known


def environment_connections(settings: Settings, environ: dict[str, str]) -> Connections:
    """Connections as the command line knows them."""
    return EnvironmentConnections(environ, settings.connections)


def knows(connections: Connections, connection_id: str) -> bool:
    """Whether a connection is defined."""
    try:
        connections.get(connection_id)
    except ConnectionAbsent:
        return False
    return True


def peak_memory_mb() -> int:
    """This process's greatest resident size so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
