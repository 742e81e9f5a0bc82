package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// role makes the roles of deploy/postgres in a site's database, under names and a
// password of the test's own, and returns the site as a node sees it.
func role(t *testing.T, s site) site {
	t.Helper()
	prefix := "jisr_" + strings.ToLower(rand.Text()) + "_"
	var all []string
	for _, r := range []string{"owner", "keys_owner", "serving", "keys_serving", "backup"} {
		all = append(all, prefix+r)
	}
	names := strings.Join(all, ", ")
	t.Cleanup(func() { s.hand(t, "DROP OWNED BY "+names+"; DROP ROLE "+names) })
	for _, file := range []string{"roles.sql", "keyring.sql"} {
		text, err := os.ReadFile("../../deploy/postgres/" + file)
		must(t, err)
		s.hand(t, strings.ReplaceAll(string(text), "jisr_", prefix))
	}
	s.hand(t, "ALTER ROLE "+prefix+"keys_serving PASSWORD 'mulberry'")
	u, err := url.Parse(s.place)
	must(t, err)
	u.User = url.UserPassword(prefix+"keys_serving", "mulberry")
	return site{place: u.String(), kek: s.kek}
}

func TestTheRoleOfANodeCanDoWhatANodeDoesAndNothingElse(t *testing.T) {
	ctx, s := context.Background(), onPostgres(t)
	owner := s.open(t)
	limited := role(t, s)
	r := limited.open(t)
	id := take(t, r)
	remembers(t, r, id)
	must(t, r.Probe(ctx))
	remembers(t, owner, id)
	must(t, r.Destroy(ctx, id))
	if _, err := owner.AEAD(ctx, id); !errors.Is(err, ErrDestroyed) {
		t.Errorf("what it destroys is not heard of: %v", err)
	}
	must(t, r.Close())
	conn, err := pgx.Connect(ctx, limited.place)
	must(t, err)
	defer conn.Close(ctx)
	for _, statement := range []string{
		"UPDATE keys SET wrapped = ''", "TRUNCATE keys", "DROP TABLE keys", "ALTER TABLE keys DISABLE TRIGGER ALL",
		"UPDATE ring SET id = gen_random_uuid()", "DELETE FROM ring", "CREATE TABLE more(id int)", "UPDATE migrations SET number = 2",
	} {
		if _, err := conn.Exec(ctx, statement); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// A right that is used when a key is made or destroyed is missed before that. What is
// taken is what the database itself says was given.
func TestARightThatIsTakenFromTheRoleOfANodeIsTold(t *testing.T) {
	ctx, s := context.Background(), onPostgres(t)
	s.open(t) // makes the schema and the secret
	limited := role(t, s)
	kek, err := OpenFileKEK(s.kek)
	must(t, err)
	u, err := url.Parse(limited.place)
	must(t, err)
	r, node := limited.open(t), u.User.Username()
	must(t, r.Probe(ctx))
	conn, err := pgx.Connect(ctx, s.place)
	must(t, err)
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT x.privilege_type || ' ON ' || c.relname
			FROM pg_class c, aclexplode(c.relacl) x WHERE x.grantee = $1::text::regrole AND x.privilege_type <> 'MAINTAIN' -- without which the server vacuums
		UNION ALL SELECT x.privilege_type || ' (' || a.attname || ') ON ' || c.relname
			FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) x WHERE x.grantee = $1::text::regrole`, node)
	must(t, err)
	rights, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	if len(rights) != 7 {
		t.Fatalf("these are not the rights of a node: %v", rights)
	}
	for _, right := range rights {
		s.hand(t, "REVOKE "+right+" FROM "+node)
		if err := r.Probe(ctx); err == nil || !strings.Contains(err.Error(), "42501") && !strings.Contains(err.Error(), " "+right+": run deploy/postgres/keyring.sql") {
			t.Errorf("without %s is told %v", right, err)
		}
		if Review(ctx, limited.place, kek, Forgetful) == nil {
			t.Errorf("an operator who asks is not told that %s is missing", right)
		}
		s.hand(t, "GRANT "+right+" TO "+node)
		must(t, r.Probe(ctx))
	}
	s.hand(t, "REVOKE UPDATE ON keys FROM "+node) // control: it was never given
	must(t, r.Probe(ctx))
	must(t, Review(ctx, limited.place, kek, Forgetful))
}

// What a destroyed key leaves in the file is for the next keys to write over;
// docs/threats.md says how far that goes.
func TestThePlaceOfADestroyedKeyIsVacuumed(t *testing.T) {
	ctx, s := context.Background(), onPostgres(t)
	r := s.open(t)
	const vacuumed = "SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'keys'"
	id := take(t, r)
	if s.hand(t, vacuumed) != 0 {
		t.Fatal("it was vacuumed before: this test would prove nothing")
	}
	must(t, r.Destroy(ctx, id))
	if s.hand(t, vacuumed) == 0 {
		t.Error("it was not")
	}
	if s.hand(t, `SELECT COUNT(*) FROM pg_class WHERE relname = 'keys' AND 'autovacuum_vacuum_threshold=0' = ANY(reloptions)
		AND 'autovacuum_vacuum_scale_factor=0' = ANY(reloptions)`) != 1 {
		t.Error("where the role may not, the server does not do it by itself")
	}
}
