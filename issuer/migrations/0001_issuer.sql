-- Instances: who this service signs for, and with which key of the keystore.
CREATE TABLE instances (
    name TEXT NOT NULL PRIMARY KEY,
    suite TEXT NOT NULL,
    key_name TEXT NOT NULL UNIQUE,
    multikey TEXT NOT NULL,
    did TEXT NOT NULL,
    verification_method TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

-- Every credential that left the service: the digest of its secured bytes, never the body.
CREATE TABLE issued (
    digest TEXT NOT NULL PRIMARY KEY,
    instance TEXT NOT NULL REFERENCES instances (name),
    credential_id TEXT,
    issued_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX issued_by_credential_id ON issued (instance, credential_id);

-- Status lists: `version` moves with every change of a status, so that a signed copy knows when it is old.
CREATE TABLE lists (
    id TEXT NOT NULL PRIMARY KEY,
    instance TEXT NOT NULL REFERENCES instances (name),
    purpose TEXT NOT NULL,
    bits INTEGER NOT NULL CHECK (bits BETWEEN 1 AND 8),
    entries INTEGER NOT NULL,
    taken INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX lists_by_use ON lists (instance, purpose, bits);

-- One row per assigned position; the primary key makes a position unique in its list.
CREATE TABLE statuses (
    list TEXT NOT NULL REFERENCES lists (id),
    position INTEGER NOT NULL,
    digest TEXT NOT NULL REFERENCES issued (digest),
    value INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (list, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX statuses_by_digest ON statuses (digest);
CREATE INDEX statuses_set ON statuses (list) WHERE value <> 0;

-- Answers kept under an Idempotency-Key, with the digest of the request that they answer.
CREATE TABLE replies (
    instance TEXT NOT NULL REFERENCES instances (name),
    idempotency_key TEXT NOT NULL,
    request BLOB NOT NULL,
    body TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (instance, idempotency_key)
) STRICT, WITHOUT ROWID;
