-- The city feed: kinds of versions, its keys, what may be known of them.
ALTER TABLE core.publication
    ADD COLUMN previous bigint,                            -- the version that its delta follows; null: none
    ADD COLUMN is_snapshot boolean NOT NULL DEFAULT true,  -- those from before deltas were nothing else
    ADD COLUMN sensitive jsonb NOT NULL DEFAULT '{}',      -- by field: sensitive dossiers that its figures show
    ADD COLUMN accepted_because text,                      -- why a person let a jump of the figures pass
    ADD COLUMN accepted_by text,
    ADD COLUMN removed_at timestamptz,                     -- taken down: its files are gone, a tombstone says so
    ADD COLUMN removed_because text,
    ADD COLUMN removed_by text;

-- Which version of a dossier the feed was last made from: what differs is looked up again.
CREATE TABLE core.shown (
    code    text PRIMARY KEY,
    version integer NOT NULL
);

-- Keys that consumers were told of.
CREATE TABLE core.feed_key (
    kid          text PRIMARY KEY,                         -- its JWK thumbprint (RFC 7638)
    x            text NOT NULL,                            -- the public key, base64url
    first_listed timestamptz NOT NULL,
    first_used   timestamptz,
    last_used    timestamptz
);

-- Dossiers taken down: never published again, whatever their sources say.
CREATE TABLE core.withheld (
    code         text PRIMARY KEY,
    reason       text NOT NULL,
    requested_by text NOT NULL,
    since        timestamptz NOT NULL
);

CREATE OR REPLACE VIEW api.publication AS
SELECT seq, as_of, published_at, rows, changed, manifest_sha256,
       previous, is_snapshot, accepted_because, accepted_by, removed_at, removed_because, removed_by
FROM core.publication;
CREATE VIEW api.withheld AS SELECT * FROM core.withheld;
CREATE VIEW api.feed_key AS SELECT * FROM core.feed_key;

GRANT SELECT, INSERT, UPDATE ON core.shown, core.feed_key TO motcua_publisher;
GRANT SELECT, INSERT ON core.withheld TO motcua_publisher;
GRANT UPDATE (removed_at, removed_because, removed_by) ON core.publication TO motcua_publisher;
GRANT SELECT ON core.shown, core.feed_key, core.withheld, api.withheld, api.feed_key TO motcua_pipeline;
