package daemon_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jisr-exchange/jisr/services/daemon"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// served is a sound configuration whose cases are elsewhere, with more lines.
func served(t *testing.T, database, more string) (dir, path string) {
	t.Helper()
	dir, path = sound(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, strings.Replace(string(text), "database: jisr.db", "database: "+database, 1)+more)
	return dir, path
}

func TestADatabaseInPostgreSQLIsNamedByItsURLAndFoundAgain(t *testing.T) {
	dir, path := served(t, throwaway.Durable(t).Database(t), "")
	c, err := daemon.LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	c.DrainNotice = 0
	for range 2 {
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
	if _, err := os.Stat(filepath.Join(dir, "jisr.db")); err == nil {
		t.Error("a file was made all the same")
	}
}

func TestWhatIsToSurviveANodeDoesNotStartWithoutAStandby(t *testing.T) {
	_, path := served(t, throwaway.Durable(t).Database(t), "survives: node\n")
	c, err := daemon.LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = daemon.Open(context.Background(), c, "test", slog.New(slog.DiscardHandler))
	var refused postgres.Refusals
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "synchronous_standby_names") {
		t.Errorf("started without a standby: %v", err)
	}
	for more, want := range map[string]string{"survives: node\n": "a database in a file", "survives: anything\n": "must be process or node"} {
		_, path := served(t, "jisr.db", more)
		if _, err := daemon.LoadConfig(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is answered %v", more, err)
		}
	}
}
