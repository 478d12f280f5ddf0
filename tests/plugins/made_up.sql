-- What `made_up.py` fills a warehouse with: statements of one transaction, with its parameters.
CREATE TEMP TABLE one ON COMMIT DROP AS
SELECT source_id, n FROM unnest(CAST(:sources AS text[])) WITH ORDINALITY AS s(source_id, n);
INSERT INTO core.cycle (run_key, as_of, is_full, sources, started_at, ended_at, reason, requested_by)
SELECT 'scheduled__' || i, CAST(:as_of AS timestamptz) - (40 - i) * interval '15 minutes', i % 30 = 0,
       cardinality(CAST(:sources AS text[])), CAST(:as_of AS timestamptz) - (40 - i) * interval '15 minutes',
       CAST(:as_of AS timestamptz) - (40 - i) * interval '15 minutes' + interval '41 seconds',
       CASE WHEN i = 38 THEN :hostile END, CASE WHEN i = 38 THEN 'lan.nguyen' END
FROM generate_series(1, 40) AS i;
INSERT INTO core.batch (batch_id, cycle_id, source_id, as_of, kind, state, window_to, announced, fetched, accepted,
                        quarantined, unchanged, deleted, changed, started_at, ended_at, error_kind, error)
SELECT c.cycle_id || '.' || o.source_id, c.cycle_id, o.source_id, c.as_of, CASE WHEN c.is_full THEN 'full' ELSE 'window'
       END, CASE WHEN o.source_id = :down THEN 'failed' WHEN o.source_id = :held AND c.cycle_id > 37 THEN 'held'
                 ELSE 'merged' END,
       c.as_of, 7, 7, 6, 1, 4, 0, 2, c.started_at, c.started_at + interval '3 seconds',
       CASE WHEN o.source_id = :down THEN 'TIMEOUT' END,
       CASE WHEN o.source_id = :down THEN 'no answer within 30 s ' || :hostile END
FROM core.cycle c, one o WHERE o.source_id <> :never;
INSERT INTO core.source_state (source_id, state, reason, watermark, attempted_as_of, succeeded_as_of, failures, fence)
SELECT source_id, CASE source_id WHEN :down THEN 'down' WHEN :held THEN 'held' ELSE 'ok' END,
       CASE source_id WHEN :down THEN 'TIMEOUT: no answer within 30 s ' || :hostile WHEN :held THEN 'HELD' END,
       CAST(:as_of AS timestamptz) - interval '2 hours', :as_of,
       CAST(:as_of AS timestamptz) - CASE source_id WHEN :late THEN interval '5 days' WHEN :down THEN interval '30 hours'
       ELSE interval '15 minutes' END, CASE source_id WHEN :down THEN 9 ELSE 0 END, 40
FROM one WHERE source_id <> :never;
INSERT INTO core.source_dossier (source_id, code, agency_code, supplements, steps, deleted, source_changed_at,
                                 content_sha256, batch_id, page_sha256, recorded_at, status)
SELECT source_id, '000.00.33.H24-' || lpad(n::text, 6, '0') || '-' || lpad(i::text, 6, '0'), 'H24.33.05', 0, 3, i % 50 = 0,
       CAST(:as_of AS timestamptz) - i * interval '30 minutes', '\xab', '40.' || source_id, repeat('ab', 32), :as_of, 4
FROM one, generate_series(1, CAST(:each AS int)) AS i WHERE source_id <> :never;
INSERT INTO core.dossier (code, lead_source_id, agency_code, supplements, steps, deleted, source_changed_at,
                          content_sha256, version, recorded_at, status)
SELECT code, source_id, agency_code, supplements, steps, deleted, source_changed_at, content_sha256, 1, recorded_at, status
FROM core.source_dossier;
INSERT INTO core.source_day (source_id, day, changed, gone)
SELECT source_id, day, 2 + (n * 7 + extract(doy FROM day)::int * 13) % 17, (extract(doy FROM day)::int % 9 = 0)::int
FROM one, generate_series(CAST(:as_of AS date) - 260, CAST(:as_of AS date), interval '1 day') AS day
WHERE extract(isodow FROM day) < 6 AND source_id <> :never;
INSERT INTO core.quarantine (source_id, identity, rule, field, severity, owner, page_sha256, page_row, batch_id,
                             first_seen, last_seen, attempts, settled_at, is_primary)
SELECT source_id, CASE WHEN i % 40 = 0 THEN '#' || md5(code) ELSE code END, rule, field, 'critical', owner,
       repeat('cd', 32), 1, '40.' || source_id, CAST(:as_of AS timestamptz) - i / 7 % 45 * interval '1 day', :as_of, 1 + i % 5,
       CASE WHEN i / 30 % 3 = 0 THEN CAST(:as_of AS timestamptz) - i / 11 % 20 * interval '1 day' END, true
FROM (SELECT source_id, code, row_number() OVER (ORDER BY code) AS i FROM core.source_dossier) d,
     LATERAL (SELECT * FROM (VALUES ('due_before_received', 'due_at', 'office'), ('impossible_date', 'received_at', 'office'),
              ('missing_required', 'procedure_code', 'office'), ('unknown_status', 'status', 'motcua'),
              ('unknown_unit', :hostile, 'motcua')) AS r(rule, field, owner) OFFSET d.i / 30 % 5 LIMIT 1) r
WHERE d.i % 30 < 2;
UPDATE core.source_state s SET
    dossiers = (SELECT count(*) FROM core.source_dossier d WHERE d.source_id = s.source_id AND NOT d.deleted),
    quarantined = (SELECT count(*) FROM core.quarantine q
                   WHERE q.source_id = s.source_id AND q.settled_at IS NULL AND q.is_primary);
INSERT INTO core.issue (source_id, code, rule, field, severity, owner, page_sha256, batch_id, first_seen, last_seen)
SELECT source_id, code, 'due_missing', 'due_at', 'warning', 'office', repeat('cd', 32), batch_id,
       CAST(:as_of AS timestamptz) - interval '3 days', :as_of
FROM core.source_dossier WHERE right(code, 1) = '7';
INSERT INTO core.issue (source_id, code, rule, field, severity, owner, page_sha256, batch_id, first_seen, last_seen)
SELECT source_id, '', 'unknown_field', :hostile, 'warning', 'motcua', '', '40.' || source_id, :as_of, :as_of
FROM one WHERE n % 20 = 0;
INSERT INTO core.hold (source_id, batch_id, change, reason, before_count, after_count, codes_gone, codes_changed,
                       listing_sha256, state, raised_at, decided_at, decided_by, decision_reason)
VALUES (:held, '40.' || :held, 'drop', '90 trong 100 hồ sơ sẽ mất ' || :hostile, 100, 10, ARRAY['000.00.33.H24-1-1'],
        ARRAY[]::text[], 'x', 'open', CAST(:as_of AS timestamptz) - interval '45 minutes', NULL, NULL, NULL),
       (:held, '30.' || :held, 'rise', '400 hồ sơ sẽ mới hoặc thay đổi', 100, 500, ARRAY[]::text[], ARRAY['a'],
        'y', 'rejected', CAST(:as_of AS timestamptz) - interval '9 days', CAST(:as_of AS timestamptz) - interval '8 days',
        'lan.nguyen', 'gọi điện: nhập nhầm ' || :hostile);
INSERT INTO core.delivery (code, version, service, state, attempts, due_at, portal_code, portal_message, queued_at, sent_at,
                           settled_at)
SELECT code, 1, service, state, 1, CASE WHEN state = 'queued' THEN CAST(:as_of AS timestamptz) + interval '5 minutes' END,
       CASE WHEN state = 'rejected' THEN '-1' END,
       CASE state WHEN 'rejected' THEN 'MaTTHC không hợp lệ ' || :hostile WHEN 'given_up' THEN 'no answer, nine times' END,
       CAST(:as_of AS timestamptz) - i % 90 * interval '1 minute', NULL,
       CASE WHEN state IN ('accepted', 'rejected', 'given_up') THEN CAST(:as_of AS timestamptz) END
FROM (SELECT code, row_number() OVER (ORDER BY code) AS i FROM core.dossier) d,
     (VALUES ('DongBoHoSoMC'), ('CapNhatTienDoHoSoMC')) AS s(service),
     LATERAL (SELECT CASE WHEN i % 1000 = 0 THEN 'rejected' WHEN i % 1500 = 1 THEN 'given_up' WHEN i % 2500 = 2 THEN
              'unknown' WHEN i % 300 = 3 THEN 'queued' ELSE 'accepted' END AS state) st;
UPDATE core.sender SET drained_at = CAST(:as_of AS timestamptz) - interval '7 minutes', failures = 2,
       drained = '{"accepted": 812, "steps": 900, "rejected": 3, "unknown": 1, "queued": 40, "stopped": null}';
INSERT INTO core.reconciliation (as_of, started_at, ended_at, is_complete, looked_up, equal, missing, differing, repaired)
VALUES (:as_of, CAST(:as_of AS timestamptz) - interval '9 hours', CAST(:as_of AS timestamptz) - interval '8 hours', true,
        4120, 4115, 2, 3, 5);
INSERT INTO core.publication (seq, as_of, published_at, rows, changed, manifest_sha256, is_snapshot, accepted_because,
                              accepted_by, removed_at, removed_because, removed_by)
SELECT i, CAST(:as_of AS timestamptz) - (60 - i) * interval '15 minutes',
       CAST(:as_of AS timestamptz) - (60 - i) * interval '15 minutes' + interval '1 minute', 92000 + i, 40, repeat('ef', 32),
       i % 20 = 1, CASE WHEN i = 44 THEN 'đã gọi quận ' || :hostile END, CASE WHEN i = 44 THEN 'lan.nguyen' END,
       CASE WHEN i = 3 THEN CAST(:as_of AS timestamptz) END, CASE WHEN i = 3 THEN 'retention' END,
       CASE WHEN i = 3 THEN 'motcua' END
FROM generate_series(1, 60) AS i;
INSERT INTO core.feed_key (kid, x, first_listed, first_used) VALUES ('k-2018-1', 'abc', :as_of, :as_of);
INSERT INTO core.schedule_change (at, scope, subject, key, value, who, reason, via)
SELECT CAST(:as_of AS timestamptz) - interval '3 days', 'source', :paused, key, value::jsonb, 'lan.nguyen',
       'quận chuyển máy chủ ' || :hostile, 'cli'
FROM (VALUES ('paused', 'true'), ('schedule', '"PT1H"')) AS said(key, value)
