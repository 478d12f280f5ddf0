"""What a step stands on: the warehouse in one role, the registry, the archive and the staging area."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from motcua import warehouse
from motcua.connections import Connections, EnvironmentConnections
from motcua.landing import Archive, Staging, archive_keys
from motcua.registry import Registry, load_registry
from motcua.settings import Settings


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


def archive(settings: Settings, connections: Connections) -> Archive:
    """The sealed archive of raw pages."""
    return Archive(settings.archive_url, *archive_keys(connections, settings.home))


def staging(settings: Settings, connections: Connections) -> Staging:
    """The sealed frames between two stages."""
    return Staging(settings.staging_url, *archive_keys(connections, settings.home))


def environment_connections(settings: Settings, environ: dict[str, str]) -> Connections:
    """Connections as the command line knows them."""
    return EnvironmentConnections(environ, settings.connections)


def peak_memory_mb() -> int:
    """This process's greatest resident size so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
