-- One trail of what people did: a view over the ledgers in which it stands. Nothing is written a second time.

-- ── what the ledgers did not say yet ────────────────────────────────────────────────────────────
-- `via`: where it was done, as the session says it (motcua.settings: cli, airflow); null: before this was kept
ALTER TABLE core.cycle
    ADD COLUMN via           text,
    ADD COLUMN asked_sources text[],                  -- sources that somebody named; empty: all
    ADD COLUMN asked_rules   text[];                  -- of a replay: rules that somebody named; empty: all
ALTER TABLE core.hold ADD COLUMN decided_via text;
ALTER TABLE core.delivery_decision ADD COLUMN via text;
ALTER TABLE core.erasure ADD COLUMN via text;
ALTER TABLE core.withheld ADD COLUMN via text;
ALTER TABLE core.publication ADD COLUMN via text;
ALTER TABLE core.notice ADD COLUMN resumed_via text;
ALTER TABLE core.report_revocation
    ADD COLUMN via        text,
    ADD COLUMN decided_at timestamptz;                -- by the clock; revoked_at is the moment that its reports are of
ALTER TABLE core.pruning
    ADD COLUMN requested_by text,                     -- who; null: the clock
    ADD COLUMN reason       text,
    ADD COLUMN via          text;

ALTER TABLE core.cycle ALTER COLUMN via SET DEFAULT current_setting('application_name');
ALTER TABLE core.delivery_decision ALTER COLUMN via SET DEFAULT current_setting('application_name');
ALTER TABLE core.erasure ALTER COLUMN via SET DEFAULT current_setting('application_name');
ALTER TABLE core.withheld ALTER COLUMN via SET DEFAULT current_setting('application_name');
ALTER TABLE core.publication ALTER COLUMN via SET DEFAULT current_setting('application_name');
ALTER TABLE core.report_revocation
    ALTER COLUMN via SET DEFAULT current_setting('application_name'),
    ALTER COLUMN decided_at SET DEFAULT clock_timestamp();
ALTER TABLE core.pruning ALTER COLUMN via SET DEFAULT current_setting('application_name');

-- Keys of the archive and of the feed that a person put in force in place of others. The keys stay in their files.
CREATE TABLE core.key_change (
    key_change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN ('archive', 'feed')),
    key_id        text NOT NULL,                      -- public: a digest of the key, or the thumbprint of its public half
    reason        text NOT NULL,
    changed_by    text NOT NULL,
    via           text DEFAULT current_setting('application_name'),
    changed_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT, INSERT ON core.key_change TO motcua_pipeline;

CREATE OR REPLACE VIEW api.cycle AS SELECT * FROM core.cycle;
CREATE OR REPLACE VIEW api.hold AS SELECT * FROM core.hold;
CREATE OR REPLACE VIEW api.pruning AS SELECT * FROM core.pruning;

-- ── the trail ───────────────────────────────────────────────────────────────────────────────────
-- One row is one thing that one person did, once. `details.sources` names the sources that it is about.
-- What programs do by themselves is not in it: cycles by the clock, replays of rules that changed, repairs.
CREATE VIEW api.audit AS
SELECT c.started_at AS at, c.requested_by AS who, c.via,
       CASE WHEN c.run_key LIKE 'replay %' THEN 'replay_quarantine' ELSE 'sync' END AS action,
       array_to_string(s.names[1:3], ', ') || CASE WHEN cardinality(s.names) > 3 THEN ', …' ELSE '' END AS subject,
       c.reason,
       jsonb_strip_nulls(jsonb_build_object(
           'cycle_id', c.cycle_id, 'sources', to_jsonb(s.names), 'rules', to_jsonb(c.asked_rules), 'full', c.is_full,
           'since', c.since, 'as_of', c.as_of)) AS details
FROM core.cycle c
CROSS JOIN LATERAL (
    SELECT CASE WHEN cardinality(c.asked_sources) > 0 THEN c.asked_sources
                ELSE ARRAY(SELECT b.source_id FROM core.batch b WHERE b.cycle_id = c.cycle_id ORDER BY b.source_id)
           END AS names) s
WHERE c.requested_by <> 'motcua'                      -- a replay because rules changed: nobody asked
UNION ALL
SELECT h.decided_at, h.decided_by, h.decided_via,
       CASE h.state WHEN 'accepted' THEN 'accept_hold' ELSE 'reject_hold' END, h.source_id, h.decision_reason,
       jsonb_build_object('hold_id', h.hold_id, 'sources', jsonb_build_array(h.source_id), 'batch_id', h.batch_id,
                          'change', h.change, 'before', h.before_count, 'after', h.after_count)
FROM core.hold h WHERE h.decided_by IS NOT NULL
UNION ALL
-- one word about several keys has one moment
SELECT c.at, c.who, c.via,
       CASE WHEN array_agg(c.key) <> '{paused}' THEN 'change_schedule'
            WHEN bool_or(c.value = 'true') THEN 'pause' ELSE 'resume' END,
       CASE c.scope WHEN 'all' THEN 'all sources' ELSE c.subject END, c.reason,
       jsonb_build_object('scope', c.scope, 'values', jsonb_object_agg(c.key, c.value))
FROM core.schedule_change c GROUP BY c.at, c.who, c.via, c.scope, c.subject, c.reason
UNION ALL
-- one word about many dossiers has one moment
SELECT d.decided_at, d.decided_by, d.via, d.action || '_delivery',
       CASE count(*) WHEN 1 THEN min(d.code) ELSE count(*)::text || ' dossiers' END, d.reason,
       jsonb_build_object('dossiers', count(*), 'codes', to_jsonb((array_agg(d.code ORDER BY d.code))[1:100]))
FROM core.delivery_decision d WHERE d.decided_by <> 'reconcile'
GROUP BY d.decided_at, d.decided_by, d.via, d.action, d.reason
UNION ALL
SELECT e.started_at, e.requested_by, e.via, 'erase', e.code, e.reason,
       jsonb_build_object('sources', to_jsonb(e.sources), 'pages', cardinality(e.pages), 'records', e.records,
                          'done', e.ended_at IS NOT NULL)
FROM core.erasure e
UNION ALL
SELECT w.since, w.requested_by, w.via, 'take_down',
       CASE count(*) WHEN 1 THEN min(w.code) ELSE count(*)::text || ' dossiers' END, w.reason,
       jsonb_build_object('dossiers', count(*), 'codes', to_jsonb((array_agg(w.code ORDER BY w.code))[1:100]),
           'removed', (SELECT coalesce(jsonb_agg(p.seq ORDER BY p.seq), '[]') FROM core.publication p
                       WHERE (p.removed_by, p.removed_because) = (w.requested_by, w.reason)))
FROM core.withheld w GROUP BY w.since, w.requested_by, w.via, w.reason
UNION ALL
SELECT p.published_at, p.accepted_by, p.via, 'accept_figures', 'version ' || p.seq, p.accepted_because,
       jsonb_build_object('seq', p.seq, 'rows', p.rows, 'changed', p.changed, 'as_of', p.as_of)
FROM core.publication p
WHERE p.accepted_by IS NOT NULL AND NOT EXISTS (       -- a version that a take-down made is part of the take-down
    SELECT FROM core.withheld w WHERE (w.requested_by, w.reason) = (p.accepted_by, p.accepted_because))
UNION ALL
SELECT n.resumed_at, n.resumed_by, n.resumed_via, 'resume_subscriber', n.subscriber, n.resume_reason,
       jsonb_build_object('seq', n.seq)
FROM core.notice n WHERE n.resumed_by IS NOT NULL
UNION ALL
SELECT coalesce(r.decided_at, r.revoked_at), r.revoked_by, r.via, 'revoke_report', r.agency_code, r.reason,
       jsonb_build_object('generation', r.generation)
FROM core.report_revocation r
UNION ALL
SELECT p.ended_at, p.requested_by, p.via, 'prune', 'archive', p.reason,
       jsonb_build_object('kept_since', p.kept_since, 'expired', p.expired, 'orphans', p.orphans, 'kept', p.kept)
FROM core.pruning p WHERE p.requested_by IS NOT NULL
UNION ALL
SELECT k.changed_at, k.changed_by, k.via, 'rotate_key', k.kind, k.reason, jsonb_build_object('key_id', k.key_id)
FROM core.key_change k
UNION ALL
SELECT c.decided_at, c.decided_by, c.via,
       CASE c.decision WHEN 'confirmed' THEN 'confirm_codes' ELSE 'reject_codes' END,
       c.old_code || ' → ' || c.new_code, c.reason,
       jsonb_build_object('old_code', c.old_code, 'new_code', c.new_code)
FROM core.crosswalk c
UNION ALL
SELECT r.ended_at, r.requested_by, NULL, 'accept_catalogue', 'catalogues', r.accept_loss,
       jsonb_build_object('refresh_id', r.refresh_id)
FROM core.catalogue_refresh r WHERE r.accept_loss IS NOT NULL;

GRANT SELECT ON api.audit TO motcua_pipeline, motcua_watcher;
