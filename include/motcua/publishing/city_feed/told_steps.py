"""The steps of dossiers as look-ups tell them: when, at which agency, to which status; put together by the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import orjson
import pyarrow as pa
import sqlalchemy as sa
from psycopg import sql

from motcua.publishing.city_feed.dossiers import PUBLIC, sensitive_procedures
from motcua.publishing.reading import CITY_TIME, copy_blocks, copy_out
from motcua.registry import Registry

_COLUMNS = {"code": pa.string(), "steps": pa.string()}
# Half a million steps would cost seconds one by one here. Names come as JSON texts; an agency that the registry does
# not have is null.
_SELECT = """
SELECT d.code, '[' || coalesce(string_agg(
           concat('{{"at":"', to_char(s.at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY-MM-DD"T"HH24:MI:SS'),
                  '+07:00","agency":', coalesce(a.name, 'null'), ',"status":', s.status, '}}'),
           ',' ORDER BY s.at, s.status, s.n) FILTER (WHERE s.code IS NOT NULL), '') || ']'
FROM api.dossier d
LEFT JOIN api.step s ON s.code = d.code
LEFT JOIN unnest(%(agencies)s::text[], %(names)s::text[]) a (agency_code, name) ON a.agency_code = s.agency_code
WHERE {where}
GROUP BY d.code
ORDER BY {order} d.code COLLATE "C"
"""
_BY_SHARD = sql.SQL(_SELECT).format(
    where=sql.SQL(PUBLIC), order=sql.SQL("substr(encode(sha256(convert_to(d.code, 'UTF8')), 'hex'), 1, 3),")
)
_OF_CODES = sql.SQL(_SELECT).format(where=sql.SQL("d.code = ANY (%(codes)s) AND " + PUBLIC), order=sql.SQL(""))


def read_by_shard(connection: sa.Connection, registry: Registry, as_of: datetime) -> Iterator[pa.Table]:
    """`code, steps` (a JSON list) of every public dossier, by look-up shard and code, block after block."""
    connection.execute(sa.text("SET LOCAL work_mem = '64MB'"))  # half a million steps are sorted in memory
    return copy_blocks(connection, _BY_SHARD, _COLUMNS, **_values(registry, as_of))


def read_of(connection: sa.Connection, registry: Registry, as_of: datetime, codes: Sequence[str]) -> pa.Table:
    """`code, steps` of those of `codes` that are public, by code."""
    return copy_out(connection, _OF_CODES, _COLUMNS, **_values(registry, as_of), codes=list(codes))


def _values(registry: Registry, as_of: datetime) -> dict[str, object]:
    units = registry.units_by(as_of.astimezone(CITY_TIME).date())
    names = [orjson.dumps(unit.name).decode() for unit in units.values()]
    return {"agencies": list(units), "names": names, "sensitive": sensitive_procedures(registry)}
