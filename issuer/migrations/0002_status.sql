-- A list is of one kind: `bitstring` (Bitstring Status List) or `token` (Token Status List).
ALTER TABLE lists ADD COLUMN kind TEXT NOT NULL DEFAULT 'bitstring';

-- A list is signed under one DID for its whole life: that of the credentials which refer to it.
ALTER TABLE lists ADD COLUMN did TEXT NOT NULL DEFAULT '';
ALTER TABLE lists ADD COLUMN verification_method TEXT NOT NULL DEFAULT '';
UPDATE lists SET
    did = (SELECT did FROM instances WHERE name = lists.instance),
    verification_method = (SELECT verification_method FROM instances WHERE name = lists.instance);

DROP INDEX lists_by_use;
CREATE INDEX lists_by_use ON lists (instance, did, kind, purpose, bits);
