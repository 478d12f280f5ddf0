"""What leaves the archive by itself: pages past their time, and what no batch names."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TypedDict

import sqlalchemy as sa

from motcua.errors import ConfigError
from motcua.landing import StoredPages
from motcua.settings import Settings
from motcua.steps import place
from motcua.warehouse import Role, retention
from motcua.warehouse.standing import nobody_reading

log = logging.getLogger(__name__)


class Pruned(TypedDict):
    """How many pages went, and how many stay; pages in no listing since `kept_since` are gone."""

    kept_since: str
    expired: int
    orphans: int
    kept: int


class Swept(TypedDict):
    """How many pages were past their time, how many were no batch's, and how many stay."""

    expired: int
    orphans: int
    kept: int


def prune(*, settings: Settings, as_of: datetime, requested_by: str | None = None, reason: str | None = None) -> Pruned:
    """Removes the pages that no listing of the last `archive_months` months had, and those that no batch names.

    A page that a claim in force or a row of quarantine names goes like any other: what its source still says stands
    on younger pages (docs/decisions/0018-archive.md).

    Args:
        settings: where things live.
        as_of: from which the months are counted back; aware.
        requested_by: who asked for it; None: the clock.
        reason: why.

    Raises:
        ConfigError: `as_of` has no zone.
    """
    if as_of.tzinfo is None:
        raise ConfigError(f"as_of: expected a time with its zone, got {as_of.isoformat()}; add +07:00")
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        with connection.begin():
            since = retention.kept_since(connection, as_of, settings.archive_months)
        with nobody_reading(connection), connection.begin():
            swept = sweep(connection, settings, since)
            retention.record(connection, as_of=as_of, since=since, **swept, requested_by=requested_by, reason=reason)
    log.info("archive: %(expired)d pages past their time and %(orphans)d of no batch removed, %(kept)d kept", swept)
    return {"kept_since": since.isoformat(), **swept}


def sweep(connection: sa.Connection, settings: Settings, since: datetime | None) -> Swept:
    """Removes pages in no listing since a moment (None: however old), and what no batch names, drafts too.

    Only while nobody reads a source: a page that has just been read is no batch's yet.
    """
    retention.note_readings(connection)
    stored = StoredPages(settings.archive_url)
    swept = Swept(expired=0, orphans=0, kept=0)
    for slice_ in stored.slices():
        found = retention.leftovers(connection, slice_.pages, since)
        for sha256 in (*found.expired, *found.orphans):
            stored.forget(sha256)
        for draft in slice_.drafts:
            stored.forget_draft(draft)
        swept["expired"] += len(found.expired)
        swept["orphans"] += len(found.orphans) + len(slice_.drafts)
        swept["kept"] += len(slice_.pages) - len(found.expired) - len(found.orphans)
    return swept
