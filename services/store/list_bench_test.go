package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/audit"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
	"github.com/jisr-exchange/jisr/services/record"
	"github.com/jisr-exchange/jisr/services/store"
)

// BenchmarkReading is what reading costs in CPU, with the database's: a page of a
// hundred and a record, kept from what was read before and not. Each leaves its
// entry, whose commit a file's readers feel; that is not measured here.
func BenchmarkReading(b *testing.B) {
	servers := map[string]func(b *testing.B) (at string, used func() time.Duration){
		"SQLite": func(b *testing.B) (string, func() time.Duration) {
			return filepath.Join(b.TempDir(), "jisr.db"), func() time.Duration { return 0 }
		},
		"PostgreSQL": func(b *testing.B) (string, func() time.Duration) {
			c := throwaway.Durable(b)
			return c.Database(b), func() time.Duration { return usedBy(b, c) }
		},
	}
	for name, database := range servers {
		b.Run(name, func(b *testing.B) {
			h := newHouse(b)
			at, used := database(b)
			names := h.manyVictims(at)
			analyse(b, at)
			for _, way := range []struct {
				name   string
				recent int
				page   bool
			}{{"page", 0, true}, {"page, nothing kept", -1, true}, {"record", 0, false}, {"record, nothing kept", -1, false}} {
				b.Run(way.name, func(b *testing.B) {
					n := h.keeping(at, way.recent)
					defer func() { must(b, n.Store.Close()) }()
					var own, server time.Duration
					var reads int
					begin := func() { server, own = server-used(), own-ownCPU() }
					end := func() { own, server = own+ownCPU(), server+used() }
					for b.Loop() {
						var release func()
						begin()
						for range 20 { // a server's CPU is counted in ticks
							if way.page {
								release = n.victims(100)
							} else {
								release = n.victim(names[reads%20])
							}
							if reads++; reads%10 == 0 {
								end()
								release()
								begin()
							}
						}
						end()
					}
					b.ReportMetric(float64(own.Microseconds())/float64(reads), "own-µs/read")
					b.ReportMetric(float64(server.Microseconds())/float64(reads), "server-µs/read")
				})
			}
		})
	}
}

// manyVictims fills a database with a thousand cases of one victim each.
func (h *house) manyVictims(at string) []string {
	n := h.keeping(at, 0)
	defer func() { must(h.t, n.Store.Close()) }()
	names := make([]string, 1000)
	var all sync.WaitGroup
	for worker := range 50 {
		all.Go(func() {
			for i := worker; i < len(names); i += 50 {
				v, err := n.tellOf(n.aCase(), strings.Repeat("lantern ", 18))
				if err != nil {
					h.t.Error(err)
					return
				}
				names[i] = v
			}
		})
	}
	all.Wait()
	return names
}

// victims lists victims and returns what writes the entry of it.
func (n *node) victims(most int) (release func()) {
	ctx, c := n.as(prosecutor)
	page, _, err := store.List(ctx, n.Store, c, store.Query{Type: record.ByName("Victim"), Size: most}, func() *jisrv1.Victim { return &jisrv1.Victim{} })
	must(n.t, err)
	if len(page) != most {
		n.t.Fatalf("%d victims are listed", len(page))
	}
	return func() { n.disclose(agreement.DocketFrom(ctx), c) }
}

func (n *node) victim(name string) (release func()) {
	ctx, c := n.as(prosecutor)
	_, err := store.Get(ctx, n.Store, name, &jisrv1.Victim{})
	must(n.t, err)
	return func() { n.disclose(agreement.DocketFrom(ctx), c) }
}

// disclose writes the entry of all that a call has loaded.
func (n *node) disclose(docket *agreement.Docket, c *identity.Caller) {
	leaf := audit.Leaf(c, jisrv1.LogEntry_KIND_DISCLOSED, "CaseService/ListVictims", n.clock())
	var subjects []*jisrv1.LogSubject
	var shown []agreement.Loaded
	for _, name := range docket.Names() {
		l, _ := docket.Loaded(name)
		shown = append(shown, l)
		subjects = append(subjects, jisrv1.LogSubject_builder{Record: name}.Build())
	}
	leaf.SetSubjects(subjects)
	_, err := n.Append(n.t.Context(), leaf, shown, c.Law)
	must(n.t, err)
}

// analyse does what a server does by itself within a minute.
func analyse(t testing.TB, at string) {
	if !postgres.IsURL(at) {
		return
	}
	conn, err := pgx.Connect(t.Context(), at)
	must(t, err)
	_, err = conn.Exec(t.Context(), "ANALYZE")
	must(t, errors.Join(err, conn.Close(t.Context())))
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// usedBy is the CPU that a server's processes have used so far.
func usedBy(t testing.TB, c *throwaway.Cluster) (sum time.Duration) {
	text, err := os.ReadFile(filepath.Join(c.Folder(), "data", "postmaster.pid"))
	must(t, err)
	server, _, _ := strings.Cut(string(text), "\n")
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	must(t, err)
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 14 && fields[1] == server {
			for _, field := range fields[11:13] {
				n, err := strconv.ParseInt(field, 10, 64)
				must(t, err)
				sum += time.Duration(n) * 10 * time.Millisecond
			}
		}
	}
	return sum
}
