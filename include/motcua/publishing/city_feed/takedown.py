"""Dossiers that must leave the feed: they are withheld from now on, and no version that shows them stays."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import sqlalchemy as sa

from motcua.errors import ConfigError
from motcua.publishing.city_feed.delta import DELTA, read_delta
from motcua.publishing.city_feed.reading import SNAPSHOT, directory
from motcua.publishing.city_feed.store import FeedStore
from motcua.publishing.disclosure import Watch

_WITHHOLD = """
INSERT INTO core.withheld (code, reason, requested_by, since) VALUES (:code, :reason, :by, :since)
ON CONFLICT (code) DO NOTHING
"""


def withhold(connection: sa.Connection, codes: Sequence[str], *, reason: str, by: str, since: datetime) -> None:
    """From the next version on, these dossiers are in none.

    Raises:
        ConfigError: `reason`, which everybody will read, names a person.
    """
    if Watch().kinds_met(reason.encode()):
        raise ConfigError("the reason is published in the tombstone: leave out numbers and addresses of people")
    values = [{"code": code, "reason": reason, "by": by, "since": since} for code in codes]
    connection.execute(sa.text(_WITHHOLD), values)


def versions_that_show(store: FeedStore, codes: Collection[str]) -> list[int]:
    """Numbers of the versions in whose files any of these dossiers has a row, in order."""
    wanted = pa.array(sorted(codes), type=pa.string())
    seqs = sorted(int(name) for name in store.names("versions") if name.isdecimal())
    return [seq for seq in seqs if _shows(store, directory(seq), wanted)]


def _shows(store: FeedStore, path: str, wanted: pa.Array) -> bool:
    delta, snapshot = store.read(f"{path}/{DELTA}"), store.read(f"{path}/{SNAPSHOT}")
    if delta is not None and _meets(read_delta(delta).rows["code"], wanted):
        return True
    if snapshot is None:
        return False
    return _meets(pyarrow.parquet.read_table(io.BytesIO(snapshot), columns=["code"])["code"], wanted)


def _meets(codes: pa.ChunkedArray, wanted: pa.Array) -> bool:
    return bool(pc.any(pc.is_in(codes, value_set=wanted)).as_py())
