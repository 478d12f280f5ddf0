-- Subscribers of the city feed: who is told that it moved.
-- One row a subscriber and version; no address and no body: those are read when a notice is sent.
CREATE TABLE core.notice (
    subscriber    text NOT NULL,                      -- id in registry/subscribers.yaml
    seq           integer NOT NULL,                   -- of the feed's version
    state         text NOT NULL DEFAULT 'queued'
                  CHECK (state IN ('queued', 'sent', 'accepted', 'rejected', 'unknown', 'given_up', 'superseded')),
    attempts      integer NOT NULL DEFAULT 0,
    due_at        timestamptz,                        -- open ones: when to try (again); `sent`: its sender is lost then
    answer_status smallint,                           -- HTTP status of the last answer; null: there was none
    reason        text,                               -- class of what went wrong last
    queued_at     timestamptz NOT NULL,
    sent_at       timestamptz,
    settled_at    timestamptz,
    resumed_at    timestamptz,                        -- it was rejected, and a person has the subscriber told again
    resumed_by    text,
    resume_reason text,
    PRIMARY KEY (subscriber, seq)
);
CREATE VIEW api.notice AS SELECT * FROM core.notice;

GRANT USAGE ON SCHEMA core, api TO motcua_notifier;
GRANT SELECT, INSERT, UPDATE ON core.notice TO motcua_notifier;
GRANT SELECT ON api.notice TO motcua_notifier, motcua_pipeline;
GRANT INSERT ON core.stage_run TO motcua_notifier;
