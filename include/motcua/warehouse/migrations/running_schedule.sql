-- Who is read when: what people changed over the registry's values. Nothing here is altered or removed: the last word
-- of a scope on a key counts, and a null takes the scope's word back.
CREATE TABLE core.schedule_change (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL,
    scope     text NOT NULL CHECK (scope IN ('source', 'group', 'platform', 'all')),
    subject   text NOT NULL,                          -- its id in the registry; empty: all
    key       text NOT NULL,                          -- of the registry
    value     jsonb,                                  -- as the registry writes it; null: back to what counts without it
    who       text NOT NULL CHECK (who <> ''),
    reason    text NOT NULL CHECK (reason <> ''),
    via       text NOT NULL CHECK (via IN ('cli', 'airflow')),
    CHECK ((scope = 'all') = (subject = ''))
);
CREATE INDEX ON core.schedule_change (scope, subject, key, change_id);

CREATE VIEW api.schedule_change AS SELECT * FROM core.schedule_change;
CREATE VIEW api.schedule_in_force AS
SELECT * FROM (SELECT DISTINCT ON (scope, subject, key) * FROM core.schedule_change
               ORDER BY scope, subject, key, change_id DESC) newest
WHERE value IS NOT NULL;

GRANT SELECT, INSERT ON core.schedule_change TO motcua_pipeline;
GRANT SELECT ON api.schedule_change, api.schedule_in_force TO motcua_pipeline, motcua_watcher;
