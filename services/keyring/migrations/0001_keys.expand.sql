-- The keyring: what it is, and the wrapped keys. It lies in a database of its own.

CREATE TABLE ring (
	one        boolean PRIMARY KEY DEFAULT true CHECK (one),
	id         uuid NOT NULL DEFAULT gen_random_uuid(), -- tells this keyring from another
	generation uuid NOT NULL DEFAULT gen_random_uuid()  -- another one after every destruction
);
INSERT INTO ring DEFAULT VALUES;

-- A destroyed key cannot be overwritten here. It is vacuumed within a minute at the
-- latest, however few were destroyed, and the next keys take its place.
CREATE TABLE keys (
	id      text COLLATE "C" PRIMARY KEY,
	wrapped bytea NOT NULL
) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);

-- Whoever deletes, by whatever hand: every node hears of it. Where all is emptied at
-- once, the nodes miss the exchange's secret.
CREATE FUNCTION destroyed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE ring SET generation = gen_random_uuid();
	RETURN NULL;
END $$;
CREATE TRIGGER destroyed AFTER DELETE OR UPDATE ON keys FOR EACH STATEMENT EXECUTE FUNCTION destroyed();
