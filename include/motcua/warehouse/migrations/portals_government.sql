-- The Government portal: what its ledger needs beyond telling.

-- ── the sender remembers ────────────────────────────────────────────────────────────────────────
ALTER TABLE core.sender
    ADD COLUMN refusals   real NOT NULL DEFAULT 0,    -- dossiers refused of late, less one for every twenty taken
    ADD COLUMN tolerance  integer NOT NULL DEFAULT 1, -- how often as many refusals it takes until the portal is doubted
    ADD COLUMN doubted_at timestamptz,                -- since when it refuses too much: probed before anything is sent
    ADD COLUMN doubt      text,                       -- why
    ADD COLUMN drained_at timestamptz,                -- when the last drain ended
    ADD COLUMN drained    jsonb;                      -- what it did: counts, and why it stopped early

-- ── what people decide about deliveries ─────────────────────────────────────────────────────────
CREATE TABLE core.delivery_decision (
    decision_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code        text NOT NULL,
    version     integer NOT NULL,
    action      text NOT NULL CHECK (action IN ('retry', 'drop', 'repair')),
    reason      text NOT NULL,
    decided_by  text NOT NULL,                        -- a person, or `reconcile`
    decided_at  timestamptz NOT NULL
);
CREATE INDEX ON core.delivery_decision (code, version);

-- ── ledger against portal ───────────────────────────────────────────────────────────────────────
CREATE TABLE core.reconciliation (
    reconciliation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    as_of       timestamptz NOT NULL,                 -- what had changed in the 7 days before; its day picks the sample
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,                          -- of its last part so far
    is_complete boolean NOT NULL DEFAULT false,       -- false: the next run goes on after `reached`
    reached     text NOT NULL DEFAULT '',             -- the last code that was compared, in order
    stopped     text,                                 -- why it ended early
    looked_up   integer NOT NULL DEFAULT 0,
    equal       integer NOT NULL DEFAULT 0,
    missing     integer NOT NULL DEFAULT 0,           -- the portal does not hold what it accepted
    differing   integer NOT NULL DEFAULT 0,           -- it holds something else
    settled     integer NOT NULL DEFAULT 0,           -- of unknown outcome: now known
    repaired    integer NOT NULL DEFAULT 0,           -- of missing and differing: queued again
    reported    integer NOT NULL DEFAULT 0,           -- of these: queued again before for the same version, now an issue
    moved       integer NOT NULL DEFAULT 0,           -- a newer version is on its way: nothing to compare with
    unanswered  integer NOT NULL DEFAULT 0,
    fields      jsonb NOT NULL DEFAULT '{}'           -- names of the contract's fields that differ, and how often
);

CREATE VIEW api.delivery_decision AS SELECT * FROM core.delivery_decision;
CREATE VIEW api.reconciliation AS SELECT * FROM core.reconciliation;

GRANT SELECT ON core.delivery_decision, core.reconciliation, api.delivery_decision, api.reconciliation
      TO motcua_pipeline;
GRANT SELECT, INSERT ON core.delivery_decision TO motcua_sender;
GRANT SELECT, INSERT, UPDATE ON core.reconciliation TO motcua_sender;
-- what the portal has lost is created again
GRANT DELETE ON core.portal_copy TO motcua_sender;
-- issues of its own rules: the merge settles no other's
GRANT SELECT, INSERT, UPDATE (severity, owner, page_sha256, batch_id, last_seen, settled_at) ON core.issue
      TO motcua_sender;
