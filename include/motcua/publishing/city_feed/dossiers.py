"""The public dossiers as of a moment: feed rows with dates, and the same facts with times for look-ups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from psycopg import sql

from motcua.domain.progress import progress_classes
from motcua.publishing.reading import CITY_TIME, INSTANT, copy_out, driver
from motcua.registry import Registry

# The allowed list: the contract page names these columns and no other.
ROW = pa.schema(
    [
        pa.field("code", pa.string(), nullable=False),
        pa.field("procedure_code", pa.string()),
        pa.field("procedure_name", pa.string()),
        pa.field("field", pa.string()),
        pa.field("agency_code", pa.string(), nullable=False),
        pa.field("agency_name", pa.string()),
        pa.field("unit_code", pa.string()),
        pa.field("channel", pa.int16()),
        pa.field("service_level", pa.int16()),
        pa.field("submitted_on", pa.date32()),
        pa.field("received_on", pa.date32()),
        pa.field("due_on", pa.date32()),
        pa.field("due_source", pa.string()),
        pa.field("finished_on", pa.date32()),
        pa.field("returned_on", pa.date32()),
        pa.field("status", pa.int16()),
        pa.field("progress", pa.string(), nullable=False),
        pa.field("supplements", pa.int16(), nullable=False),
        pa.field("updated_on", pa.date32(), nullable=False),
    ]
)
# Column of a row: the time behind it.
TIMES = {
    "submitted_on": "submitted_at",
    "received_on": "received_at",
    "due_on": "due_at",
    "finished_on": "finished_at",
    "returned_on": "returned_at",
    "updated_on": "source_changed_at",
}
FACTS = {
    "code": pa.string(),
    "version": pa.int32(),
    "is_fresh": pa.bool_(),
    "procedure_code": pa.string(),
    "agency_code": pa.string(),
    "channel": pa.int16(),
    "service_level": pa.int16(),
    "due_source": pa.string(),
    "status": pa.int16(),
    "supplements": pa.int16(),
    **dict.fromkeys(TIMES.values(), INSTANT),
}
# Which dossiers `d` may be shown, in rows and in look-ups alike; takes `sensitive`.
PUBLIC = """NOT d.deleted AND (d.procedure_code IS NULL OR d.procedure_code <> ALL (%(sensitive)s))
             AND NOT EXISTS (SELECT FROM core.withheld w WHERE w.code = d.code)"""
_SELECT_FACTS = sql.SQL(
    """SELECT d.code, d.version, s.version IS DISTINCT FROM d.version, d.procedure_code, d.agency_code, d.channel,
              d.service_level, d.due_source, d.status, d.supplements,
              d.submitted_at AT TIME ZONE 'UTC', d.received_at AT TIME ZONE 'UTC', d.due_at AT TIME ZONE 'UTC',
              d.finished_at AT TIME ZONE 'UTC', d.returned_at AT TIME ZONE 'UTC',
              d.source_changed_at AT TIME ZONE 'UTC'
       FROM api.dossier d LEFT JOIN core.shown s ON s.code = d.code
       WHERE {public}
       ORDER BY d.code COLLATE "C" """
).format(public=sql.SQL(PUBLIC))
# the same dossiers counted in another way, for the gate
_COUNT = """
SELECT count(*) - count(*) FILTER (WHERE procedure_code = ANY (%(sensitive)s) OR code = ANY (%(withheld)s))
FROM api.dossier WHERE deleted IS FALSE
"""
_IS_FRESH = """
SELECT EXISTS (SELECT FROM api.dossier d LEFT JOIN core.shown s ON s.code = d.code
               WHERE s.version IS DISTINCT FROM d.version)
"""
_COUNT_BY_AGENCY = sql.SQL(
    "SELECT d.agency_code, count(*) FROM api.dossier d WHERE {public} GROUP BY d.agency_code"
).format(public=sql.SQL(PUBLIC))
_WITHHELD = "SELECT coalesce(array_agg(code), ARRAY[]::text[]) FROM core.withheld"
_NOTE_SHOWN = """
INSERT INTO core.shown AS s (code, version) SELECT code, version FROM api.dossier
ON CONFLICT (code) DO UPDATE SET version = EXCLUDED.version WHERE s.version <> EXCLUDED.version
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicDossiers:
    """What may be published, sorted by code.

    Attributes:
        rows: one row a dossier, schema ROW.
        times: the times behind the dates of `rows`, in the same order; columns are the values of TIMES, UTC.
        is_fresh: of each row: whether the dossier has another version than the feed was last made from.
        counted: the same dossiers counted by the warehouse itself, for the gate.
    """

    rows: pa.Table
    times: pa.Table
    is_fresh: pa.ChunkedArray
    counted: int


def sensitive_procedures(registry: Registry) -> list[str]:
    """Codes of the procedures whose dossiers are never published as rows (domain page, 9)."""
    return sorted(code for code, procedure in registry.procedures.items() if procedure.sensitive)


def read_public_dossiers(connection: sa.Connection, registry: Registry, *, as_of: datetime) -> PublicDossiers:
    """Reads inside the caller's transaction; names come from the registry alone."""
    sensitive = sensitive_procedures(registry)
    facts = copy_out(connection, _SELECT_FACTS, FACTS, sensitive=sensitive).combine_chunks()
    return PublicDossiers(
        rows=public_rows(facts, registry, as_of),
        times=facts.select(list(TIMES.values())),
        is_fresh=facts["is_fresh"],
        counted=_count(connection, sensitive),
    )


def has_fresh(connection: sa.Connection) -> bool:
    """Whether any dossier, public or not, has another version than the feed was last made from."""
    row = driver(connection).execute(_IS_FRESH).fetchone()
    assert row is not None
    return bool(row[0])


def count_by_agency(connection: sa.Connection, registry: Registry) -> Counter[str]:
    """Public dossiers of each agency, without reading them."""
    found = driver(connection).execute(_COUNT_BY_AGENCY, {"sensitive": sensitive_procedures(registry)})
    return Counter({str(agency): int(str(count)) for agency, count in found})


def note_shown(connection: sa.Connection) -> None:
    """Remembers the versions that this transaction has read: the feed is made from these."""
    driver(connection).execute(_NOTE_SHOWN)


def city_time(instants: pa.ChunkedArray) -> pa.ChunkedArray:
    """UTC instants as the city's wall clock, without zone."""
    return pc.local_timestamp(instants.cast(pa.timestamp("us", tz=CITY_TIME.key)))


def public_rows(facts: pa.Table, registry: Registry, as_of: datetime) -> pa.Table:
    """Feed rows, schema ROW, of what the warehouse knows.

    Args:
        facts: columns of FACTS.
        registry: names and units as they were on the day of `as_of`.
        as_of: decides about the classes.
    """
    units = registry.units_by(as_of.astimezone(CITY_TIME).date())
    columns = {name: facts[name] for name in ROW.names if name in facts.column_names}
    columns |= {date: city_time(facts[time]).cast(pa.date32()) for date, time in TIMES.items()}
    procedures = registry.procedures
    columns["procedure_name"] = _mapped(facts["procedure_code"], {c: p.name for c, p in procedures.items()})
    columns["field"] = _mapped(facts["procedure_code"], {c: p.field_name for c, p in procedures.items()})
    columns["agency_name"] = _mapped(facts["agency_code"], {code: unit.name for code, unit in units.items()})
    columns["unit_code"] = _mapped(facts["agency_code"], {code: unit.unit_code for code, unit in units.items()})
    frame = facts.select(["status", "due_at", "finished_at"]).to_pandas()
    frame["status"] = frame["status"].astype("Int16")
    columns["progress"] = pa.array(progress_classes(frame, as_of, registry.calendar), type=pa.string())
    return pa.table({name: columns[name] for name in ROW.names}, schema=ROW)


def _mapped(codes: pa.ChunkedArray, names: dict[str, str]) -> pa.Array:
    """The name of each code; looked up once a distinct code."""
    encoded = codes.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    values = pa.array([names.get(code) for code in encoded.dictionary.to_pylist()], type=pa.string())
    return values.take(encoded.indices)


def _count(connection: sa.Connection, sensitive: Sequence[str]) -> int:
    withheld = driver(connection).execute(_WITHHELD).fetchone()
    assert withheld is not None
    row = driver(connection).execute(_COUNT, {"sensitive": list(sensitive), "withheld": withheld[0]}).fetchone()
    assert row is not None
    return int(str(row[0]))
