package jisrtest

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
	"github.com/jisr-exchange/jisr/services/store"
)

// OnPostgres keeps, set to anything, what every exchange keeps in PostgreSQL where
// its test says nothing else.
const OnPostgres = "JISR_PLAYS_ON_POSTGRES"

// Served reports whether plays are played on PostgreSQL.
func Served() bool { return os.Getenv(OnPostgres) != "" }

// Place is a database in PostgreSQL.
type Place struct {
	// Owner is its URL for who may do anything with it.
	Owner string
	// Serving is its URL for a node, whose role has no more rights than a node needs.
	Serving string
}

// At is a database that the test has made itself, with all rights.
func At(url string) Place { return Place{url, url} }

// password is that of the roles; they are gone with the server that knows them.
const password = "jisr-throwaway"

var (
	caseStock = throwaway.Stock{
		Make: func(at string) error {
			return furnish(at, "jisr_owner", "exchange.sql", func(url string) error {
				return store.Migrate(context.Background(), url, postgres.Options{Forgetful: true})
			})
		},
		Empty: `DO $$ BEGIN EXECUTE (SELECT 'TRUNCATE ' || string_agg(tablename, ', ') || ' RESTART IDENTITY'
			FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migrations'); END $$`,
	}
	keyStock = throwaway.Stock{
		Make: func(at string) error {
			return furnish(at, "jisr_keys_owner", "keyring.sql", func(url string) error {
				return keyring.Migrate(context.Background(), url, keyring.Forgetful)
			})
		},
		Empty: "TRUNCATE keys; UPDATE ring SET id = gen_random_uuid(), generation = gen_random_uuid()",
	}
)

// CaseDatabase is a database of cases that holds nothing yet.
func CaseDatabase(t testing.TB) Place { return place(t, &caseStock, "jisr_serving") }

// KeyDatabase is a database of keys that holds nothing yet.
func KeyDatabase(t testing.TB) Place { return place(t, &keyStock, "jisr_keys_serving") }

func place(t testing.TB, s *throwaway.Stock, role string) Place {
	t.Helper()
	owner := s.URL(t)
	if !throwaway.Mine() {
		return At(owner) // roles belong to a server, and this one is somebody's
	}
	serving, err := as(owner, role)
	if err != nil {
		t.Fatal(err)
	}
	return Place{owner, serving}
}

func as(at, role string) (string, error) {
	u, err := url.Parse(at)
	if err != nil {
		return "", err
	}
	u.User = url.UserPassword(role, password)
	return u.String(), nil
}

// furnish makes a schema as its owner would, and gives the nodes' role its rights.
func furnish(at, role, rights string, migrate func(url string) error) error {
	if !throwaway.Mine() {
		return migrate(at)
	}
	if err := roles(at); err != nil {
		return err
	}
	owner, err := as(at, role)
	if err != nil {
		return err
	}
	if err := Run(at, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO `+role+`', current_database()); END $$`); err != nil {
		return err
	}
	if err := migrate(owner); err != nil {
		return err
	}
	text, err := RightsFile(rights)
	if err != nil {
		return err
	}
	return Run(owner, text)
}

var rolesMade struct {
	sync.Mutex
	done bool
}

// roles makes the roles of the project in the server of this test binary.
func roles(at string) error {
	rolesMade.Lock()
	defer rolesMade.Unlock()
	if rolesMade.done {
		return nil
	}
	text, err := RightsFile("roles.sql")
	if err != nil {
		return err
	}
	for _, role := range []string{"jisr_owner", "jisr_keys_owner", "jisr_serving", "jisr_keys_serving", "jisr_backup"} {
		text += "ALTER ROLE " + role + " PASSWORD '" + password + "';\n"
	}
	err = Run(at, text)
	rolesMade.done = err == nil
	return err
}

// RightsFile is one of the project's texts about who may do what.
func RightsFile(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(Root(), "deploy", "postgres", name))
	return string(text), err
}

// Run runs SQL in a database in PostgreSQL.
func Run(at, text string) error {
	conn, err := pgx.Connect(context.Background(), at)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), text)
	return err
}
