"""The public dossiers as of a moment: feed rows with dates, and the same facts with times for look-ups."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import sqlalchemy as sa
from psycopg import sql

from motcua.domain.progress import progress_classes
from motcua.publishing.reading import CITY_TIME, INSTANT, copy_out, driver
from motcua.registry import Registry, Unit

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
_STEPS = {"code": pa.string(), "steps": pa.string()}
_FACTS = {
    "code": pa.string(),
    "procedure_code": pa.string(),
    "agency_code": pa.string(),
    "channel": pa.int16(),
    "service_level": pa.int16(),
    "due_source": pa.string(),
    "status": pa.int16(),
    "supplements": pa.int16(),
    **dict.fromkeys(TIMES.values(), INSTANT),
}
_SELECT_FACTS = sql.SQL(
    """SELECT code, procedure_code, agency_code, channel, service_level, due_source, status, supplements,
              submitted_at AT TIME ZONE 'UTC', received_at AT TIME ZONE 'UTC', due_at AT TIME ZONE 'UTC',
              finished_at AT TIME ZONE 'UTC', returned_at AT TIME ZONE 'UTC', source_changed_at AT TIME ZONE 'UTC'
       FROM api.dossier
       WHERE NOT deleted AND (procedure_code IS NULL OR procedure_code <> ALL (%(sensitive)s))
       ORDER BY code COLLATE "C" """
)
# The JSON of the steps is put together by the database: half a million steps would cost seconds one by one here.
# Names come as JSON texts; an agency that the registry does not have is null.
_SELECT_STEPS = sql.SQL(
    """SELECT d.code, '[' || coalesce(string_agg(
                  concat('{"at":"', to_char(s.at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY-MM-DD"T"HH24:MI:SS'),
                         '+07:00","agency":', coalesce(a.name, 'null'), ',"status":', s.status, '}'),
                  ',' ORDER BY s.at, s.status, s.n) FILTER (WHERE s.code IS NOT NULL), '') || ']'
       FROM api.dossier d
       LEFT JOIN api.step s ON s.code = d.code
       LEFT JOIN unnest(%(agencies)s::text[], %(names)s::text[]) a (agency_code, name) ON a.agency_code = s.agency_code
       WHERE NOT d.deleted AND (d.procedure_code IS NULL OR d.procedure_code <> ALL (%(sensitive)s))
       GROUP BY d.code
       ORDER BY d.code COLLATE "C" """
)
_COUNT = """SELECT count(*) - count(*) FILTER (WHERE procedure_code = ANY (%(sensitive)s))
            FROM api.dossier WHERE deleted IS FALSE"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicDossiers:
    """What may be published, sorted by code.

    Attributes:
        rows: one row a dossier, schema ROW.
        times: the times behind the dates of `rows`, in the same order; columns are the values of TIMES, UTC.
        steps: the steps of each row in time order, as the JSON list of a look-up; the same order again.
        counted: the same dossiers counted by the warehouse itself, for the gate.
    """

    rows: pa.Table
    times: pa.Table
    steps: pa.ChunkedArray
    counted: int

    def digest(self) -> str:
        """Changes when anything a reader could see of a dossier or its steps changes."""
        buffer = io.BytesIO()
        for table in (self.rows, self.times, pa.table({"steps": self.steps})):
            with pa.ipc.new_stream(buffer, table.schema) as stream:
                stream.write_table(table.combine_chunks())
        return hashlib.sha256(buffer.getbuffer()).hexdigest()


def sensitive_procedures(registry: Registry) -> list[str]:
    """Codes of the procedures whose dossiers are never published as rows (domain page, 9)."""
    return sorted(code for code, procedure in registry.procedures.items() if procedure.sensitive)


def read_public_dossiers(connection: sa.Connection, registry: Registry, *, as_of: datetime) -> PublicDossiers:
    """Reads inside the caller's transaction; names come from the registry alone."""
    sensitive = sensitive_procedures(registry)
    connection.execute(sa.text("SET LOCAL work_mem = '64MB'"))  # half a million steps are sorted in memory
    facts = copy_out(connection, _SELECT_FACTS, _FACTS, sensitive=sensitive)
    units = registry.units_by(as_of.astimezone(CITY_TIME).date())
    texts = [orjson.dumps(unit.name).decode() for unit in units.values()]
    steps = copy_out(connection, _SELECT_STEPS, _STEPS, agencies=list(units), names=texts, sensitive=sensitive)
    return PublicDossiers(
        rows=_rows(facts, registry, units, as_of),
        times=facts.select(list(TIMES.values())),
        steps=steps["steps"],
        counted=_count(connection, sensitive),
    )


def city_time(instants: pa.ChunkedArray) -> pa.ChunkedArray:
    """UTC instants as the city's wall clock, without zone."""
    return pc.local_timestamp(instants.cast(pa.timestamp("us", tz=CITY_TIME.key)))


def _rows(facts: pa.Table, registry: Registry, units: Mapping[str, Unit], as_of: datetime) -> pa.Table:
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
    return pa.table({name: columns[name] for name in ROW.names}, schema=ROW).combine_chunks()


def _mapped(codes: pa.ChunkedArray, names: dict[str, str]) -> pa.Array:
    """The name of each code; looked up once a distinct code."""
    encoded = codes.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    values = pa.array([names.get(code) for code in encoded.dictionary.to_pylist()], type=pa.string())
    return values.take(encoded.indices)


def _count(connection: sa.Connection, sensitive: Sequence[str]) -> int:
    row = driver(connection).execute(_COUNT, {"sensitive": list(sensitive)}).fetchone()
    assert row is not None
    return int(str(row[0]))
