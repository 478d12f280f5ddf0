-- What people were told: incidents that open and close, messages sent.

-- ── what went wrong in a stage ──────────────────────────────────────────────────────────────────
-- `core.stage_run` has the good ends; a stage is broken while its newest failure is younger than its newest good end.
CREATE TABLE core.stage_failure (
    stage_failure_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cycle_id    bigint,                               -- null: outside a cycle
    stage       text NOT NULL,
    failed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    error_class text NOT NULL                         -- as in errors.py, or the library's; its words stay in the log
);
CREATE INDEX ON core.stage_failure (stage, failed_at);
-- both halves are looked through every few minutes, and old good ends are removed
CREATE INDEX ON core.stage_run (stage, ended_at);
CREATE INDEX ON core.stage_run (ended_at);

-- A run of a DAG that had not ended at its deadline; written by Airflow's callback.
CREATE TABLE core.missed_deadline (
    dag_id   text NOT NULL,
    run_key  text NOT NULL,
    noted_at timestamptz NOT NULL,
    PRIMARY KEY (dag_id, run_key)
);

-- ── what is measured every few minutes ──────────────────────────────────────────────────────────
-- deliveries without a good end; the accepted and superseded ones are kept for ever, and not counted
CREATE INDEX delivery_measured ON core.delivery (service, state, queued_at)
WHERE state NOT IN ('accepted', 'superseded');

-- ── incidents ───────────────────────────────────────────────────────────────────────────────────
-- One trouble from its beginning to its end. Not open yet (`opened_at` null): seen, but not for long enough.
CREATE TABLE core.incident (
    incident_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL,                        -- of domain/incidents.py
    subject     text NOT NULL,                        -- a source, a platform, a stage, a DAG, or 'motcua'
    severity    text NOT NULL CHECK (severity IN ('notice', 'warning', 'critical')),
    facts       jsonb NOT NULL DEFAULT '{}',          -- codes, classes and counts, as last seen
    first_seen  timestamptz NOT NULL,
    last_seen   timestamptz NOT NULL,
    gone_since  timestamptz,                          -- not seen from here on; closed when that has lasted
    opened_at   timestamptz,
    closed_at   timestamptz
);
CREATE UNIQUE INDEX incident_alive ON core.incident (kind, subject) WHERE closed_at IS NULL;

-- What changed, in order: each way of telling knows how far it has told.
CREATE TABLE core.incident_event (
    event_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id bigint NOT NULL REFERENCES core.incident,
    change      text NOT NULL CHECK (change IN ('opened', 'worsened', 'closed')),
    at          timestamptz NOT NULL
);
CREATE INDEX ON core.incident_event (incident_id);

-- At most one message a run and channel. No text and no address: those are made when it is sent.
CREATE TABLE core.message (
    run_key    text NOT NULL,
    channel    text NOT NULL,
    day        date NOT NULL,                         -- Vietnam's
    is_digest  boolean NOT NULL,
    told_up_to bigint NOT NULL,                       -- event_id
    opened     integer NOT NULL,
    closed     integer NOT NULL,
    still_open integer NOT NULL,
    state      text NOT NULL DEFAULT 'sending' CHECK (state IN ('sending', 'sent', 'failed', 'unknown')),
    attempts   integer NOT NULL DEFAULT 1,
    reason     text,                                  -- class of what kept it
    sent_at    timestamptz NOT NULL,
    PRIMARY KEY (run_key, channel)
);
CREATE INDEX ON core.message (channel, told_up_to);

-- ── views ───────────────────────────────────────────────────────────────────────────────────────
CREATE VIEW api.stage_failure AS SELECT * FROM core.stage_failure;
CREATE VIEW api.missed_deadline AS SELECT * FROM core.missed_deadline;
CREATE VIEW api.incident AS
SELECT incident_id, kind, subject, severity, facts, first_seen, last_seen, opened_at, closed_at
FROM core.incident WHERE opened_at IS NOT NULL;
CREATE VIEW api.message AS SELECT * FROM core.message;

GRANT INSERT ON core.stage_failure TO motcua_pipeline, motcua_sender, motcua_publisher, motcua_notifier;
GRANT SELECT, INSERT, UPDATE ON core.incident, core.message TO motcua_notifier;
GRANT SELECT, INSERT ON core.incident_event TO motcua_notifier;
GRANT INSERT ON core.missed_deadline TO motcua_notifier;
-- a deadline that is noted twice is one
GRANT SELECT (dag_id, run_key) ON core.missed_deadline TO motcua_notifier;
GRANT SELECT ON api.stage_failure, api.missed_deadline, api.incident, api.message TO motcua_pipeline;
GRANT SELECT ON api.stage_failure, api.missed_deadline, api.incident, api.message TO motcua_watcher;
