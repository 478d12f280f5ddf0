-- Whether the Government portal is told anything at the moment, for those who only look: without the portal's own words.
CREATE OR REPLACE VIEW api.sender AS
SELECT failures, closed_until, refusals, tolerance, doubted_at, drained_at FROM core.sender;
GRANT SELECT ON api.sender TO motcua_pipeline, motcua_watcher;
