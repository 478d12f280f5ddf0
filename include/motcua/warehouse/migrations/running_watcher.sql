-- Who looks and touches nothing: Airflow's page "Nguồn dữ liệu", messages, metrics. The stable views, nothing personal.

-- ── what is looked at all the time is counted when it changes ───────────────────────────────────
ALTER TABLE core.source_state
    ADD COLUMN dossiers    integer NOT NULL DEFAULT 0, -- living ones that it tells of
    ADD COLUMN quarantined integer NOT NULL DEFAULT 0; -- dossiers of which something is refused
UPDATE core.source_state s SET
    dossiers = (SELECT count(*) FROM core.source_dossier d WHERE d.source_id = s.source_id AND NOT d.deleted),
    quarantined = (SELECT count(*) FROM core.quarantine q
                   WHERE q.source_id = s.source_id AND q.settled_at IS NULL AND q.is_primary);
CREATE OR REPLACE VIEW api.source_state AS SELECT * FROM core.source_state;

-- What is open is little beside what was settled; a day's part is little beside all days.
CREATE INDEX quarantine_open ON core.quarantine (source_id, rule) WHERE settled_at IS NULL;
CREATE INDEX quarantine_begun ON core.quarantine (first_seen);
CREATE INDEX quarantine_settled ON core.quarantine (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX issue_open ON core.issue (source_id, rule) WHERE settled_at IS NULL;
CREATE INDEX delivery_failed ON core.delivery (state, queued_at) WHERE state IN ('rejected', 'given_up');

-- The sender's breaker, its doubts and its last drain.
CREATE VIEW api.sender AS
SELECT failures, closed_until, reason, refusals, tolerance, doubted_at, doubt, drained_at, drained FROM core.sender;
GRANT SELECT ON api.sender TO motcua_pipeline;

GRANT USAGE ON SCHEMA api TO motcua_watcher;
GRANT SELECT ON ALL TABLES IN SCHEMA api TO motcua_watcher;
