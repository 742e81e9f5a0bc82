package daemon_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/daemon"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
	"github.com/jisr-exchange/jisr/services/store"
)

// stored is a sound configuration whose cases and keys are elsewhere, with further lines.
func stored(t *testing.T, database, keyring, more string) (path string) {
	t.Helper()
	_, path = sound(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, strings.NewReplacer("database: jisr.db", "database: "+database, "keyring: keyring.db", "keyring: "+keyring).Replace(string(text))+more)
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDatabasesAreHeldAgainstEachOtherBeforeTheyAreAsked(t *testing.T) {
	// Nothing listens there: whatever is said is said without asking.
	const cases, keys = "postgres://jisr@localhost:1/jisr", "postgres://jisr@localhost:1/jisr_keys"
	promised := "postgres:\n  survives_node_loss: true\n"
	for name, c := range map[string]struct{ database, keyring, more, said string }{
		"one database for both":    {cases, cases, "", "keyring: names the same database as database"},
		"by another role":          {cases, "postgres://keys@localhost:1/jisr", "", "keyring: names the same database as database"},
		"one of several hosts":     {"postgres://jisr@localhost:2,localhost:1/jisr", cases, "", "keyring: names the same database as database"},
		"keys in a file":           {cases, "keyring.db", "", "keyring: names a file, and database is one that several nodes share"},
		"a promise over files":     {"jisr.db", "keyring.db", promised, "postgres.survives_node_loss: cannot be promised of files"},
		"a promise over half":      {"jisr.db", keys, promised, "postgres.survives_node_loss: cannot be promised of files"},
		"too few connections":      {cases, keys, "postgres:\n  pool: 5\n", "postgres.pool: must be at least 6"},
		"whom it reaches":          {"postgres://jisr@db.test/jisr", keys, "", "database: the connection to db.test would leave this machine"},
		"no name":                  {cases, "postgres://jisr@localhost:1", "", "keyring: the database's URL names no database"},
		"what the session must be": {cases + "?synchronous_commit=off", keys, "", "database: the database's URL is not understood"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := daemon.LoadConfig(stored(t, c.database, c.keyring, c.more))
			if err == nil || !strings.Contains(err.Error(), c.said) || !strings.Contains(err.Error(), ".yaml:") {
				t.Errorf("%v", err)
			}
		})
	}
	if _, err := daemon.LoadConfig(stored(t, cases, keys, promised+"  pool: 6\n")); err != nil {
		t.Errorf("the control is not sound: %v", err)
	}
	all, err := daemon.LoadConfig(stored(t, "postgres://jisr@db.test/jisr", "postgres://jisr@localhost:1", "postgres:\n  pool: 5\n"))
	var wrong daemon.Mistakes
	if !errors.As(err, &wrong) || len(wrong) != 3 || all == nil {
		t.Errorf("three mistakes are told as %v", err)
	}
}

func TestAPasswordIsKeptWhereNobodyElseReadsIt(t *testing.T) {
	const cases, keys = "postgres://jisr:mulberry@localhost:1/jisr", "postgres://jisr@localhost:1/jisr_keys"
	path := stored(t, cases, keys, "")
	if _, err := daemon.LoadConfig(path); err != nil {
		t.Errorf("in a file that nobody else may read: %v", err)
	}
	must(t, os.Chmod(path, 0o640))
	if _, err := daemon.LoadConfig(path); err == nil || !strings.Contains(err.Error(), "database: holds a password, and others can read this file (mode 0640)") ||
		strings.Contains(err.Error(), "mulberry") {
		t.Errorf("in a file that others may read: %v", err)
	}
	passwords := filepath.Join(t.TempDir(), "passwords")
	write(t, passwords, "localhost:1:jisr:jisr:mulberry\n")
	path = stored(t, "postgres://jisr@localhost:1/jisr?passfile="+passwords, keys, "")
	must(t, os.Chmod(path, 0o640))
	if _, err := daemon.LoadConfig(path); err != nil {
		t.Errorf("in a file of its own: %v", err)
	}
	must(t, os.Chmod(passwords, 0o644))
	if _, err := daemon.LoadConfig(path); err == nil || !strings.Contains(err.Error(), "database: "+passwords+" can be read by others (mode 0644): chmod 600 it") {
		t.Errorf("in a file of its own that others may read: %v", err)
	}
}

func TestTheCheckAsksTheServersOfBothDatabases(t *testing.T) {
	c := throwaway.Durable(t)
	path := stored(t, c.Database(t), c.Database(t), "")
	if err := daemon.Check(context.Background(), path); err != nil {
		t.Errorf("the control: %v", err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "kek")); err == nil {
		t.Error("the check made a key")
	}
	err := daemon.Check(context.Background(), stored(t, c.URL("nowhere"), c.URL("neither"), ""))
	if !errors.Is(err, daemon.ErrServer) || !strings.Contains(err.Error(), `database: postgres: `) || !strings.Contains(err.Error(), "nowhere") || !strings.Contains(err.Error(), "neither") {
		t.Errorf("%v", err)
	}
	err = daemon.Check(context.Background(), stored(t, c.Database(t), c.Database(t), "postgres:\n  survives_node_loss: true\n"))
	if !errors.Is(err, daemon.ErrServer) || strings.Count(err.Error(), "no standby is waited for") != 2 {
		t.Errorf("%v", err)
	}
}

func TestTheCheckFindsADatabaseOfAnotherKeyring(t *testing.T) {
	c := throwaway.Durable(t)
	cases, keys := c.Database(t), c.Database(t)
	path := stored(t, cases, keys, "")
	config, err := daemon.LoadConfig(path)
	must(t, err)
	config.DrainNotice = 0
	d, err := daemon.Open(context.Background(), config, "test", slog.New(slog.DiscardHandler))
	must(t, err)
	ended, stop := context.WithCancel(context.Background())
	stop()
	must(t, d.Run(ended))
	if err := daemon.Check(context.Background(), path); err != nil {
		t.Errorf("the control: %v", err)
	}
	// One that is still to be made, and one that is.
	other := stored(t, cases, c.Database(t), "")
	for range 2 {
		err = daemon.Check(context.Background(), other)
		if !errors.Is(err, daemon.ErrServer) || !strings.Contains(err.Error(), "database: store: the database belongs to another keyring") {
			t.Errorf("%v", err)
		}
		config, err := daemon.LoadConfig(other)
		must(t, err)
		if _, err := daemon.Open(context.Background(), config, "test", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "belongs to another keyring") {
			t.Errorf("it is served: %v", err)
		}
	}
}

func TestAReloadForTheSakeOfACertificateUndoesNoAgreementOfAnotherNode(t *testing.T) {
	c := throwaway.Durable(t)
	cases, keys := c.Database(t), c.Database(t)
	node := func(kek []byte) (*daemon.Daemon, string) {
		path := stored(t, cases, keys, "drain_notice: 0s\n")
		if kek != nil {
			write(t, filepath.Join(filepath.Dir(path), "kek"), string(kek))
		}
		config, err := daemon.LoadConfig(path)
		if err != nil {
			t.Fatal(err)
		}
		d, err := daemon.Open(context.Background(), config, "test", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ended, end := context.WithCancel(context.Background())
			end()
			if err := d.Run(ended); err != nil {
				t.Error(err)
			}
		})
		return d, filepath.Join(filepath.Dir(path), "agreement.txtpb")
	}
	a, file := node(nil)
	kek, err := os.ReadFile(filepath.Join(filepath.Dir(file), "kek"))
	if err != nil {
		t.Fatal(err)
	}
	b, other := node(kek)
	shipped, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	inForce := func() string {
		t.Helper()
		text, err := store.InForce(context.Background(), cases, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	reload := func(d *daemon.Daemon) {
		t.Helper()
		if err := d.Reload(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	later, latest := string(shipped)+"# later\n", string(shipped)+"# latest\n"
	write(t, file, later)
	reload(a)
	reload(b) // its file says what it said
	if inForce() != later {
		t.Error("a reload has put back what another node had replaced")
	}
	write(t, other, latest)
	reload(b) // its file says something new
	if inForce() != latest {
		t.Error("what a node was told to adopt is not in force")
	}
	// And back, of somebody's own will, on a node whose file says what it said.
	must(t, os.Chtimes(file, time.Time{}, time.Now().Add(time.Second)))
	reload(a)
	if inForce() != later {
		t.Error("nobody can go back")
	}
}
