package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// step is a step of a plan as PostgreSQL tells it.
type step struct {
	Kind  string `json:"Node Type"`
	Table string `json:"Relation Name"`
	Index string `json:"Index Name"`
	By    string `json:"Index Cond"`
	Plans []step `json:"Plans"`
}

// growing are the tables that grow with an exchange.
var growing = []string{"records", "sight", "epochs", "consents", "orders", "seals", "endangered", "deliveries", "idempotency", "log_entries", "log_subjects", "log_finds"}

// grows says which step of a plan reads more the more there is; empty if none does.
// leading are the first columns of indexes. What an agency sees is too much to go
// through: by its holder alone sight is not read, but by holder and type in order.
func (s step) grows(leading map[string]string) string {
	switch {
	case s.Kind == "Seq Scan" && slices.Contains(growing, s.Table):
		return "all of " + s.Table
	case strings.HasPrefix(s.Kind, "Index") || strings.HasPrefix(s.Kind, "Bitmap Index"):
		if column, known := leading[s.Index]; known && !regexp.MustCompile(`\b`+column+`\b`).MatchString(s.By) {
			return fmt.Sprintf("all of %s (%s)", s.Index, s.By)
		}
		if s.Index == "sight_pkey" && !strings.Contains(s.By, "type") {
			return "all of a holder (" + s.By + ")"
		}
		if s.Index == "deliveries_by_agency" && !strings.Contains(s.By, "state") || s.Index == "deliveries_by_case" && !strings.Contains(s.By, "case_name") {
			return "all that waits for an agency (" + s.By + ")"
		}
		if s.Index == "sight_by_case" && (!strings.Contains(s.By, "substr") || !strings.Contains(s.By, "holder")) {
			return "what others know of in a case, or all of a holder in cases (" + s.By + ")"
		}
	}
	for _, below := range s.Plans {
		if what := below.grows(leading); what != "" {
			return what
		}
	}
	return ""
}

// filling makes so many cases more, as far as plans know of them.
var filling = []string{
	`INSERT INTO records(name, type, case_name, subject, create_time, state, revision, header, envelope)
		SELECT 'cases/' || gen_random_uuid(), 'Case', '', '', n, 1, 1, '', repeat('x', 2000)::bytea FROM generate_series(1, $1) n`,
	`INSERT INTO sight(holder, type, create_time, sort, name, link, via, subject, scope, until_time, visible)
		SELECT 'a:agency-' || n % 20, 'Case', n, name, name, link, '', '', -1, 0, 1
		FROM generate_series(1, $1) n, LATERAL (SELECT 'cases/' || gen_random_uuid() AS name OFFSET n * 0) one, generate_series(1, 3) link`,
	"INSERT INTO epochs(case_name, epoch) SELECT 'cases/' || gen_random_uuid(), n FROM generate_series(1, $1) n",
	`INSERT INTO deliveries(name, agency, case_name, notification, state, lease_until)
		SELECT gen_random_uuid(), 'agency-' || n % 20, gen_random_uuid(), '', 1 + n % 3, 0 FROM generate_series(1, $1) n`,
	"INSERT INTO log_subjects(record, time, seq) SELECT (random() * 9e18)::bigint, n, n FROM generate_series(1, $1) n",
	"INSERT INTO log_finds(box, time, seq, finds) SELECT (random() * 9e18)::bigint, 0, n, repeat('x', 2000)::bytea FROM generate_series(1, $1 / 4) n",
	`INSERT INTO consents(name, subject, role, agency, purpose, classes, until_time)
		SELECT gen_random_uuid(), gen_random_uuid(), n % 19, '', n % 5, 0, n FROM generate_series(1, $1 / 4) n`,
	"INSERT INTO orders(name, case_name, target, kind, until_time) SELECT gen_random_uuid(), gen_random_uuid(), '', n % 9, n FROM generate_series(1, $1 / 4) n",
	"INSERT INTO seals(name, case_name, subject, agency) SELECT gen_random_uuid(), gen_random_uuid(), '', 'agency-' || n % 20 FROM generate_series(1, $1 / 4) n",
}

// A connection keeps the plan of a statement, and a database that is young has
// counted nothing yet: what is planned while it is empty, or at any time up to when
// it is counted, must hold when it is full.
func TestWhatIsPlannedInAYoungDatabaseFollowsIndexesAlone(t *testing.T) {
	n := newHouse(t).open(throwaway.URL(t))
	about := n.aCase()
	must(t, n.notify(about))
	must(t, n.endShare(n.share(about)))
	must(t, n.begun(police, about)())
	for _, d := range n.pull(t, 10) {
		n.acknowledge(t, d.GetName())
	}
	n.share(about)
	for _, agency := range []string{police, erbil} {
		ctx, c := n.as(agency)
		_, err := n.Names(ctx, c, about)
		must(t, err)
	}
	must(t, n.everyTable(about))
	ctx, c := n.as(police)
	_, _, err := store.List(ctx, n.Store, c, store.Query{Type: record.ByName("Victim"), Parent: about}, func() *jisrv1.Victim { return &jisrv1.Victim{} })
	must(t, err)
	if n.entries(about) == 0 || n.files() != 1 {
		t.Fatal("nothing was done that could be planned")
	}
	_, err = n.Overdue(ctx)
	must(t, err)

	empty := throwaway.URL(t)
	must(t, store.Migrate(t.Context(), empty, forgetful))
	session := func(o postgres.Options) *pgx.Conn {
		o.Application, o.Forgetful = "plans", true
		conn, err := postgres.Connect(t.Context(), empty, o)
		must(t, err)
		t.Cleanup(func() { must(t, conn.Close(context.Background())) })
		_, err = conn.Exec(t.Context(), "SET plan_cache_mode = force_generic_plan")
		must(t, err)
		return conn
	}
	conn, lists := session(postgres.Options{Lookups: true}), session(postgres.Options{Lookups: true, Indexed: true})
	for _, table := range growing {
		_, err := conn.Exec(t.Context(), "ALTER TABLE "+table+" SET (autovacuum_enabled = off)") // which would count it
		must(t, err)
	}
	leading := make(map[string]string)
	rows, err := conn.Query(t.Context(), `SELECT i.indexrelid::regclass::text, a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		WHERE i.indrelid::regclass::text = ANY($1)`, growing)
	must(t, err)
	var index, column string
	_, err = pgx.ForEachRow(rows, []any{&index, &column}, func() error {
		leading[index] = column
		return nil
	})
	must(t, err)
	plannable := regexp.MustCompile(`^(SELECT|INSERT|UPDATE|DELETE|WITH)\b`)
	// Control: each of these was read by all that there is.
	for _, text := range []string{
		"SELECT s.link FROM (VALUES ($1), ($2), ($3), ($4)) n CROSS JOIN (VALUES ($5), ($6)) h CROSS JOIN sight s WHERE s.name = n.column1 AND s.holder = h.column1 AND s.visible = 1",
		"SELECT d.name FROM deliveries d WHERE d.agency = $1 AND d.state = 1 AND EXISTS (SELECT 1 FROM sight s WHERE s.name = d.name AND s.holder = $2 AND s.visible = 1)",
		"SELECT name FROM records WHERE type = $1",
		"SELECT d.name FROM deliveries d WHERE d.agency = $1 AND d.state = 1 AND NOT EXISTS (SELECT 1 FROM deliveries b WHERE b.agency = d.agency AND b.case_name = d.case_name AND b.state IN (1, 2) AND b.queued < d.queued)",
	} {
		if plan(t, conn, text).grows(leading) == "" {
			t.Errorf("it is not noticed that all is read by %s", text)
		}
	}
	planned := make(map[string]bool)
	for cases := 1; cases < 20_000; cases *= 4 {
		for _, text := range store.Statements() {
			if !plannable.MatchString(text) || strings.HasPrefix(text, "DELETE FROM sight WHERE holder") {
				continue // the latter takes all of a monitor's sight away
			}
			planned[text] = true
			if what := plan(t, conn, text).grows(leading); what != "" {
				t.Errorf("planned with %d cases, %s is read by %s", cases, what, text)
			}
		}
		for _, text := range store.Listing() {
			if what := plan(t, lists, text).grows(leading); what != "" {
				t.Errorf("planned with %d cases, %s is read by %s", cases, what, text)
			}
		}
		for _, text := range filling {
			_, err := conn.Exec(t.Context(), text, cases)
			must(t, err)
		}
	}
	if len(planned) < 30 || len(leading) < 20 {
		t.Errorf("only %d statements and %d indexes are known", len(planned), len(leading))
	}
}

// everyTable asks of what a case has of every kind.
func (n *node) everyTable(about string) error {
	ctx, c := n.as(police)
	_, err := store.Change(ctx, n.Store, c, store.Call{RPC: "CaseService/UpdateCase"}, &jisrv1.Case{}, func(tx *store.Tx) (*jisrv1.Case, error) {
		m := &jisrv1.Case{}
		person, order, consent := about+"/victims/one", about+"/orders/one", about+"/victims/one/consents/one"
		return m, errors.Join(
			tx.View(about, m),
			tx.PutOrder(jisrv1.Order_builder{Name: order, Kind: jisrv1.Order_KIND_SHELTER, Target: person}.Build()),
			second(tx.OrderInForce(jisrv1.Order_KIND_SHELTER, person)),
			tx.DropOrder(order),
			tx.PutConsent(jisrv1.Consent_builder{Name: consent}.Build()),
			second(tx.ConsentInForce(person, jisrv1.Role_ROLE_HEALTH, shelter, nil, 0)),
			second(tx.OpenReferrals(person, []jisrv1.Referral_State{jisrv1.Referral_STATE_SENT})),
			tx.DropConsent(consent),
			tx.Seal(about, "", order, []string{police, shelter}),
			tx.NamedBySeals(about, nil, shelter),
			tx.NamedBySeals(about, []string{person}, shelter),
			second(tx.Sealed(about)),
			second(tx.Unseal(about, "")),
		)
	})
	return err
}

func second[T any](_ T, err error) error { return err }

// plan is how the server would run a statement whatever its parameters are.
func plan(t *testing.T, conn *pgx.Conn, text string) step {
	t.Helper()
	ctx := context.Background()
	_, err := conn.Exec(ctx, "PREPARE planned AS "+text)
	must(t, err)
	var parameters int
	must(t, conn.QueryRow(ctx, "SELECT COALESCE(array_length(parameter_types, 1), 0) FROM pg_prepared_statements WHERE name = 'planned'").Scan(&parameters))
	execute := "EXECUTE planned"
	if parameters > 0 {
		execute += "(" + strings.TrimSuffix(strings.Repeat("NULL,", parameters), ",") + ")"
	}
	var told []byte
	must(t, conn.QueryRow(ctx, "EXPLAIN (FORMAT JSON, COSTS OFF) "+execute, pgx.QueryExecModeSimpleProtocol).Scan(&told))
	_, err = conn.Exec(ctx, "DEALLOCATE planned")
	must(t, err)
	var plans []struct{ Plan step }
	must(t, json.Unmarshal(told, &plans))
	return plans[0].Plan
}
