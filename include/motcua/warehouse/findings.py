"""The SQL of what is wrong with a batch: quarantine, issues, and what is settled. Parameters as in `statements`."""

from __future__ import annotations

import sqlalchemy as sa

STATUS_WENT_BACK = sa.text("""
INSERT INTO issue (source_id, code, rule, field, severity, owner, page_sha256, batch_id, first_seen, last_seen)
SELECT i.source_id, i.code, 'status_went_back', 'status', 'warning', 'office', i.page_sha256, i.batch_id, :as_of, :as_of
FROM incoming_dossier i JOIN changed c USING (code)
JOIN source_dossier s ON s.code = i.code AND s.source_id = i.source_id
WHERE i.source_id = :source_id AND NOT c.is_new AND NOT c.deleted
  AND s.status IN (9, 10) AND i.status < s.status
ON CONFLICT (code, source_id, rule, field)
DO UPDATE SET last_seen = EXCLUDED.last_seen, settled_at = NULL, page_sha256 = EXCLUDED.page_sha256,
              batch_id = EXCLUDED.batch_id
""")

OLDER_READING = sa.text("""
INSERT INTO issue (source_id, code, rule, field, severity, owner, page_sha256, batch_id, first_seen, last_seen)
SELECT i.source_id, i.code, 'older_than_held', 'source_changed_at', 'warning', 'office', i.page_sha256, i.batch_id,
       :as_of, :as_of
FROM incoming_dossier i JOIN source_dossier s ON s.code = i.code AND s.source_id = i.source_id
WHERE i.source_id = :source_id AND NOT :is_full
  AND s.content_sha256 <> i.content_sha256 AND i.source_changed_at < s.source_changed_at
ON CONFLICT (code, source_id, rule, field)
DO UPDATE SET last_seen = EXCLUDED.last_seen, settled_at = NULL, page_sha256 = EXCLUDED.page_sha256,
              batch_id = EXCLUDED.batch_id
""")

# What a source has mended is settled, and what a full listing no longer has (a mended code is another dossier); what
# it still does wrong is seen again, with its first day kept.
_SETTLE_QUARANTINE = sa.text("""
UPDATE quarantine q SET settled_at = :as_of
WHERE q.source_id = :source_id AND q.settled_at IS NULL
  AND (:is_full
       OR q.identity IN (SELECT code FROM incoming_dossier WHERE source_id = :source_id)
       OR q.identity IN (SELECT identity FROM incoming_quarantine WHERE source_id = :source_id))
  AND NOT EXISTS (SELECT FROM incoming_quarantine i WHERE i.source_id = q.source_id AND i.identity = q.identity
                  AND i.rule = q.rule AND i.field = q.field)
""")

# A replay judges anew what a source said before: when it was seen, and in which batch, stays as it is.
QUARANTINE = sa.text("""
INSERT INTO quarantine SELECT * FROM incoming_quarantine WHERE source_id = :source_id
ON CONFLICT (identity, source_id, rule, field) DO UPDATE SET
    severity = EXCLUDED.severity, owner = EXCLUDED.owner, agency_code = EXCLUDED.agency_code,
    channel = EXCLUDED.channel, status = EXCLUDED.status, page_sha256 = EXCLUDED.page_sha256,
    page_row = EXCLUDED.page_row,
    batch_id = CASE WHEN :is_replay AND quarantine.settled_at IS NULL THEN quarantine.batch_id
                    ELSE EXCLUDED.batch_id END,
    last_seen = CASE WHEN :is_replay AND quarantine.settled_at IS NULL THEN quarantine.last_seen
                     ELSE EXCLUDED.last_seen END,
    attempts = quarantine.attempts + 1, settled_at = NULL, is_primary = EXCLUDED.is_primary
""")

_SETTLE_ISSUES = sa.text("""
UPDATE issue o SET settled_at = :as_of
FROM changed c
WHERE o.source_id = :source_id AND o.code = c.code AND NOT c.is_new AND o.settled_at IS NULL
  AND o.rule NOT IN ('status_went_back', 'older_than_held', 'sources_disagree', 'foreign_claim',
                     'portal_would_refuse', 'portal_rejected', 'portal_differs')
  AND NOT EXISTS (SELECT FROM incoming_issue i WHERE i.source_id = o.source_id AND i.code = o.code
                  AND i.rule = o.rule AND i.field = o.field)
""")

_ISSUES = sa.text("""
INSERT INTO issue
SELECT i.* FROM incoming_issue i LEFT JOIN changed c USING (code)
WHERE i.source_id = :source_id AND (c.code IS NOT NULL OR i.code = '')
ON CONFLICT (code, source_id, rule, field) DO UPDATE SET
    severity = EXCLUDED.severity, owner = EXCLUDED.owner, page_sha256 = EXCLUDED.page_sha256,
    batch_id = EXCLUDED.batch_id, last_seen = EXCLUDED.last_seen, settled_at = NULL
""")

# Minutes are ordinary; a clock that is off by more is its office's to mend.
_CLOCK_SKEW = sa.text("""
INSERT INTO issue (source_id, code, rule, field, severity, owner, page_sha256, batch_id, first_seen, last_seen)
SELECT source_id, '', 'clock_skew', 'source_changed_at', 'warning', 'office', '', batch_id, :as_of, :as_of
FROM batch WHERE batch_id = :batch_id AND abs(clock_skew_seconds) > 300
ON CONFLICT (code, source_id, rule, field)
DO UPDATE SET last_seen = EXCLUDED.last_seen, settled_at = NULL, batch_id = EXCLUDED.batch_id
""")

_SETTLE_CLOCK_SKEW = sa.text("""
UPDATE issue o SET settled_at = :as_of
FROM batch b
WHERE b.batch_id = :batch_id AND abs(b.clock_skew_seconds) <= 300
  AND o.code = '' AND o.source_id = b.source_id AND o.rule = 'clock_skew' AND o.settled_at IS NULL
""")

# Whether one matches at all, only a full listing tells; a replay tells nothing of a source.
_SETTLE_CORRECTIONS = sa.text("""
UPDATE issue o SET settled_at = :as_of
WHERE o.source_id = :source_id AND o.code = '' AND o.settled_at IS NULL AND NOT :is_replay
  AND (o.rule = 'correction_expired' OR (:is_full AND o.rule IN ('correction_unused', 'correction_unneeded')))
  AND NOT EXISTS (SELECT FROM incoming_issue i WHERE i.source_id = o.source_id AND i.code = ''
                  AND i.rule = o.rule AND i.field = o.field)
""")

# of what has changed
ON_CHANGES = (_SETTLE_ISSUES,)
# of what was read, changed or not; what a source holds against its own older word was compared before it was written
ON_ROWS = (_SETTLE_QUARANTINE, QUARANTINE, _SETTLE_CORRECTIONS, _ISSUES, _CLOCK_SKEW, _SETTLE_CLOCK_SKEW)

# A replay reads whole pages; of these, only what is open in quarantine counts, as it is at this moment. What had no
# code may have one now, and is known by its place. Where accepted words are judged again, one that is held counts, too.
ONLY_JUDGED_AGAIN = (
    sa.text("""
DELETE FROM incoming_dossier i
WHERE i.source_id = :source_id
  AND NOT EXISTS (SELECT FROM quarantine q
                  WHERE q.source_id = i.source_id AND q.identity = i.code AND q.settled_at IS NULL)
  AND NOT EXISTS (SELECT FROM quarantine q
                  WHERE q.source_id = i.source_id AND q.identity LIKE '#%' AND q.settled_at IS NULL
                    AND q.page_sha256 = i.page_sha256 AND q.page_row = i.page_row)
"""),
    sa.text("""
DELETE FROM incoming_quarantine i
WHERE i.source_id = :source_id
  AND NOT EXISTS (SELECT FROM quarantine q
                  WHERE q.source_id = i.source_id AND q.identity = i.identity AND q.settled_at IS NULL)
  AND NOT EXISTS (SELECT FROM quarantine q
                  WHERE q.source_id = i.source_id AND q.identity LIKE '#%' AND q.settled_at IS NULL
                    AND q.page_sha256 = i.page_sha256 AND q.page_row = i.page_row)
  AND NOT (:judges_held AND EXISTS (
        SELECT FROM source_dossier s
        WHERE s.code = i.identity AND s.source_id = i.source_id AND NOT s.deleted
          AND s.page_sha256 = i.page_sha256 AND coalesce(s.page_row, i.page_row) = i.page_row))
"""),
    sa.text("DELETE FROM incoming_issue WHERE source_id = :source_id AND code = ''"),
)

# what had no code and has one now is another row of quarantine, or none
SETTLE_FOUND = sa.text("""
UPDATE quarantine q SET settled_at = :as_of
WHERE q.source_id = :source_id AND q.settled_at IS NULL AND q.identity LIKE '#%'
  AND (EXISTS (SELECT FROM incoming_dossier i
               WHERE i.source_id = q.source_id AND i.page_sha256 = q.page_sha256 AND i.page_row = q.page_row)
       OR EXISTS (SELECT FROM incoming_quarantine i
                  WHERE i.source_id = q.source_id AND i.page_sha256 = q.page_sha256 AND i.page_row = q.page_row
                    AND i.identity <> q.identity))
""")

# The warnings beside accepted words that were judged again; what has changed since has its own.
ON_HELD = (
    sa.text("""
UPDATE issue o SET settled_at = :as_of
FROM incoming_present p, batch told, batch again
WHERE p.source_id = :source_id AND o.source_id = p.source_id AND o.code = p.code AND o.settled_at IS NULL
  AND told.batch_id = o.batch_id AND again.batch_id = :batch_id AND told.ended_at < again.started_at
  AND o.rule NOT IN ('status_went_back', 'older_than_held', 'sources_disagree', 'foreign_claim',
                     'portal_would_refuse', 'portal_rejected', 'portal_differs')
  AND NOT EXISTS (SELECT FROM incoming_issue i WHERE i.source_id = o.source_id AND i.code = o.code
                  AND i.rule = o.rule AND i.field = o.field)
"""),
    sa.text("""
INSERT INTO issue
SELECT i.* FROM incoming_issue i
JOIN incoming_present p ON p.source_id = i.source_id AND p.code = i.code
JOIN source_dossier s ON s.code = i.code AND s.source_id = i.source_id AND s.page_sha256 = i.page_sha256
WHERE i.source_id = :source_id
ON CONFLICT (code, source_id, rule, field) DO UPDATE SET
    severity = EXCLUDED.severity, owner = EXCLUDED.owner, page_sha256 = EXCLUDED.page_sha256,
    batch_id = EXCLUDED.batch_id, last_seen = EXCLUDED.last_seen, settled_at = NULL
WHERE issue.settled_at IS NOT NULL
"""),
)
