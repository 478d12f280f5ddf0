-- Catalogues of the portal: what changed in them, what a person confirmed.

-- A row a reading of the portal's catalogues, believed or not.
CREATE TABLE core.catalogue_refresh (
    refresh_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    as_of        timestamptz NOT NULL,
    state        text NOT NULL CHECK (state IN ('taken', 'refused', 'failed')),
    reason       text,                                -- why it was not taken; never a value of a dossier
    procedures   integer NOT NULL DEFAULT 0,          -- in force, of those that were listed
    fields       integer NOT NULL DEFAULT 0,
    agencies     integer NOT NULL DEFAULT 0,
    changed      integer NOT NULL DEFAULT 0,          -- entries that came, went or say something else
    requested_by text NOT NULL,
    accept_loss  text,                                -- why a great loss was believed
    ended_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((state = 'taken') = (reason IS NULL))
);

-- What each entry said, and from which reading until which: never overwritten but for when it was seen last.
CREATE TABLE core.catalogue_entry (
    kind               text NOT NULL CHECK (kind IN ('procedure', 'field', 'agency')),
    code               text NOT NULL,
    valid_from         timestamptz NOT NULL,          -- as_of of the first reading that had it so
    valid_to           timestamptz,                   -- as_of of the first that had it otherwise; null: so it stands
    last_seen          timestamptz NOT NULL,
    title              text NOT NULL,
    is_in_force        boolean NOT NULL,
    is_listed          boolean NOT NULL,              -- false: the portal has it no more, not even as withdrawn
    field_code         text,                          -- of procedures
    level              text,
    parent             text,                          -- of agencies
    withdrawn_on       date,
    successor          text,
    limit_value        double precision,
    limit_unit         text,
    online_limit_value double precision,
    online_limit_unit  text,
    PRIMARY KEY (kind, code, valid_from)
);
CREATE UNIQUE INDEX ON core.catalogue_entry (kind, code) WHERE valid_to IS NULL;

-- Two codes that may be one procedure: nothing follows from it until a person says so.
CREATE TABLE core.crosswalk_proposal (
    old_code    text NOT NULL,
    new_code    text NOT NULL,
    origin      text NOT NULL CHECK (origin IN ('portal', 'title')),
    score       double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
    old_title   text NOT NULL,
    new_title   text NOT NULL,
    proposed_at timestamptz NOT NULL,
    last_seen   timestamptz NOT NULL,
    PRIMARY KEY (old_code, new_code),
    CHECK (old_code <> new_code)
);

-- What people decided, the newest of a pair counts; the titles are those of the moment of the decision.
CREATE TABLE core.crosswalk (
    decision_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    old_code    text NOT NULL,
    new_code    text NOT NULL,
    decision    text NOT NULL CHECK (decision IN ('confirmed', 'rejected')),
    old_title   text,
    new_title   text,
    reason      text NOT NULL,
    decided_by  text NOT NULL,
    decided_at  timestamptz NOT NULL,
    via         text NOT NULL,                        -- `cli`, `airflow`, …: where it was decided
    CHECK (old_code <> new_code)
);
CREATE INDEX ON core.crosswalk (old_code, new_code, decision_id DESC);

CREATE VIEW api.catalogue_refresh AS SELECT * FROM core.catalogue_refresh;
CREATE VIEW api.catalogue_entry AS SELECT * FROM core.catalogue_entry;
-- A row a pair: `proposed` by the newest reading, or what was decided of it last.
CREATE VIEW api.crosswalk AS
SELECT old_code, new_code, coalesce(d.decision, 'proposed') AS state, coalesce(p.origin, 'person') AS origin, p.score,
       coalesce(d.old_title, p.old_title) AS old_title, coalesce(d.new_title, p.new_title) AS new_title, p.proposed_at,
       d.decided_at, d.decided_by, d.reason, d.via, d.decision_id
FROM core.crosswalk_proposal p
FULL JOIN (SELECT DISTINCT ON (old_code, new_code) * FROM core.crosswalk
           ORDER BY old_code, new_code, decision_id DESC) d USING (old_code, new_code)
WHERE d.decision IS NOT NULL
   OR p.last_seen = (SELECT max(as_of) FROM core.catalogue_refresh WHERE state = 'taken');

GRANT SELECT ON core.catalogue_refresh, core.catalogue_entry, core.crosswalk_proposal, core.crosswalk,
      api.catalogue_refresh, api.catalogue_entry, api.crosswalk TO motcua_pipeline;
GRANT INSERT ON core.catalogue_refresh, core.catalogue_entry, core.crosswalk_proposal, core.crosswalk
      TO motcua_pipeline;
GRANT UPDATE (valid_to, last_seen) ON core.catalogue_entry TO motcua_pipeline;
GRANT UPDATE (origin, score, old_title, new_title, last_seen) ON core.crosswalk_proposal TO motcua_pipeline;
-- by which entry a code is named and told: to the portals, too
GRANT SELECT ON api.crosswalk TO motcua_sender, motcua_publisher;
GRANT SELECT ON api.catalogue_refresh, api.catalogue_entry, api.crosswalk TO motcua_watcher;
