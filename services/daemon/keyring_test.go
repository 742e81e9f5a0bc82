package daemon_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jisr-exchange/jisr/services/daemon"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// keyed is a sound configuration whose keyring is elsewhere.
func keyed(t *testing.T, keyring string) (dir, path string) {
	t.Helper()
	dir, path = sound(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, strings.Replace(string(text), "keyring: keyring.db", "keyring: "+keyring, 1))
	return dir, path
}

func TestAKeyringInPostgreSQLIsNamedByItsURL(t *testing.T) {
	dir, path := keyed(t, throwaway.Durable(t).Database(t))
	if err := daemon.Check(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	c, err := daemon.LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	c.DrainNotice = 0
	for range 2 { // the second finds what the first has made
		d, err := daemon.Open(context.Background(), c, "test", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		stop()
		if err := d.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.Contains(f.Name(), "keyring") || strings.Contains(f.Name(), "postgres") {
			t.Errorf("%s was made", f.Name())
		}
	}
}

func TestAKeyringThatCannotBeReachedIsToldWithoutItsPassword(t *testing.T) {
	dir, path := keyed(t, "postgres://keys:mulberry@localhost:1/keyring")
	c, err := daemon.LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = daemon.Open(context.Background(), c, "test", slog.New(slog.DiscardHandler))
	if err == nil || strings.Contains(err.Error(), "mulberry") || !strings.Contains(err.Error(), "check that the server runs") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "jisr.db")); err == nil {
		t.Error("a database was made all the same")
	}
}
