-- Who may do what in the database of the keys. Run by jisr_keys_owner or a
-- superuser, in that database, after its schema was made and after each change of
-- it; running it again changes nothing.

DO $$ BEGIN
	EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
	EXECUTE format('GRANT CONNECT ON DATABASE %I TO jisr_keys_serving', current_database());
END $$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO jisr_keys_serving;

-- A key is made and destroyed, and never becomes another one. That something was
-- destroyed is told by the database itself, in the name of who destroyed it.
GRANT SELECT, INSERT, DELETE ON keys TO jisr_keys_serving;
GRANT SELECT, UPDATE (generation) ON ring TO jisr_keys_serving;
GRANT SELECT ON migrations, moved TO jisr_keys_serving;

-- The place of a destroyed key is cleared at once; up to PostgreSQL 16 only its
-- owner may, and the server does it within its minute.
DO $$ BEGIN
	IF current_setting('server_version_num')::int >= 170000 THEN
		EXECUTE 'GRANT MAINTAIN ON keys TO jisr_keys_serving';
	END IF;
END $$;
