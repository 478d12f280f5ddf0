"""All that the warehouse knows of one dossier, or of the dossiers behind one published figure; by key alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

# Any: a row as its statement names it
Found = dict[str, Any]

FACTS = (
    "lead_source_id", "procedure_code", "agency_code", "unit_code", "channel", "service_level", "applicant_kind",
    "status", "submitted_at", "received_at", "due_at", "due_source", "finished_at", "returned_at", "supplements",
    "steps", "deleted",
)  # fmt: skip


def versions(connection: sa.Connection, code: str) -> list[Found]:
    """Every version, the newest first: `version, recorded_at, cycle_id, source_changed_at, claims`, and the `FACTS`."""
    return _rows(connection, _VERSIONS, code=code)


def claims(connection: sa.Connection, code: str) -> list[Found]:
    """Every word that counted, the newest first, each with the batch that brought it.

    Returns:
        Of each: `batch_id, source_id, page_sha256, page_row, source_changed_at, deleted, corrections, recorded_at`, of
        its batch `as_of, kind, window_from, window_to, judged_by, has_page` (whether the page is one of the batch's:
        an absence points to an older one).
    """
    return _rows(connection, _CLAIMS, code=code)


def issues(connection: sa.Connection, code: str) -> list[Found]:
    """What was noticed beside accepted rows, settled or not."""
    return _rows(connection, _ISSUES, code=code)


def publications(connection: sa.Connection, code: str) -> dict[int, Found]:
    """By version: in which versions of the feed it would stand, by the moments they are of.

    Returns:
        `from_seq, from_at, to_seq, to_at`: the first of them and when it was published, the last of them and when
        that was replaced; null where there is none.
    """
    return {found.pop("version"): found for found in _rows(connection, _PUBLICATIONS, code=code)}


def deliveries(connection: sa.Connection, code: str) -> list[Found]:
    """What the Government portal was to be told of each version, and what it answered."""
    return _rows(connection, _DELIVERIES, code=code)


def note_of(connection: sa.Connection, source_id: str, page_sha256: str) -> Found:
    """What the page's bytes do not say, by the newest batch of its source that has it; nothing where none says it."""
    found = _rows(connection, _NOTE, source_id=source_id, page_sha256=page_sha256)
    return found[0]["note"] or {} if found else {}


def publication(connection: sa.Connection, seq: int | None) -> Found | None:
    """The version of the feed of that number, or the newest: `seq, as_of`; None where there is none."""
    found = _rows(connection, _PUBLICATION, seq=seq)
    return found[0] if found else None


def publication_at(connection: sa.Connection, moment: datetime) -> Found | None:
    """The newest version of the feed that describes no later moment: `seq, as_of, published_at, removed_at`."""
    found = _rows(connection, _PUBLICATION_AT, moment=moment)
    return found[0] if found else None


def version_at(connection: sa.Connection, code: str, moment: datetime) -> Found | None:
    """A dossier's version as it was known at a moment: `code, version` and its facts; None where none was."""
    found = _rows(connection, _VERSION_AT, code=code, moment=moment)
    return found[0] if found else None


def is_withheld(connection: sa.Connection, code: str) -> bool:
    """Whether a dossier was taken down."""
    return bool(connection.execute(_IS_WITHHELD, {"code": code}).scalar_one())


def behind(connection: sa.Connection, agency_code: str, *, as_of: datetime, hidden: Sequence[str]) -> list[Found]:
    """`code, channel, status, due_at, finished_at` of an agency's dossiers as they were known at a moment, by code.

    Without deleted ones and those of the procedures `hidden`.
    """
    return _rows(connection, _BEHIND, agency_code=agency_code, as_of=as_of, hidden=list(hidden))


def _rows(connection: sa.Connection, statement: sa.TextClause, **values: object) -> list[Found]:
    return [dict(row._mapping) for row in connection.execute(statement, values)]


_VERSIONS = sa.text("""
SELECT version, recorded_at, cycle_id, source_changed_at, claims, lead_source_id, procedure_code, agency_code,
       unit_code, channel, service_level, applicant_kind, status, submitted_at, received_at, due_at, due_source,
       finished_at, returned_at, supplements, steps, deleted
FROM dossier_version WHERE code = :code ORDER BY version DESC
""")

_CLAIMS = sa.text("""
SELECT c.batch_id, c.source_id, c.page_sha256, c.page_row, c.source_changed_at, c.deleted, c.corrections, c.recorded_at,
       b.as_of, b.kind, b.window_from, b.window_to, b.judged_by, c.page_sha256 = ANY(b.pages) AS has_page
FROM claim c JOIN batch b USING (batch_id)
WHERE c.code = :code ORDER BY b.cycle_id DESC, c.batch_id
""")

_ISSUES = sa.text("""
SELECT source_id, rule, field, severity, owner, batch_id, page_sha256, first_seen, last_seen, settled_at
FROM issue WHERE code = :code ORDER BY last_seen DESC, source_id, rule, field
""")

_PUBLICATIONS = sa.text("""
SELECT v.version, p.from_seq, p.from_at, p.to_seq,
       (SELECT n.published_at FROM publication n WHERE n.seq > p.to_seq ORDER BY n.seq LIMIT 1) AS to_at
FROM (SELECT version, recorded_at, lead(recorded_at) OVER (ORDER BY version) AS until
      FROM dossier_version WHERE code = :code) v
CROSS JOIN LATERAL (
    SELECT min(seq) AS from_seq, min(published_at) AS from_at, max(seq) AS to_seq FROM publication
    WHERE as_of >= v.recorded_at AND (v.until IS NULL OR as_of < v.until)) p
""")

_DELIVERIES = sa.text("""
SELECT version, service, state, attempts, portal_code, portal_message, queued_at, sent_at, settled_at, due_at
FROM delivery WHERE code = :code ORDER BY version DESC, service DESC
""")

_NOTE = sa.text("""
SELECT page_notes -> (array_position(pages, :page_sha256) - 1) AS note
FROM batch WHERE source_id = :source_id AND pages @> ARRAY[:page_sha256] ORDER BY as_of DESC LIMIT 1
""")

_PUBLICATION = sa.text("""
SELECT seq, as_of FROM publication WHERE seq = coalesce(:seq, (SELECT max(seq) FROM publication))
""")

_PUBLICATION_AT = sa.text("""
SELECT seq, as_of, published_at, removed_at FROM publication WHERE as_of <= :moment ORDER BY seq DESC LIMIT 1
""")

_VERSION_AT = sa.text("""
SELECT code, version, procedure_code, agency_code, channel, service_level, due_source, status, supplements,
       submitted_at, received_at, due_at, finished_at, returned_at, source_changed_at, deleted
FROM dossier_version WHERE code = :code AND recorded_at <= :moment ORDER BY version DESC LIMIT 1
""")

_IS_WITHHELD = sa.text("SELECT EXISTS (SELECT FROM core.withheld WHERE code = :code)")

_BEHIND = sa.text("""
SELECT v.code, v.channel, v.status, v.due_at, v.finished_at
FROM dossier_version v
WHERE v.agency_code = :agency_code AND v.recorded_at <= :as_of AND NOT v.deleted
  AND (v.procedure_code IS NULL OR v.procedure_code <> ALL (:hidden))
  AND NOT EXISTS (SELECT FROM core.withheld w WHERE w.code = v.code)
  AND NOT EXISTS (SELECT FROM dossier_version n
                  WHERE n.code = v.code AND n.version > v.version AND n.recorded_at <= :as_of)
ORDER BY v.code COLLATE "C"
""")
