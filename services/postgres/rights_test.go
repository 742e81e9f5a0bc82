package postgres

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

func TestAGrantThatIsNotUnderstoodIsNotPassedOver(t *testing.T) {
	const sound = "GRANT SELECT, UPDATE (state, header) ON cases, persons TO jisr_backup, jisr_serving;\n"
	for text, is := range map[string]bool{
		sound: true,
		sound + "GRANT USAGE ON SCHEMA public TO jisr_serving;\n":                true,
		sound + "GRANT SELECT ON ALL TABLES IN SCHEMA public TO jisr_backup;\n":  true, // another's
		sound + "GRANT SELECT ON ALL TABLES IN SCHEMA public TO jisr_serving;\n": false,
		sound + "GRANT EXECUTE ON FUNCTION destroyed() TO jisr_serving;\n":       false,
		strings.ReplaceAll(sound, "jisr_serving", "jisr_served"):                 false,
		"-- " + sound: false,
	} {
		if _, err := ReadRights("a.sql", text, "jisr_serving"); (err == nil) != is {
			t.Errorf("%s\nis answered %v", text, err)
		}
	}
}

// A newer program drops what this one needs no more, and this one runs on.
func TestARightToWhatIsNotThereAnyMoreIsNotMissed(t *testing.T) {
	conn, err := pgx.Connect(t.Context(), throwaway.URL(t))
	must(t, err)
	defer conn.Close(t.Context())
	r, err := ReadRights("a.sql", "GRANT SELECT, UPDATE (state, header) ON cases TO jisr_serving;", "jisr_serving")
	must(t, err)
	ask := func(text string) {
		t.Helper()
		_, err := conn.Exec(t.Context(), text)
		must(t, err)
	}
	role := "jisr_" + strings.ToLower(t.Name())
	ask("CREATE TABLE cases(state int, header int); CREATE ROLE " + role)
	defer ask("DROP ROLE " + role)
	held := func() error {
		ask("SET ROLE " + role)
		defer ask("RESET ROLE")
		return r.Held(t.Context(), conn)
	}
	if err := held(); err == nil || !strings.Contains(err.Error(), "SELECT ON cases; UPDATE (header) ON cases; UPDATE (state) ON cases: run a.sql") {
		t.Errorf("a role that was given nothing is told %v", err) // the control
	}
	ask("ALTER TABLE cases DROP header")
	if err := held(); err == nil || strings.Contains(err.Error(), "header") {
		t.Errorf("without the column is told %v", err)
	}
	ask("DROP TABLE cases")
	must(t, held())
}
