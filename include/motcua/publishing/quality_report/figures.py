"""How many dossiers a source has told, and how many of these break a rule, at the end of each day.

A dossier counts from the day on which it was first seen, taken or refused, until its source deletes it; a rule is
broken from the day of its finding until it is settled. So a dossier that is read forty times a day counts once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd
import sqlalchemy as sa

from motcua.domain.calendar import VIETNAM

DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts by the end of each of the last `DAYS` days, the columns of every frame; the last is that of `as_of`.

    Attributes:
        known: living dossiers; index `source_id`.
        refused: of these, those with a critical finding; index as `known`.
        broken: dossiers that break a rule; index `severity, rule, source_id`.
        owners: who mends what breaks a rule, by severity and rule.
    """

    known: pd.DataFrame
    refused: pd.DataFrame
    broken: pd.DataFrame
    owners: dict[tuple[str, str], str]

    @property
    def days(self) -> list[date]:
        """Vietnam's, oldest first."""
        return [pd.Timestamp(day).date() for day in self.known.columns]


def read_figures(connection: sa.Connection, *, as_of: datetime) -> Figures:
    """Everything at once, inside the caller's transaction; days are Vietnam's, whatever the session's zone."""
    today = as_of.astimezone(VIETNAM).date()
    days = pd.DatetimeIndex(pd.date_range(end=pd.Timestamp(today), periods=DAYS))
    asked = {"since": days[0].date()}
    dossiers = _frame(connection, _DOSSIERS, asked)
    found = _frame(connection, _FOUND, asked)
    known = _by_day(dossiers, ["source_id"], days)
    refused = _by_day(dossiers.assign(since=dossiers["refused_since"], until=dossiers["refused_until"]),
                      ["source_id"], days)  # fmt: skip
    return Figures(
        known=known,
        refused=refused.reindex(known.index, fill_value=0),
        broken=_by_day(found, ["severity", "rule", "source_id"], days),
        owners={(str(row.severity), str(row.rule)): str(row.owner) for row in found.itertuples()},
    )


def _by_day(intervals: pd.DataFrame, keys: list[str], days: pd.DatetimeIndex) -> pd.DataFrame:
    """Counts at the end of each day, of what began by then and had not ended; one row a key."""
    begun = intervals.dropna(subset="since")
    counts = {
        day: begun["dossiers"].where((begun["since"] <= day) & ~(begun["until"] <= day), 0) for day in days
    }  # fmt: skip
    frame = pd.DataFrame(counts, index=begun.index).astype("int64")
    return frame.groupby([begun[key] for key in keys]).sum()


def _frame(connection: sa.Connection, query: sa.TextClause, asked: dict[str, date]) -> pd.DataFrame:
    result = connection.execute(query, asked)
    frame = pd.DataFrame(result.all(), columns=list(result.keys()))
    for column in frame.columns.intersection(["since", "until", "refused_since", "refused_until"]):
        frame[column] = pd.to_datetime(frame[column])
    return frame


# What was first refused and then taken has been known since it was refused. A row that was settled and found again has
# one beginning: its first.
_DOSSIERS = sa.text("""
WITH told AS (
    SELECT source_id, code AS identity, min(recorded_at) AS since FROM api.claim GROUP BY source_id, code
), refused AS (
    SELECT source_id, identity, min(first_seen) AS since,
           CASE WHEN bool_and(settled_at IS NOT NULL) THEN max(settled_at) END AS until
    FROM api.quarantine WHERE severity = 'critical' GROUP BY source_id, identity
), both_ways AS (
    SELECT coalesce(t.source_id, r.source_id) AS source_id, least(t.since, r.since) AS since,
           CASE WHEN t.identity IS NULL THEN r.until
                WHEN s.deleted AND (r.identity IS NULL OR r.until IS NOT NULL) THEN greatest(s.recorded_at, r.until)
           END AS until,
           r.since AS refused_since, r.until AS refused_until
    FROM told t
    FULL JOIN refused r ON r.source_id = t.source_id AND r.identity = t.identity
    LEFT JOIN api.source_dossier s ON s.source_id = t.source_id AND s.code = t.identity
)
SELECT source_id, (since AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS since,
       (until AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS until,
       (refused_since AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS refused_since,
       (refused_until AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS refused_until, count(*) AS dossiers
FROM both_ways WHERE until IS NULL OR (until AT TIME ZONE 'Asia/Ho_Chi_Minh')::date >= :since
GROUP BY 1, 2, 3, 4, 5
""")

# A dossier that breaks one rule in two fields breaks it once; what is wrong with a whole source is no dossier.
_FOUND = sa.text("""
WITH findings AS (
    SELECT source_id, identity, rule, severity, owner, first_seen, settled_at FROM api.quarantine
    UNION ALL
    SELECT i.source_id, i.code, i.rule, i.severity, i.owner, i.first_seen, i.settled_at
    FROM api.issue i JOIN api.source_dossier s ON s.source_id = i.source_id AND s.code = i.code AND NOT s.deleted
), dossiers AS (
    SELECT source_id, identity, rule, severity, min(owner) AS owner, min(first_seen) AS since,
           CASE WHEN bool_and(settled_at IS NOT NULL) THEN max(settled_at) END AS until
    FROM findings GROUP BY source_id, identity, rule, severity
)
SELECT source_id, rule, severity, owner, (since AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS since,
       (until AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS until, count(*) AS dossiers
FROM dossiers WHERE until IS NULL OR (until AT TIME ZONE 'Asia/Ho_Chi_Minh')::date >= :since
GROUP BY 1, 2, 3, 4, 5, 6
""")
