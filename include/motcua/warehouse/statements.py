"""The SQL of the merge, in the order in which `merge` runs it. Parameters: `batch_id, cycle_id, source_id, as_of,
is_full, newest_change, window_to, is_dated_by_file, absent_since`."""

from __future__ import annotations

import sqlalchemy as sa

# One merge a source at a time; whoever comes second sees what the first did. The locks of a warehouse that is being
# rebuilt are its own: nobody waits for it.
LOCK_SOURCE = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' source ' || :source_id, 0))")

STANDING = sa.text("""
SELECT b.state, s.fence,
       EXISTS (SELECT FROM hold h WHERE h.batch_id = b.batch_id AND h.state = 'accepted') AS is_accepted,
       (SELECT max(n.cycle_id) FROM batch n WHERE n.source_id = b.source_id AND n.state = 'held') AS held
FROM batch b LEFT JOIN source_state s USING (source_id)
WHERE b.batch_id = :batch_id
""")

# New to this source, or told anew: by a later reading that is not older than what is held (contract: "which reading
# wins"). A full listing's word is final. Rows of equal content and change time are left alone; a later change time
# alone makes no version, but a reading between the two must lose to it. Where the change time is that of the file
# that brought the content, the first file counts, and equal content is the same row.
FIND_CHANGES = sa.text("""
INSERT INTO changed (code, is_new, deleted)
SELECT i.code, s.code IS NULL, i.deleted
FROM incoming_dossier i LEFT JOIN source_dossier s ON s.code = i.code AND s.source_id = i.source_id
WHERE i.source_id = :source_id
  AND (s.code IS NULL
       OR ((s.content_sha256 <> i.content_sha256
            OR (s.source_changed_at <> i.source_changed_at AND NOT :is_dated_by_file))
           AND (:is_full OR i.source_changed_at >= s.source_changed_at)))
""")

# What a complete full listing no longer has is deleted: of what it would have shown, which is what had changed before
# its end, and for a register what is of its year. What stands in quarantine is there, in whatever state.
FIND_ABSENT = sa.text("""
INSERT INTO changed (code, is_new, deleted, absent)
SELECT s.code, false, true, true
FROM source_dossier s
WHERE s.source_id = :source_id AND NOT s.deleted AND s.source_changed_at < :window_to
  AND (CAST(:absent_since AS timestamptz) IS NULL OR s.received_at >= :absent_since
       OR s.finished_at IS NULL OR s.finished_at >= :absent_since)
  AND NOT EXISTS (SELECT FROM incoming_present p WHERE p.source_id = s.source_id AND p.code = s.code)
ON CONFLICT (code) DO NOTHING
""")

# By the day of the change, Vietnam's; a change time that moved alone is no change.
COUNT_DAYS = sa.text("""
INSERT INTO source_day AS d (source_id, day, changed, gone)
SELECT :source_id, (coalesce(i.source_changed_at, :as_of) AT TIME ZONE 'Asia/Ho_Chi_Minh')::date, count(*),
       count(*) FILTER (WHERE c.deleted)
FROM changed c
LEFT JOIN incoming_dossier i ON i.code = c.code AND i.source_id = :source_id AND NOT c.absent
LEFT JOIN source_dossier s ON s.code = c.code AND s.source_id = :source_id
WHERE c.absent OR s.content_sha256 IS DISTINCT FROM i.content_sha256
GROUP BY 2
ON CONFLICT (source_id, day) DO UPDATE SET changed = d.changed + EXCLUDED.changed, gone = d.gone + EXCLUDED.gone
""")

# Two sources may bring the same code at once: the second waits here, then sees what the first wrote. Codes of one
# agency share a lock, taken in order, so that a bulk load needs hundreds of locks and not a hundred thousand.
LOCK_CODES = sa.text("""
SELECT count(pg_advisory_xact_lock(key))
FROM (SELECT DISTINCT hashtextextended(current_schema() || ' code ' || split_part(code, '-', 1), 0) AS key
      FROM changed ORDER BY key) k
""")

_KEEP_TOMBSTONE_FACTS = sa.text("""
UPDATE source_dossier s
SET deleted = true, source_changed_at = i.source_changed_at, content_sha256 = i.content_sha256,
    batch_id = i.batch_id, page_sha256 = i.page_sha256, page_row = i.page_row, corrections = i.corrections,
    recorded_at = i.recorded_at
FROM incoming_dossier i JOIN changed c USING (code)
WHERE i.source_id = :source_id AND c.deleted AND NOT c.is_new
  AND s.code = i.code AND s.source_id = i.source_id
""")

# The change time stays that of its last known change: a listing that has it again, as it was, brings it back.
_MARK_ABSENT = sa.text("""
UPDATE source_dossier s
SET deleted = true, content_sha256 = sha256(s.content_sha256), batch_id = :batch_id, recorded_at = :as_of
FROM changed c
WHERE c.absent AND s.code = c.code AND s.source_id = :source_id
""")

_UPSERT_SOURCE_ROWS = sa.text("""
INSERT INTO source_dossier
SELECT i.* FROM incoming_dossier i JOIN changed c USING (code)
WHERE i.source_id = :source_id AND (c.is_new OR NOT c.deleted)
ON CONFLICT (code, source_id) DO UPDATE SET
    (procedure_code, field_code, agency_code, handling_agency_code, unit_code, channel, service_level, applicant_kind,
     applicant_kind_given, status, result_delivery, paid_online, digitised, submitted_at, received_at, due_at,
     due_source, finished_at, returned_at, refused_at, supplements, steps, deleted, source_changed_at, content_sha256,
     batch_id, page_sha256, recorded_at, page_row, corrections)
  = (EXCLUDED.procedure_code, EXCLUDED.field_code, EXCLUDED.agency_code, EXCLUDED.handling_agency_code,
     EXCLUDED.unit_code, EXCLUDED.channel, EXCLUDED.service_level, EXCLUDED.applicant_kind,
     EXCLUDED.applicant_kind_given, EXCLUDED.status, EXCLUDED.result_delivery, EXCLUDED.paid_online, EXCLUDED.digitised,
     EXCLUDED.submitted_at, EXCLUDED.received_at, EXCLUDED.due_at, EXCLUDED.due_source, EXCLUDED.finished_at,
     EXCLUDED.returned_at, EXCLUDED.refused_at, EXCLUDED.supplements, EXCLUDED.steps, EXCLUDED.deleted,
     EXCLUDED.source_changed_at, EXCLUDED.content_sha256, EXCLUDED.batch_id, EXCLUDED.page_sha256,
     EXCLUDED.recorded_at, EXCLUDED.page_row, EXCLUDED.corrections)
""")

# what is held now is overwritten one day; this is not
_CLAIMS = sa.text("""
INSERT INTO claim
SELECT s.code, s.batch_id, s.source_id, s.page_sha256, s.page_row, s.source_changed_at, s.content_sha256, s.deleted,
       s.corrections, s.recorded_at
FROM source_dossier s JOIN changed c USING (code)
WHERE s.source_id = :source_id
""")


def _replace(delete: str, insert: str) -> tuple[sa.TextClause, sa.TextClause]:
    return sa.text(delete), sa.text(insert)


# A listed dossier comes whole: what hangs on it is replaced, never merged. A tombstone leaves it as it was.
_DETAILS = (
    *_replace(
        "DELETE FROM applicant t USING changed c"
        " WHERE t.code = c.code AND t.source_id = :source_id AND NOT c.is_new AND NOT c.deleted",
        "INSERT INTO applicant SELECT i.* FROM incoming_applicant i JOIN changed c USING (code)"
        " WHERE i.source_id = :source_id AND (c.is_new OR NOT c.deleted)",
    ),
    *_replace(
        "DELETE FROM step t USING changed c"
        " WHERE t.code = c.code AND t.source_id = :source_id AND NOT c.is_new AND NOT c.deleted",
        "INSERT INTO step SELECT i.* FROM incoming_step i JOIN changed c USING (code)"
        " WHERE i.source_id = :source_id AND (c.is_new OR NOT c.deleted)",
    ),
    *_replace(
        "DELETE FROM supplement t USING changed c"
        " WHERE t.code = c.code AND t.source_id = :source_id AND NOT c.is_new AND NOT c.deleted",
        "INSERT INTO supplement SELECT i.* FROM incoming_supplement i JOIN changed c USING (code)"
        " WHERE i.source_id = :source_id AND (c.is_new OR NOT c.deleted)",
    ),
)

ANY_CHANGE = sa.text("SELECT EXISTS (SELECT FROM changed)")

SOURCE_ROWS = (_KEEP_TOMBSTONE_FACTS, _MARK_ABSENT, _UPSERT_SOURCE_ROWS, _CLAIMS, *_DETAILS)

# By the source's own clock: where nothing was listed there is nothing to go by, and the watermark stays.
WATERMARK = sa.text("""
INSERT INTO source_state AS s
       (source_id, state, watermark, attempted_as_of, succeeded_as_of, full_listing_as_of, failures, fence,
        clock_skew_seconds)
VALUES (:source_id, 'ok',
        CASE WHEN CAST(:newest_change AS timestamptz) IS NOT NULL THEN LEAST(:newest_change, :as_of) END,
        :as_of, :as_of,
        CASE WHEN :is_full THEN CAST(:as_of AS timestamptz) END, 0, :cycle_id,
        (SELECT clock_skew_seconds FROM batch WHERE batch_id = :batch_id))
ON CONFLICT (source_id) DO UPDATE SET
    state = 'ok', reason = NULL, watermark = GREATEST(s.watermark, EXCLUDED.watermark),
    attempted_as_of = EXCLUDED.attempted_as_of, succeeded_as_of = EXCLUDED.succeeded_as_of,
    full_listing_as_of = COALESCE(EXCLUDED.full_listing_as_of, s.full_listing_as_of), failures = 0,
    fence = EXCLUDED.fence, clock_skew_seconds = COALESCE(EXCLUDED.clock_skew_seconds, s.clock_skew_seconds)
""")

# What people and programs look at all the time is counted here, once a change, and not each time that they look.
COUNT_DOSSIERS = sa.text("""
UPDATE source_state
SET dossiers = (SELECT count(*) FROM source_dossier WHERE source_id = :source_id AND NOT deleted)
WHERE source_id = :source_id
""")
COUNT_QUARANTINED = sa.text("""
UPDATE source_state
SET quarantined = (SELECT count(*) FROM quarantine WHERE source_id = :source_id AND settled_at IS NULL AND is_primary)
WHERE source_id = :source_id
""")
CLOSE_BATCH = sa.text("""
UPDATE batch b SET
    state = 'merged', ended_at = clock_timestamp(), changed = :changed, error_kind = NULL, error = NULL,
    accepted = (SELECT count(*) FROM incoming_dossier WHERE source_id = :source_id),
    quarantined = (SELECT count(DISTINCT identity) FROM incoming_quarantine WHERE source_id = :source_id),
    unchanged = (SELECT count(*) FROM incoming_dossier WHERE source_id = :source_id)
                - (SELECT count(*) FROM changed WHERE NOT absent),
    deleted = (SELECT count(*) FROM changed WHERE deleted)
WHERE batch_id = :batch_id
RETURNING accepted, quarantined, unchanged, deleted, changed
""")
