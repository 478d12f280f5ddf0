-- A memory that can be trusted: where every word came from.

-- ── lineage ─────────────────────────────────────────────────────────────────────────────────────
ALTER TABLE core.source_dossier
    ADD COLUMN page_row    integer,                   -- its place on the page, from 0; null: read before this was kept
    ADD COLUMN corrections text[];                    -- ids of the corrections applied to it; null: none

-- Every word of a source that counted, never rewritten: a batch tells a dossier at most once.
CREATE TABLE core.claim (
    code              text NOT NULL,
    batch_id          text NOT NULL,
    source_id         text NOT NULL,
    page_sha256       text NOT NULL,                  -- of an absence: the page that had it last
    page_row          integer,
    source_changed_at timestamptz NOT NULL,
    content_sha256    bytea NOT NULL,
    deleted           boolean NOT NULL,
    corrections       text[],
    recorded_at       timestamptz NOT NULL,
    PRIMARY KEY (code, batch_id)
);

ALTER TABLE core.dossier_version
    ADD COLUMN claims text[] NOT NULL DEFAULT '{}';   -- batches whose words it was merged from, the first counts most

ALTER TABLE core.batch
    ADD COLUMN judged_by jsonb;                       -- what read and judged it: motcua, platform, mapping, rules, registry

-- ── one dossier, several systems ────────────────────────────────────────────────────────────────
ALTER TABLE core.source_dossier ADD COLUMN named_in_code boolean; -- its agency is the one in the dossier's code
ALTER TABLE core.dossier
    ADD COLUMN sources text[] NOT NULL DEFAULT '{}',  -- whose steps and supplements count: the lead source first
    ADD COLUMN claims  text[] NOT NULL DEFAULT '{}';  -- as in core.dossier_version
UPDATE core.dossier SET sources = ARRAY[lead_source_id];

-- ── what left the archive ────────────────────────────────────────────────────────────────────────
-- Dossiers erased from it, and from the private rows: what is left of them is public.
CREATE TABLE core.erasure (
    erasure_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code         text NOT NULL,                       -- or '#' and a digest, as in core.quarantine
    reason       text NOT NULL,
    requested_by text NOT NULL,
    as_of        timestamptz NOT NULL,
    sources      text[] NOT NULL,                     -- who had told it
    pages        text[] NOT NULL,                     -- sha256 of those that it was taken out of
    records      integer NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at     timestamptz                          -- null: cut off, to be run again
);
CREATE INDEX ON core.erasure USING gin (pages);

-- Pages that were removed after their time, or that no batch names.
CREATE TABLE core.pruning (
    pruning_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    as_of       timestamptz NOT NULL,
    kept_since  timestamptz NOT NULL,                 -- pages that no listing since then had are gone
    expired     integer NOT NULL,
    orphans     integer NOT NULL,
    kept        integer NOT NULL,
    ended_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- ── views: new columns at the end ───────────────────────────────────────────────────────────────
CREATE OR REPLACE VIEW api.source_dossier AS
SELECT source_id, code, procedure_code, field_code, agency_code, unit_code, channel, service_level, applicant_kind,
       status, submitted_at, received_at, due_at, due_source, finished_at, returned_at, supplements, steps, deleted,
       source_changed_at, recorded_at, batch_id, page_sha256, page_row, corrections
FROM core.source_dossier;
CREATE OR REPLACE VIEW api.batch AS
SELECT batch_id, source_id, as_of, kind, state, announced, fetched, accepted, quarantined, unchanged, deleted,
       started_at, ended_at, error_kind, error, cycle_id, changed, window_from, window_to, pages, clock_skew_seconds,
       judged_by
FROM core.batch;
CREATE OR REPLACE VIEW api.dossier_version AS SELECT * FROM core.dossier_version;
-- A step that several sources tell is the first one's; it was taken in the agency of the source that tells it.
CREATE OR REPLACE VIEW api.step AS
SELECT s.code, s.at, s.status, s.n,
       CASE WHEN cardinality(d.sources) = 1 THEN d.agency_code
            ELSE (SELECT c.agency_code FROM core.source_dossier c WHERE c.code = s.code AND c.source_id = s.source_id)
       END AS agency_code
FROM core.dossier d JOIN private.step s ON s.code = d.code AND s.source_id = ANY(d.sources)
WHERE cardinality(d.sources) = 1 OR NOT EXISTS (
    SELECT FROM private.step e
    WHERE (e.code, e.at, e.status, e.n) = (s.code, s.at, s.status, s.n)
      AND array_position(d.sources, e.source_id) < array_position(d.sources, s.source_id));
CREATE VIEW api.claim AS SELECT * FROM core.claim;
CREATE VIEW api.erasure AS SELECT * FROM core.erasure;
CREATE VIEW api.pruning AS SELECT * FROM core.pruning;

GRANT SELECT ON core.claim, api.claim TO motcua_pipeline;
GRANT INSERT ON core.claim TO motcua_pipeline;

GRANT SELECT ON core.erasure, core.pruning, api.erasure, api.pruning TO motcua_pipeline;
GRANT INSERT, UPDATE (ended_at) ON core.erasure TO motcua_pipeline;
GRANT INSERT ON core.pruning TO motcua_pipeline;
