-- Runs that died or slept too long: fences.

-- Where the frames of a batch's verdicts lie: each try writes its own, and a late one cannot change another's.
ALTER TABLE core.batch ADD COLUMN staged text;

-- What upkeep removed and swept; archived pages stand in core.pruning.
CREATE TABLE core.upkeep (
    upkeep_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    as_of     timestamptz NOT NULL,
    removed   jsonb NOT NULL,                         -- counts, by table or by kind of file
    vacuumed  text[] NOT NULL,                        -- tables
    ended_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE VIEW api.upkeep AS SELECT * FROM core.upkeep;
GRANT SELECT ON api.upkeep TO motcua_pipeline, motcua_watcher;

-- What a cycle has read and not merged: looked for every night, and there is next to none.
CREATE INDEX batch_unmerged ON core.batch (cycle_id) WHERE state IN ('collected', 'judged');
