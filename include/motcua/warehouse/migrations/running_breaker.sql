-- Whether the Government portal is told anything at the moment: the sender's memory, for those who only look.
CREATE VIEW api.breaker AS
SELECT failures, closed_until, reason, doubted_at, doubt, drained_at, drained FROM core.sender;
GRANT SELECT ON api.breaker TO motcua_pipeline, motcua_watcher;
