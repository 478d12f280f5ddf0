"""The night's upkeep: what nobody needs any more leaves, what was cut off is closed, tables are swept."""

from __future__ import annotations

import logging
import re
from datetime import datetime, timedelta
from typing import TypedDict

import sqlalchemy as sa

from motcua.errors import ConfigError
from motcua.files import local_folder
from motcua.landing import StoredPages, forget_parts
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.retention import Pruned, prune
from motcua.warehouse import Role, cut_off, ledger, upkeep

log = logging.getLogger(__name__)

# Tết and a long stop of ours are shorter; a clock that is wrong is mostly years off.
MOST_AHEAD = timedelta(days=45)
# A cycle may be "as of" the end of its interval, and a clock a little late.
MOST_BEHIND = timedelta(days=1)
# What a writer who was cut off leaves beside a file (`motcua.files`); nobody writes one file for a day.
_DRAFT = re.compile(r"\..+\.[0-9a-f]{8}")
DRAFTS_LIVE = timedelta(days=1)


class Maintained(TypedDict):
    """What was done; `removed` counts rows by table, and files left behind by writers that were cut off.

    `pages` is what left the archive; `closed` cycles were cut off, and `given_up` of their batches never merged;
    `rebuilt` are rebuilt warehouses that nobody has dropped yet.
    """

    pages: Pruned
    removed: dict[str, int]
    vacuumed: list[str]
    closed: int
    given_up: int
    rebuilt: list[str]


def maintain(*, settings: Settings, as_of: datetime, now: datetime, anyway: bool = False) -> Maintained:
    """Does all of it, the most important first; a second run finds next to nothing to do.

    Args:
        settings: where things live, and how long they stay.
        as_of: the moment from which times are counted back.
        now: the clock, for the age of files.
        anyway: whatever the clock says; else an `as_of` that cannot be right is refused.

    Raises:
        ConfigError: `as_of` has no zone, or lies far from the newest reading.
    """
    pages = prune_with_care(settings=settings, as_of=as_of, anyway=anyway)
    with place.connected(settings, Role.PIPELINE) as engine, engine.begin() as connection:
        closed, given_up = cut_off.close(connection)
        at_work = ledger.others_at_work(connection, 0)
        newest = connection.execute(sa.text("SELECT coalesce(max(cycle_id), 0) FROM core.cycle")).scalar_one()
    forget_parts(settings.staging_url, up_to_cycle=newest, at_work=at_work)
    removed = {"drafts": _remove_drafts(settings, now - DRAFTS_LIVE)}
    with place.connected_as_owner(settings) as engine:
        with engine.begin() as connection:
            before = upkeep.months_before(connection, as_of, settings.ledger_months)
            rebuilt = upkeep.rebuilt_schemas(connection)
        removed |= upkeep.forget(engine, before)
        vacuumed = upkeep.vacuum(engine)
        with engine.begin() as connection:
            upkeep.record(connection, as_of=as_of, removed=removed, vacuumed=vacuumed)
    if closed:
        log.warning("%d cycles were cut off and are closed; %d readings of theirs are given up", closed, given_up)
    log.info("removed %s; vacuumed %d tables; rebuilt warehouses: %d", removed, len(vacuumed), len(rebuilt))
    return {
        "pages": pages, "removed": removed, "vacuumed": vacuumed, "closed": closed, "given_up": given_up,
        "rebuilt": rebuilt,
    }  # fmt: skip


def prune_with_care(*, settings: Settings, as_of: datetime, anyway: bool) -> Pruned:
    """`prune`, where the clock and the warehouse may be believed: pages do not come back.

    Raises:
        ConfigError: they may not; the message says how to do it all the same.
    """
    if as_of.tzinfo is None:
        raise ConfigError(f"as_of: expected a time with its zone, got {as_of.isoformat()}; add +07:00")
    if not anyway:
        _refuse_odd_moment(settings, as_of)
    return prune(settings=settings, as_of=as_of)


def _refuse_odd_moment(settings: Settings, as_of: datetime) -> None:
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        newest = connection.execute(sa.text("SELECT max(as_of) FROM core.batch WHERE state = 'merged'")).scalar_one()
    if newest is None:
        if next((some for some in StoredPages(settings.archive_url).slices() if some.pages), None) is None:
            return
        raise ConfigError(
            "the archive has pages, and the warehouse has merged nothing: is this its database (MOTCUA_DATABASE_URL)? "
            "All pages would count as nobody's; `motcua maintain --anyway` removes them"
        )
    if not newest - MOST_BEHIND <= as_of <= newest + MOST_AHEAD:
        raise ConfigError(
            f"as_of {as_of.isoformat()} lies far from the newest reading, {newest.isoformat()}: a clock is wrong, or "
            "nothing has been read for long. What is past its time by a wrong clock would be gone; look at `motcua "
            "doctor`, then give --as-of, or `motcua maintain --anyway`"
        )


def _remove_drafts(settings: Settings, before: datetime) -> int:
    """Drafts beside the files of feed, reports and secrets that are older than a moment; of local folders."""
    removed = 0
    folders = [local_folder(url) for url in (settings.feed_url, settings.reports_url)] + [settings.home / "secrets"]
    for folder in folders:
        for file in folder.rglob(".*") if folder is not None else ():
            is_draft = _DRAFT.fullmatch(file.name) is not None and file.is_file()
            if is_draft and file.stat().st_mtime < before.timestamp():
                file.unlink(missing_ok=True)
                removed += 1
    return removed
