"""What the portal's catalogues said, reading by reading, and which sources still use what they have withdrawn."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

# Any: a row as its statement names it
Found = dict[str, Any]

# of an entry, beyond `kind` and `code`; the last six are known of some procedures alone
SAID = (
    "title", "is_in_force", "is_listed", "field_code", "level", "parent",
    "withdrawn_on", "successor", "limit_value", "limit_unit", "online_limit_value", "online_limit_unit",
)  # fmt: skip
# two readings at once would take turns in what they find; the number means nothing
_LOCK = sa.text("SELECT pg_advisory_xact_lock(7315042)")

_STANDING = sa.text("SELECT * FROM core.catalogue_entry WHERE valid_to IS NULL ORDER BY kind DESC, code")
_LAST = sa.text("SELECT * FROM core.catalogue_refresh ORDER BY refresh_id DESC LIMIT 1")
_NEWEST_TAKEN = sa.text("SELECT max(as_of) FROM core.catalogue_refresh WHERE state = 'taken'")
_SEEN = sa.text("""
UPDATE core.catalogue_entry SET last_seen = :as_of WHERE valid_to IS NULL AND kind = :kind AND code = ANY(:codes)
""")
_END = sa.text("""
UPDATE core.catalogue_entry SET valid_to = :as_of WHERE valid_to IS NULL AND kind = :kind AND code = :code
""")
_BEGIN = sa.text("""
INSERT INTO core.catalogue_entry (kind, code, valid_from, last_seen, title, is_in_force, is_listed, field_code, level,
       parent, withdrawn_on, successor, limit_value, limit_unit, online_limit_value, online_limit_unit)
VALUES (:kind, :code, :as_of, :as_of, :title, :is_in_force, :is_listed, :field_code, :level, :parent, :withdrawn_on,
       :successor, :limit_value, :limit_unit, :online_limit_value, :online_limit_unit)
""")
_NOTE = sa.text("""
INSERT INTO core.catalogue_refresh
       (as_of, state, reason, procedures, fields, agencies, changed, requested_by, accept_loss)
VALUES (:as_of, :state, :reason, :procedures, :fields, :agencies, :changed, :requested_by, :accept_loss)
""")
# What was filed before a procedure ended is right under its code; a day that nobody knows is that of the first reading
# that had it so. A dossier that was never received counts by the day on which it was handed in.
_USES = sa.text("""
WITH ended AS (
    SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:since AS date[])) AS e(procedure_code, since)
)
SELECT s.source_id, s.procedure_code, e.since, count(*) AS dossiers,
       min(coalesce(s.received_at, s.submitted_at)) AS first_at, max(coalesce(s.received_at, s.submitted_at)) AS last_at
FROM api.source_dossier s JOIN ended e USING (procedure_code)
WHERE NOT s.deleted
  AND (e.since IS NULL
       OR (coalesce(s.received_at, s.submitted_at) AT TIME ZONE 'Asia/Ho_Chi_Minh')::date >= e.since)
GROUP BY s.source_id, s.procedure_code, e.since
ORDER BY count(*) DESC, s.source_id, s.procedure_code
""")
_UNKNOWN = sa.text("""
SELECT DISTINCT procedure_code FROM api.source_dossier
WHERE NOT deleted AND procedure_code IS NOT NULL AND procedure_code <> ALL (:known) ORDER BY 1
""")
_RAISE = sa.text("""
INSERT INTO core.issue (source_id, code, rule, field, severity, owner, page_sha256, batch_id, first_seen, last_seen)
VALUES (:source_id, '', 'withdrawn_procedure', :procedure_code, 'warning', 'office', '', '', :as_of, :as_of)
ON CONFLICT (code, source_id, rule, field) DO UPDATE SET last_seen = EXCLUDED.last_seen, settled_at = NULL
""")
_SETTLE = sa.text("""
UPDATE core.issue SET settled_at = :as_of
WHERE rule = 'withdrawn_procedure' AND settled_at IS NULL
  AND (source_id || ' ' || field) <> ALL (CAST(:still AS text[]))
""")


def standing(connection: sa.Connection) -> list[Found]:
    """The entries as they stand: the columns of `api.catalogue_entry`, procedures first, by code."""
    return [dict(row._mapping) for row in connection.execute(_STANDING)]


def last_refresh(connection: sa.Connection) -> Found | None:
    """The newest reading, taken or not, as `api.catalogue_refresh` has it."""
    row = connection.execute(_LAST).first()
    return None if row is None else dict(row._mapping)


def newest_taken(connection: sa.Connection) -> datetime | None:
    """The moment of the newest reading that counts."""
    moment: datetime | None = connection.execute(_NEWEST_TAKEN).scalar_one()
    return moment


def wait_for_others(connection: sa.Connection) -> None:
    """Lets no other reading be taken until this transaction ends."""
    connection.execute(_LOCK)


def take(
    connection: sa.Connection, same: Collection[tuple[str, str]], changed: Sequence[Mapping[str, object]],
    as_of: datetime,
) -> None:  # fmt: skip
    """Writes a reading: `same` (kind and code) was seen again, and each of `changed` says something else, or is new."""
    for kind in sorted({kind for kind, _ in same}):
        codes = [code for known, code in same if known == kind]
        connection.execute(_SEEN, {"kind": kind, "codes": codes, "as_of": as_of})
    if changed:
        rows = [{**one, "as_of": as_of} for one in changed]
        connection.execute(_END, rows)
        connection.execute(_BEGIN, rows)


def note(connection: sa.Connection, refresh: Mapping[str, object]) -> None:
    """Keeps what a reading came to: the columns of `api.catalogue_refresh` but for its number and end."""
    counts = {"procedures": 0, "fields": 0, "agencies": 0, "changed": 0, "reason": None}
    connection.execute(_NOTE, counts | dict(refresh))


def uses(connection: sa.Connection, since: Mapping[str, date | None]) -> list[Found]:
    """Who uses these codes since their day (None: ever), the most first.

    Returns:
        Of each source and code: `source_id, procedure_code, since, dossiers, first_at, last_at`.
    """
    asked = {"codes": list(since), "since": list(since.values())}
    return [dict(row._mapping) for row in connection.execute(_USES, asked)]


def unknown_codes(connection: sa.Connection, known: Collection[str]) -> list[str]:
    """Procedure codes that living dossiers carry and that are none of `known`."""
    return list(connection.execute(_UNKNOWN, {"known": list(known)}).scalars())


def tell(connection: sa.Connection, found: Sequence[tuple[str, str]], as_of: datetime) -> None:
    """An issue of each source and withdrawn procedure of `found`; what is there no more is settled."""
    still = [f"{source_id} {code}" for source_id, code in found]
    connection.execute(_SETTLE, {"still": still, "as_of": as_of})
    if found:
        rows = [{"source_id": source, "procedure_code": code, "as_of": as_of} for source, code in found]
        connection.execute(_RAISE, rows)
