-- Reports to the offices: their addresses, and what was sent.

-- An office's address is made of a secret, its code and how often it was revoked: no address is kept here.
CREATE TABLE core.report_revocation (
    agency_code text NOT NULL,
    generation  integer NOT NULL CHECK (generation > 0), -- of the address that took the revoked one's place
    reason      text NOT NULL,
    revoked_by  text NOT NULL,
    revoked_at  timestamptz NOT NULL,
    PRIMARY KEY (agency_code, generation)
);

-- The digest, at most one a day (Vietnam's).
CREATE TABLE core.report_mail (
    day        date PRIMARY KEY,
    state      text NOT NULL CHECK (state IN ('sending', 'sent', 'failed', 'unknown')),
    attempts   integer NOT NULL DEFAULT 1,
    as_of      timestamptz NOT NULL,
    recipients integer NOT NULL,
    refused    integer NOT NULL DEFAULT 0,            -- of these, refused by the mail server
    reply      text,                                  -- the mail server's words, without addresses
    settled_at timestamptz
);

-- where a record stands in a list or a file that was read
CREATE VIEW api.batch_pages AS SELECT batch_id, pages, page_notes AS notes FROM core.batch;
CREATE VIEW api.report_revocation AS SELECT * FROM core.report_revocation;
CREATE VIEW api.report_mail AS SELECT * FROM core.report_mail;

GRANT SELECT ON api.batch_pages, api.report_revocation, api.report_mail TO motcua_pipeline;
-- what reports are made of; of these the publisher knows dossiers, quarantine and states of sources already
GRANT SELECT ON api.issue, api.delivery, api.batch, api.batch_pages TO motcua_publisher;
GRANT SELECT, INSERT ON core.report_revocation TO motcua_publisher;
GRANT SELECT, INSERT, UPDATE ON core.report_mail TO motcua_publisher;
