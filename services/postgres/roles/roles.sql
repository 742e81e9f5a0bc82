-- The roles of an exchange on PostgreSQL, each with no more than it needs. Once in
-- each cluster, as a superuser, before the databases are made:
--
--   psql -f roles.sql postgres
--   createdb --template=template0 --encoding=UTF8 --owner=jisr_owner jisr
--   createdb --template=template0 --encoding=UTF8 --owner=jisr_keys_owner jisr_keys
--
-- Then each schema is made by its owner (`jisrd --migrate`), and exchange.sql and
-- keyring.sql say who may do what with it. Passwords are given by \password, or not
-- at all where pg_hba.conf knows the roles by a certificate.

-- Owners change schemas, and serve nobody: their credentials are used while a
-- node is updated, and lie on no node else.
CREATE ROLE jisr_owner LOGIN NOINHERIT CONNECTION LIMIT 8;
CREATE ROLE jisr_keys_owner LOGIN NOINHERIT CONNECTION LIMIT 8;

-- The nodes: one role for cases and log, one for the keys.
CREATE ROLE jisr_serving LOGIN;
CREATE ROLE jisr_keys_serving LOGIN;

-- Backups of the cases, and the monitoring. It reads no key: who holds backups and
-- keys holds what was destroyed, too.
CREATE ROLE jisr_backup LOGIN;
ALTER ROLE jisr_backup SET default_transaction_read_only = on;
GRANT pg_monitor TO jisr_backup;

-- What a statement was given would stand in the server's log, as soon as that logs
-- statements or slow ones.
ALTER ROLE jisr_owner SET log_parameter_max_length = 0;
ALTER ROLE jisr_keys_owner SET log_parameter_max_length = 0;
ALTER ROLE jisr_serving SET log_parameter_max_length = 0;
ALTER ROLE jisr_keys_serving SET log_parameter_max_length = 0;

-- Whether a standby follows, which `survives_node_loss` asks.
GRANT pg_read_all_stats TO jisr_owner, jisr_keys_owner WITH INHERIT TRUE;
GRANT pg_read_all_stats TO jisr_serving, jisr_keys_serving;
