-- The warehouse at its first version. Three schemas: `core` (facts and ledgers, codes only), `private`
-- (applicants and free text; the publisher cannot read it), `api` (stable views that others rely on).

CREATE SCHEMA core;
CREATE SCHEMA private;
CREATE SCHEMA api;

-- ── what ran ────────────────────────────────────────────────────────────────────────────────────
-- A cycle reads, judges and merges some sources as of one moment. Its number is the fencing token:
-- a batch of an older cycle never overwrites what a newer one merged.
CREATE TABLE core.cycle (
    cycle_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_key     text NOT NULL UNIQUE,
    as_of       timestamptz NOT NULL,
    is_full     boolean NOT NULL,
    sources     integer NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at    timestamptz
);

CREATE TABLE core.stage_run (
    stage_run_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cycle_id       bigint REFERENCES core.cycle,      -- null: delivery outside a cycle
    stage          text NOT NULL,
    started_at     timestamptz NOT NULL,
    ended_at       timestamptz NOT NULL,
    rows           bigint NOT NULL,
    peak_memory_mb integer NOT NULL
);
CREATE INDEX ON core.stage_run (cycle_id);

CREATE TABLE core.source_state (
    source_id        text PRIMARY KEY,
    state            text NOT NULL CHECK (state IN ('ok', 'down', 'held')),
    reason           text,
    watermark        timestamptz,
    attempted_as_of  timestamptz NOT NULL,
    succeeded_as_of  timestamptz,
    full_listing_as_of timestamptz,
    failures         integer NOT NULL DEFAULT 0,
    fence            bigint NOT NULL DEFAULT 0        -- the newest cycle merged
);

CREATE TABLE core.batch (
    batch_id     text PRIMARY KEY,                    -- <cycle>.<source>
    cycle_id     bigint NOT NULL REFERENCES core.cycle,
    source_id    text NOT NULL,
    as_of        timestamptz NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('window', 'full', 'replay')),
    state        text NOT NULL CHECK (state IN ('collected', 'judged', 'merged', 'held', 'failed')),
    window_from  timestamptz,
    window_to    timestamptz NOT NULL,
    pages        text[] NOT NULL DEFAULT '{}',        -- sha256 of each page, in reading order
    announced    integer,
    fetched      integer,
    newest_change timestamptz,                        -- greatest change time read; becomes the watermark
    accepted     integer,
    quarantined  integer,
    unchanged    integer,
    deleted      integer,
    changed      integer,                             -- new versions of dossiers
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at     timestamptz,
    error_kind   text,
    error        text
);
CREATE INDEX ON core.batch (cycle_id);
CREATE INDEX ON core.batch (source_id, as_of);

-- ── what a source says ──────────────────────────────────────────────────────────────────────────
CREATE TABLE core.source_dossier (
    source_id         text NOT NULL,
    code              text NOT NULL,
    procedure_code    text,
    field_code        text,
    agency_code       text NOT NULL,
    handling_agency_code text,
    unit_code         text,
    channel           smallint,
    service_level     smallint,
    applicant_kind    smallint,
    applicant_kind_given text,
    status            smallint,
    result_delivery   smallint,
    paid_online       boolean,
    digitised         boolean,
    submitted_at      timestamptz,
    received_at       timestamptz,
    due_at            timestamptz,
    due_source        text CHECK (due_source IN ('source', 'computed')),
    finished_at       timestamptz,
    returned_at       timestamptz,
    refused_at        timestamptz,
    supplements       smallint NOT NULL,
    steps             smallint NOT NULL,
    deleted           boolean NOT NULL,
    source_changed_at timestamptz NOT NULL,
    content_sha256    bytea NOT NULL,                 -- of the record without its change time
    batch_id          text NOT NULL,
    page_sha256       text NOT NULL,
    recorded_at       timestamptz NOT NULL,
    PRIMARY KEY (code, source_id)
);

CREATE TABLE private.applicant (
    source_id       text NOT NULL,
    code            text NOT NULL,
    name            text,
    identity_kind   smallint,
    identity_number text,
    address         text,
    phone           text,
    email           text,
    summary         text,                             -- TrichYeu: free text, names people
    fees            text,                             -- JSON list as the portal takes it
    components      text,                             -- JSON list as the portal takes it
    PRIMARY KEY (code, source_id)
);

CREATE TABLE private.step (
    source_id   text NOT NULL,
    code        text NOT NULL,
    at          timestamptz NOT NULL,
    status      smallint NOT NULL,
    n           smallint NOT NULL,                    -- n-th of the same (code, at, status)
    department  text,
    note        text,
    started_at  timestamptz,
    due_at      timestamptz,
    PRIMARY KEY (code, source_id, at, status, n)
);

CREATE TABLE private.supplement (
    source_id    text NOT NULL,
    code         text NOT NULL,
    n            smallint NOT NULL,                   -- in the source's order
    external_id  text,
    requested_at timestamptz NOT NULL,
    answered_at  timestamptz,
    due_at       timestamptz,                         -- the new due date, where the source gave one
    note         text,
    PRIMARY KEY (code, source_id, n)
);

-- ── what the city holds true ────────────────────────────────────────────────────────────────────
CREATE TABLE core.dossier (
    code              text PRIMARY KEY,
    lead_source_id    text NOT NULL,                  -- whose steps, supplements and applicant count
    procedure_code    text,
    field_code        text,
    agency_code       text NOT NULL,
    unit_code         text,
    channel           smallint,
    service_level     smallint,
    applicant_kind    smallint,
    status            smallint,
    result_delivery   smallint,
    paid_online       boolean,
    digitised         boolean,
    submitted_at      timestamptz,
    received_at       timestamptz,
    due_at            timestamptz,
    due_source        text,
    finished_at       timestamptz,
    returned_at       timestamptz,
    refused_at        timestamptz,
    supplements       smallint NOT NULL,
    steps             smallint NOT NULL,
    deleted           boolean NOT NULL,
    source_changed_at timestamptz NOT NULL,
    content_sha256    bytea NOT NULL,
    version           integer NOT NULL,
    recorded_at       timestamptz NOT NULL            -- as_of of the cycle that wrote this version
);

-- valid time = source_changed_at (until the next version's), recorded time = [recorded_at, next recorded_at)
CREATE TABLE core.dossier_version (
    code              text NOT NULL,
    version           integer NOT NULL,
    cycle_id          bigint NOT NULL,
    recorded_at       timestamptz NOT NULL,
    source_changed_at timestamptz NOT NULL,
    lead_source_id    text NOT NULL,
    procedure_code    text,
    agency_code       text NOT NULL,
    unit_code         text,
    channel           smallint,
    service_level     smallint,
    applicant_kind    smallint,
    status            smallint,
    submitted_at      timestamptz,
    received_at       timestamptz,
    due_at            timestamptz,
    due_source        text,
    finished_at       timestamptz,
    returned_at       timestamptz,
    supplements       smallint NOT NULL,
    steps             smallint NOT NULL,
    deleted           boolean NOT NULL,
    PRIMARY KEY (code, version)
);

-- ── what was wrong ──────────────────────────────────────────────────────────────────────────────
-- A row without a usable code is known by the digest of its content: identity = '#' || sha256.
CREATE TABLE core.quarantine (
    source_id   text NOT NULL,
    identity    text NOT NULL,                        -- the code, or '#' and the record's digest
    rule        text NOT NULL,
    field       text NOT NULL DEFAULT '',
    severity    text NOT NULL,
    owner       text NOT NULL,
    agency_code text,
    channel     smallint,
    status      smallint,
    page_sha256 text NOT NULL,
    page_row    integer NOT NULL,
    batch_id    text NOT NULL,
    first_seen  timestamptz NOT NULL,
    last_seen   timestamptz NOT NULL,
    attempts    integer NOT NULL DEFAULT 1,
    settled_at  timestamptz,
    is_primary  boolean NOT NULL,                     -- the first rule it broke: each dossier counts once
    PRIMARY KEY (identity, source_id, rule, field)
);

CREATE TABLE core.issue (
    source_id   text NOT NULL,
    code        text NOT NULL,                        -- '' for an issue of the whole source
    rule        text NOT NULL,
    field       text NOT NULL DEFAULT '',
    severity    text NOT NULL,
    owner       text NOT NULL,
    page_sha256 text NOT NULL,
    batch_id    text NOT NULL,
    first_seen  timestamptz NOT NULL,
    last_seen   timestamptz NOT NULL,
    settled_at  timestamptz,
    PRIMARY KEY (code, source_id, rule, field)
);

-- ── what was told to the Government portal ──────────────────────────────────────────────────────
CREATE TABLE core.delivery (
    code           text NOT NULL,
    version        integer NOT NULL,
    service        text NOT NULL CHECK (service IN ('DongBoHoSoMC', 'CapNhatTienDoHoSoMC')),
    state          text NOT NULL DEFAULT 'queued'
                   CHECK (state IN ('queued', 'sent', 'accepted', 'rejected', 'unknown', 'given_up', 'superseded')),
    attempts       integer NOT NULL DEFAULT 0,
    due_at         timestamptz,                       -- null: at once
    portal_code    text,
    portal_message text,
    body_sha256    bytea,
    queued_at      timestamptz NOT NULL,
    sent_at        timestamptz,
    settled_at     timestamptz,
    PRIMARY KEY (code, version, service)
);
CREATE INDEX delivery_open ON core.delivery (code) WHERE state IN ('queued', 'sent', 'unknown');

-- what the portal is known to hold; a row here means "update", none means "create"
CREATE TABLE core.portal_copy (
    code    text PRIMARY KEY,
    version integer NOT NULL,
    steps   text[] NOT NULL DEFAULT '{}'              -- keys of the steps it accepted: yyyyMMddHHmmss/status
);

-- one sender at a time, fenced; the breaker outlives the process
CREATE TABLE core.sender (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    fence         bigint NOT NULL DEFAULT 0,
    failures      integer NOT NULL DEFAULT 0,
    closed_until  timestamptz,                        -- the breaker: nothing is sent before this
    reason        text
);
INSERT INTO core.sender DEFAULT VALUES;

-- ── what was published to the city feed ─────────────────────────────────────────────────────────
CREATE TABLE core.publication (
    seq             bigint PRIMARY KEY,
    as_of           timestamptz NOT NULL,
    published_at    timestamptz NOT NULL,
    rows            integer NOT NULL,
    changed         integer NOT NULL,
    manifest_sha256 text NOT NULL
);

-- ── stable views ────────────────────────────────────────────────────────────────────────────────
CREATE VIEW api.dossier AS
SELECT code, procedure_code, field_code, agency_code, unit_code, channel, service_level, applicant_kind, status,
       submitted_at, received_at, due_at, due_source, finished_at, returned_at, supplements, steps, deleted,
       version, source_changed_at, recorded_at
FROM core.dossier;

CREATE VIEW api.source_dossier AS
SELECT source_id, code, procedure_code, field_code, agency_code, unit_code, channel, service_level, applicant_kind,
       status, submitted_at, received_at, due_at, due_source, finished_at, returned_at, supplements, steps, deleted,
       source_changed_at, recorded_at, batch_id, page_sha256
FROM core.source_dossier;

CREATE VIEW api.quarantine AS
SELECT source_id, CASE WHEN identity LIKE '#%' THEN NULL ELSE identity END AS code, rule, severity, owner, field,
       page_sha256, first_seen, last_seen, attempts, settled_at,
       identity, page_row, agency_code, channel, status, is_primary, batch_id
FROM core.quarantine;

CREATE VIEW api.issue AS
SELECT source_id, NULLIF(code, '') AS code, rule, severity, owner, field, page_sha256, batch_id, first_seen, last_seen,
       settled_at
FROM core.issue;

CREATE VIEW api.delivery AS
SELECT code, version, service, state, attempts, portal_code, portal_message, queued_at, sent_at, settled_at, due_at
FROM core.delivery;

CREATE VIEW api.batch AS
SELECT batch_id, source_id, as_of, kind, state, announced, fetched, accepted, quarantined, unchanged, deleted,
       started_at, ended_at, error_kind, error, cycle_id, changed, window_from, window_to, pages
FROM core.batch;

CREATE VIEW api.dossier_version AS SELECT * FROM core.dossier_version;
CREATE VIEW api.source_state AS SELECT * FROM core.source_state;
CREATE VIEW api.cycle AS SELECT * FROM core.cycle;
CREATE VIEW api.stage_run AS SELECT * FROM core.stage_run;
CREATE VIEW api.publication AS SELECT * FROM core.publication;

-- the steps that are public: when, and to which status; never a person, a department's own words or a note
CREATE VIEW api.step AS
SELECT s.code, s.at, s.status, s.n, d.agency_code
FROM private.step s JOIN core.dossier d ON d.code = s.code AND d.lead_source_id = s.source_id;

-- ── least rights ────────────────────────────────────────────────────────────────────────────────
GRANT USAGE ON SCHEMA core, private, api TO motcua_pipeline;
GRANT SELECT ON ALL TABLES IN SCHEMA core, private, api TO motcua_pipeline;
GRANT INSERT, UPDATE ON core.cycle, core.stage_run, core.source_state, core.batch, core.source_dossier, core.dossier,
      core.quarantine, core.issue TO motcua_pipeline;
GRANT INSERT ON core.dossier_version TO motcua_pipeline;
GRANT INSERT, UPDATE, DELETE ON private.applicant, private.step, private.supplement TO motcua_pipeline;
GRANT INSERT, UPDATE (state, settled_at) ON core.delivery TO motcua_pipeline;

GRANT USAGE ON SCHEMA core, private, api TO motcua_sender;
GRANT SELECT ON core.dossier, core.source_dossier, core.delivery, core.portal_copy, core.sender, core.cycle TO motcua_sender;
GRANT SELECT ON private.applicant, private.step, private.supplement TO motcua_sender;
GRANT SELECT ON api.dossier, api.delivery, api.cycle TO motcua_sender;
GRANT UPDATE ON core.delivery, core.sender TO motcua_sender;
GRANT INSERT, UPDATE ON core.portal_copy TO motcua_sender;
GRANT INSERT ON core.stage_run TO motcua_sender;

GRANT USAGE ON SCHEMA core, api TO motcua_publisher;
GRANT SELECT ON api.dossier, api.step, api.source_state, api.quarantine, api.cycle TO motcua_publisher;
GRANT SELECT, INSERT ON core.publication TO motcua_publisher;
GRANT INSERT ON core.stage_run TO motcua_publisher;
