"""As known at: what was published about a dossier at a moment, by the feed's files; once gone, by the warehouse."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from motcua.errors import ConfigError
from motcua.publishing.city_feed.dossiers import FACTS, public_rows, sensitive_procedures
from motcua.publishing.city_feed.reading import NotInFeed, rows_of
from motcua.publishing.city_feed.store import FeedStore
from motcua.registry import Registry
from motcua.settings import Settings
from motcua.steps import place
from motcua.warehouse import Role, crosswalk
from motcua.warehouse import trace as known

# Any: shaped as the functions say
Told = dict[str, Any]


def as_known_at(*, settings: Settings, code: str, moment: datetime) -> Told:
    """What readers of the feed were told of a dossier by the version that described this moment.

    Returns:
        `code, moment`; `seq, as_of, published_at` of the version, None where there was none yet; `state`
        (`published, not_published, sensitive, withheld, removed, none_yet`); `row`, as the feed has it, or None;
        `told_by`: `feed` (its files) or `warehouse` (they are gone: the row is made again from the history).

    Raises:
        ConfigError: nothing was ever known of this code.
    """
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        registry = crosswalk.in_force(connection, place.registry(settings.registry))
        versions = known.versions(connection, code)
        if not versions:
            raise ConfigError(f"{code}: nothing was ever read of it; is it the whole code, as the receipt has it?")
        version = known.publication_at(connection, moment)
        is_withheld = known.is_withheld(connection, code)
        told: Told = {"code": code, "moment": moment, "seq": None, "as_of": None, "published_at": None, "row": None}
        if version is None:
            return told | {"state": "none_yet", "told_by": "warehouse"}
        told |= {name: version[name] for name in ("seq", "as_of", "published_at")}
        if is_withheld or version["removed_at"] is not None:
            return told | {"state": "withheld" if is_withheld else "removed", "told_by": "warehouse"}
        return told | _told(connection, settings, registry, code, version)


def _told(connection: sa.Connection, settings: Settings, registry: Registry, code: str, version: Told) -> Told:
    try:
        rows = rows_of(FeedStore(settings.feed_url), int(version["seq"]))
    except NotInFeed:
        return _remembered(connection, registry, code, version["as_of"])
    found = rows.filter(pc.equal(rows["code"], code)).to_pylist()
    return {"state": "published" if found else "not_published", "row": found[0] if found else None, "told_by": "feed"}


def _remembered(connection: sa.Connection, registry: Registry, code: str, as_of: datetime) -> Told:
    """The row that the feed's files held, made again from the version that the warehouse knew then."""
    facts = known.version_at(connection, code, as_of)
    if facts is None or facts["deleted"]:
        return {"state": "not_published", "row": None, "told_by": "warehouse"}
    if facts["procedure_code"] in sensitive_procedures(registry):
        return {"state": "sensitive", "row": None, "told_by": "warehouse"}
    table = pa.Table.from_pylist([facts], schema=pa.schema(FACTS))
    row = public_rows(table, registry, as_of).to_pylist()[0]
    return {"state": "published", "row": row, "told_by": "warehouse"}
