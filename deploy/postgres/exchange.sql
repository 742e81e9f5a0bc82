-- Who may do what in the database of the cases. Run by jisr_owner or a superuser,
-- in that database, after its schema was made and after each change of it; running
-- it again changes nothing. A table that is not named here, nobody serves from.

DO $$ BEGIN
	EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
	EXECUTE format('GRANT CONNECT ON DATABASE %I TO jisr_serving, jisr_backup', current_database());
END $$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO jisr_serving, jisr_backup;

-- What was written into the access log stays: nodes append and read.
GRANT SELECT, INSERT ON log_entries, log_subjects TO jisr_serving;
-- In boxes lies what was moved here from a file.
GRANT SELECT ON log_finds TO jisr_serving;
GRANT USAGE ON SEQUENCE log_entries_seq_seq TO jisr_serving;

-- A record is revised, and never becomes another one or none.
GRANT SELECT, INSERT, UPDATE (state, revision, header, envelope) ON records TO jisr_serving;

-- Of an agreement that was ever in force, whether it is now.
GRANT SELECT, INSERT, UPDATE (in_force) ON agreements TO jisr_serving;

GRANT SELECT, INSERT, UPDATE (epoch) ON epochs TO jisr_serving;
GRANT SELECT, INSERT, UPDATE (value) ON counters TO jisr_serving;
GRANT SELECT, INSERT, UPDATE (state, lease_until) ON deliveries TO jisr_serving;
GRANT SELECT, INSERT, UPDATE (ballast) ON probes TO jisr_serving;

-- What holds for a time, and is gone afterwards.
GRANT SELECT, INSERT, UPDATE (scope, until_time, visible), DELETE ON sight TO jisr_serving;
GRANT SELECT, INSERT, UPDATE (until_time), DELETE ON consents TO jisr_serving;
GRANT SELECT, INSERT, UPDATE (reached), DELETE ON monitors TO jisr_serving;
GRANT SELECT, INSERT, DELETE ON orders, seals, endangered TO jisr_serving;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency TO jisr_serving;

-- To which keyring it is bound, a node says once, of a database that is new.
GRANT SELECT, INSERT ON bound TO jisr_serving;

GRANT SELECT ON migrations, moved TO jisr_serving;

-- Nodes wake each other by LISTEN and NOTIFY, which whoever may connect may do. What
-- is said there are shelfmarks of cases, and nothing is believed: it has a node ask.

-- A backup lacks nothing, of tables to come neither.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO jisr_backup;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO jisr_backup;
ALTER DEFAULT PRIVILEGES FOR ROLE jisr_owner IN SCHEMA public GRANT SELECT ON TABLES TO jisr_backup;
ALTER DEFAULT PRIVILEGES FOR ROLE jisr_owner IN SCHEMA public GRANT SELECT ON SEQUENCES TO jisr_backup;
