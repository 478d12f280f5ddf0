-- What five platforms and real offices need.

-- ── cycles asked for by hand ────────────────────────────────────────────────────────────────────
ALTER TABLE core.cycle
    ADD COLUMN since        timestamptz,              -- windows begin here instead of at the watermark
    ADD COLUMN reason       text,                     -- why somebody asked for it
    ADD COLUMN requested_by text;                     -- who; null: the clock

-- ── what a listing looked like ──────────────────────────────────────────────────────────────────
ALTER TABLE core.batch
    ADD COLUMN page_notes   jsonb,                    -- beside `pages`: what their bytes do not say, such as upload times
    ADD COLUMN clock_skew_seconds real;               -- how far the source's clock was ahead of ours

ALTER TABLE core.source_state
    ADD COLUMN clock_skew_seconds real;               -- as last measured

-- ── steps that we worked out from dates ─────────────────────────────────────────────────────────
ALTER TABLE private.step ADD COLUMN derived boolean NOT NULL DEFAULT false;

-- ── what is ordinary for a source ───────────────────────────────────────────────────────────────
CREATE INDEX ON core.source_dossier (source_id) WHERE NOT deleted;

-- how many dossiers of a source were found changed, by the day (Vietnam's) of their change: what its band is learned from
CREATE TABLE core.source_day (
    source_id text NOT NULL,
    day       date NOT NULL,
    changed   integer NOT NULL,
    gone      integer NOT NULL,                       -- of these, deleted ones
    PRIMARY KEY (source_id, day)
);

-- ── mass changes that wait for a person ─────────────────────────────────────────────────────────
CREATE TABLE core.hold (
    hold_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id     text NOT NULL,
    batch_id      text NOT NULL REFERENCES core.batch, -- the newest batch that looked like this
    change        text NOT NULL CHECK (change IN ('drop', 'rise')),
    reason        text NOT NULL,                      -- the figures, in Vietnamese words
    before_count  integer NOT NULL,                   -- living dossiers held of this source
    after_count   integer NOT NULL,                   -- living dossiers as they would be
    codes_gone    text[] NOT NULL,                    -- codes that would be deleted
    codes_changed text[] NOT NULL,                    -- codes that would be new or altered, at most 1,000
    listing_sha256 text NOT NULL,                     -- of what was listed: a rejected one stays quiet while it is the same
    state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'rejected', 'lapsed')),
    raised_at     timestamptz NOT NULL,               -- as_of of the first batch that looked like this
    decided_at    timestamptz,
    decided_by    text,
    decision_reason text
);
CREATE UNIQUE INDEX hold_open ON core.hold (source_id) WHERE state = 'open';
CREATE INDEX ON core.hold (source_id, raised_at);

-- ── views: new columns at the end ───────────────────────────────────────────────────────────────
CREATE OR REPLACE VIEW api.batch AS
SELECT batch_id, source_id, as_of, kind, state, announced, fetched, accepted, quarantined, unchanged, deleted,
       started_at, ended_at, error_kind, error, cycle_id, changed, window_from, window_to, pages, clock_skew_seconds
FROM core.batch;
CREATE OR REPLACE VIEW api.source_state AS SELECT * FROM core.source_state;
CREATE OR REPLACE VIEW api.cycle AS SELECT * FROM core.cycle;
CREATE VIEW api.hold AS SELECT * FROM core.hold;
CREATE VIEW api.source_day AS SELECT * FROM core.source_day;

GRANT SELECT ON core.hold, core.source_day, api.hold, api.source_day TO motcua_pipeline;
GRANT INSERT, UPDATE ON core.hold, core.source_day TO motcua_pipeline;
