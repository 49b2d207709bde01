-- The certificates (PEM) that an instance's tokens bring along; none: its key is found by the verification method.
ALTER TABLE instances ADD COLUMN certificates TEXT;
