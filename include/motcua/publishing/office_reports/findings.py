"""What the warehouse knows of every office's data: a query a view, a frame of codes, places and dates each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from psycopg import sql

from motcua.domain.calendar import VIETNAM, local_days
from motcua.domain.codes import canonical_agency
from motcua.publishing.disclosure import MEANT_AS_CODE, public_words
from motcua.publishing.reading import INSTANT, copy_out
from motcua.registry import Registry

TREND_DAYS = 30
# a refused dossier, as it is told of
DOSSIER = ["agency", "source_id", "identity"]
NO_CODE = "Không có mã dùng được"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that reports are made of; each frame has the column `agency`, the canonical code of the office it is told.

    Attributes:
        refused: one row a broken rule of a dossier, open or settled within `TREND_DAYS`: `source_id, identity, rule,
            field, owner, channel, status, is_primary, is_known` (an earlier version counts), `code` (null where it is
            not to be shown), `place, attempts, first_day, last_day, settled_day` (Vietnam's, NaT while open).
        issues: likewise, of accepted dossiers and of whole sources (`code` null).
        rejected: `code, service, portal_code, message, day`, of the newest version of a dossier.
        sources: one row a source in force: `source_id, state` (`ok, down, held, never`), `error_kind, read_at`,
            `fetched, accepted, quarantined` of its newest merged reading.
    """

    refused: pd.DataFrame
    issues: pd.DataFrame
    rejected: pd.DataFrame
    sources: pd.DataFrame


def read_findings(connection: sa.Connection, registry: Registry, as_of: datetime) -> Findings:
    """Everything at once, inside the caller's transaction; sources that are no longer read are left out."""
    asked = _asked(registry, as_of)
    since = as_of - timedelta(days=TREND_DAYS + 1)
    refused = _told(_frame(connection, _REFUSED, _REFUSED_COLUMNS, since=since), asked)
    issues = _told(_frame(connection, _ISSUES, _ISSUES_COLUMNS, since=since), asked)
    rejected = _frame(connection, _REJECTED, _REJECTED_COLUMNS)
    states = _frame(connection, _SOURCES, _SOURCES_COLUMNS).set_index("source_id")
    sources = asked.drop_duplicates("source_id").join(states, on="source_id")
    return Findings(
        refused=refused.assign(place=_places(refused)),
        issues=issues,
        rejected=rejected.assign(
            message=rejected["message"].map(public_words, na_action="ignore"), day=local_days(rejected["settled_at"])
        ),
        sources=sources.assign(state=sources["state"].fillna("never")),
    )


def offices(registry: Registry, as_of: datetime) -> dict[str, str]:
    """Names of the agencies that a source is read for on that day, by canonical code, in the order of the codes."""
    known = registry.units_by(_day(as_of))
    return {agency: known[agency].name for agency in sorted(_asked(registry, as_of)["agency"].unique())}


def _asked(registry: Registry, as_of: datetime) -> pd.DataFrame:
    """`source_id, agency`: which agencies each source in force is asked for, in the registry's order."""
    day = _day(as_of)
    pairs = [
        (source.id, canonical_agency(unit))
        for source in registry.sources.values()
        if (source.since is None or source.since <= day) and (source.until is None or day < source.until)
        for unit in source.units
    ]
    known = registry.units_by(day)
    return pd.DataFrame([pair for pair in pairs if pair[1] in known], columns=["source_id", "agency"], dtype="str")


def _told(frame: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    """Rows with the office that is told: the receiving one where its source is asked for it, else its source's first.

    A dossier that names a foreign unit is a matter of the office that sent it.
    """
    first = asked.drop_duplicates("source_id").set_index("source_id")["agency"]
    pairs = pd.MultiIndex.from_frame(asked)
    is_asked = pd.MultiIndex.from_frame(frame[["source_id", "agency_code"]]).isin(pairs)
    told = frame["agency_code"].where(is_asked, frame["source_id"].map(first))
    days = {f"{name}_day": local_days(frame[f"{name}_{end}"]) for name, end in _MOMENTS}
    return frame.assign(agency=told.astype("str"), code=shown_codes(frame["identity"]), **days).dropna(subset="agency")


def shown_codes(identities: pd.Series) -> pd.Series:
    """Those identities of dossiers that were meant as codes; null in the place of all others, which may be anything."""
    return identities.where(identities.str.contains(MEANT_AS_CODE) & ~identities.str.startswith("#")).astype("str")


_MOMENTS = (("first", "seen"), ("last", "seen"), ("settled", "at"))


def _places(refused: pd.DataFrame) -> pd.Series:
    """Where a row stands: in which file, or on which page of the list, and the how manieth it is there."""
    number = (refused["page_row"] + 1).astype("str")
    in_file = refused["file"] + ", hồ sơ thứ " + number
    page = refused["page"].astype("Int32").astype("str")
    on_page = ("Trang " + page + ", hồ sơ thứ " + number).where(refused["page"].notna())
    return in_file.fillna(on_page).fillna("Hồ sơ thứ " + number).astype("str")


def _day(as_of: datetime) -> date:
    return as_of.astimezone(VIETNAM).date()


def _frame(
    connection: sa.Connection, select: sql.SQL, columns: Mapping[str, pa.DataType], **values: object
) -> pd.DataFrame:
    frame: pd.DataFrame = copy_out(connection, select, columns, **values).to_pandas(types_mapper=_NULLABLE.get)
    return frame


_NULLABLE = {pa.int32(): pd.Int32Dtype(), pa.bool_(): pd.BooleanDtype()}

_REFUSED = sql.SQL("""
SELECT q.source_id, q.agency_code, q.identity, q.rule, q.field, q.owner, q.channel, q.status, q.is_primary, q.attempts,
       q.first_seen AT TIME ZONE 'UTC', q.last_seen AT TIME ZONE 'UTC', q.settled_at AT TIME ZONE 'UTC',
       d.code IS NOT NULL, q.page_row, array_position(p.pages, q.page_sha256),
       p.notes -> (array_position(p.pages, q.page_sha256) - 1) ->> 'name'
FROM api.quarantine q
LEFT JOIN api.dossier d ON d.code = q.identity AND NOT d.deleted
LEFT JOIN api.batch_pages p ON p.batch_id = q.batch_id AND q.settled_at IS NULL
WHERE q.settled_at IS NULL OR q.settled_at >= %(since)s
ORDER BY q.source_id, q.identity, q.rule, q.field
""")
_REFUSED_COLUMNS = {
    "source_id": pa.string(), "agency_code": pa.string(), "identity": pa.string(), "rule": pa.string(),
    "field": pa.string(), "owner": pa.string(), "channel": pa.int32(), "status": pa.int32(), "is_primary": pa.bool_(),
    "attempts": pa.int32(), "first_seen": INSTANT, "last_seen": INSTANT, "settled_at": INSTANT, "is_known": pa.bool_(),
    "page_row": pa.int32(), "page": pa.int32(), "file": pa.string(),
}  # fmt: skip

_ISSUES = sql.SQL("""
SELECT i.source_id, d.agency_code, coalesce(i.code, ''), i.rule, i.field, i.owner, i.first_seen AT TIME ZONE 'UTC',
       i.last_seen AT TIME ZONE 'UTC', i.settled_at AT TIME ZONE 'UTC'
FROM api.issue i LEFT JOIN api.dossier d ON d.code = i.code
WHERE i.settled_at IS NULL OR i.settled_at >= %(since)s
ORDER BY i.source_id, i.code NULLS FIRST, i.rule, i.field
""")
_ISSUES_COLUMNS = {
    "source_id": pa.string(), "agency_code": pa.string(), "identity": pa.string(), "rule": pa.string(),
    "field": pa.string(), "owner": pa.string(), "first_seen": INSTANT, "last_seen": INSTANT, "settled_at": INSTANT,
}  # fmt: skip

# A version that a newer one has followed is told again, or was: what the portal said of it counts no more.
_REJECTED = sql.SQL("""
SELECT o.agency_code, t.code, t.service, t.portal_code, t.portal_message, t.settled_at AT TIME ZONE 'UTC'
FROM api.delivery t JOIN api.dossier o ON o.code = t.code AND o.version = t.version
WHERE t.state = 'rejected' ORDER BY t.code, t.service
""")
_REJECTED_COLUMNS = {
    "agency": pa.string(), "code": pa.string(), "service": pa.string(), "portal_code": pa.string(),
    "message": pa.string(), "settled_at": INSTANT,
}  # fmt: skip

# The reason of a failed reading is for us; its class is enough for its office.
_SOURCES = sql.SQL("""
SELECT s.source_id, s.state, CASE WHEN s.state = 'down' THEN split_part(s.reason, ':', 1) END,
       s.succeeded_as_of AT TIME ZONE 'UTC', b.fetched, b.accepted, b.quarantined
FROM api.source_state s
LEFT JOIN LATERAL (
    SELECT fetched, accepted, quarantined FROM api.batch b
    WHERE b.source_id = s.source_id AND b.state = 'merged' ORDER BY b.as_of DESC, b.cycle_id DESC LIMIT 1) b ON true
ORDER BY s.source_id
""")
_SOURCES_COLUMNS = {
    "source_id": pa.string(), "state": pa.string(), "error_kind": pa.string(), "read_at": INSTANT,
    "fetched": pa.int32(), "accepted": pa.int32(), "quarantined": pa.int32(),
}  # fmt: skip
