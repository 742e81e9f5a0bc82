package throwaway

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Stock are databases of one schema, made once and used by one test after the
// other: to make a database takes longer than most plays.
type Stock struct {
	// Make brings the schema into a fresh database, whose URL is that of its owner.
	Make func(url string) error
	// Empty are the statements that take everything out of one again.
	Empty string

	mu   sync.Mutex
	free []string
}

// Mine reports whether the server is one of this test binary alone, so that what
// belongs to a server and not to a database may be made there.
func Mine() bool { return os.Getenv(Elsewhere) == "" }

// URL names a database of the stock, as new, for its owner. It is emptied when the
// test ends. On a server that is not this binary's it is a fresh one and dropped.
func (s *Stock) URL(tb testing.TB) string {
	tb.Helper()
	if !Mine() {
		u := URL(tb)
		if err := s.Make(u); err != nil {
			tb.Fatal(err)
		}
		return u
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) == 0 {
		u, err := Create(started(tb, shared).URL("postgres"))
		if err == nil {
			err = s.Make(u)
		}
		if err != nil {
			tb.Fatal(err)
		}
		s.free = append(s.free, u)
	}
	u := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	tb.Cleanup(func() {
		if err := s.empty(u); err != nil {
			tb.Errorf("throwaway: %v", err)
			return // it is nobody's any more
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.free = append(s.free, u)
	})
	return u
}

// empty empties a database, of which nobody may hold anything any more.
func (s *Stock) empty(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, s.Empty); err != nil {
		return fmt.Errorf("empty: %w", err)
	}
	return nil
}
