-- The roles of an exchange on PostgreSQL, each with no more than it needs. Run as a
-- superuser, once in each cluster, before the databases are made:
--
--   psql --file=roles.sql postgres
--   createdb --template=template0 --encoding=UTF8 --owner=jisr_owner jisr
--   createdb --template=template0 --encoding=UTF8 --owner=jisr_keys_owner jisr_keys
--
-- Best is a cluster of its own for the keys. Each schema is then made by its owner,
-- and exchange.sql and keyring.sql say who may do what with it; docs/operations.md
-- tells how. Passwords are given by \password, or not at all where pg_hba.conf knows
-- the roles by their certificates.

-- Owners change the schemas and serve nobody: their credentials are used while the
-- exchange is updated, and lie on no node.
CREATE ROLE jisr_owner LOGIN;
CREATE ROLE jisr_keys_owner LOGIN;

-- The nodes: one role for cases and the access log, one for the keys.
CREATE ROLE jisr_serving LOGIN;
CREATE ROLE jisr_keys_serving LOGIN;

-- Backups of the cases, and monitoring. It reads no key: whoever has both brings
-- back what was destroyed.
CREATE ROLE jisr_backup LOGIN;
ALTER ROLE jisr_backup SET default_transaction_read_only = on;
GRANT pg_monitor TO jisr_backup;

-- Else the server's log is told what statements are given, as soon as it logs
-- statements or slow ones.
ALTER ROLE jisr_owner SET log_parameter_max_length = 0;
ALTER ROLE jisr_keys_owner SET log_parameter_max_length = 0;
ALTER ROLE jisr_serving SET log_parameter_max_length = 0;
ALTER ROLE jisr_keys_serving SET log_parameter_max_length = 0;

-- For survives_node_loss: whether a standby follows.
GRANT pg_read_all_stats TO jisr_owner, jisr_keys_owner, jisr_serving, jisr_keys_serving;
