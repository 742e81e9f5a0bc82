-- The role under which nodes use a keyring in PostgreSQL, with no more rights than
-- they need. A superuser runs this in the keyring's database, after a node has
-- made its tables there once under the role that owns the database.
--
-- It reads, adds and deletes keys, and can change none. As it owns no table, the
-- place of a destroyed key is vacuumed by the server's own vacuum, within a minute.

CREATE ROLE jisr_keyring LOGIN;
ALTER ROLE jisr_keyring SET log_parameter_max_length = 0;

GRANT SELECT ON migrations, moved, ring TO jisr_keyring;
GRANT UPDATE (generation) ON ring TO jisr_keyring;
GRANT SELECT, INSERT, DELETE ON keys TO jisr_keyring;
