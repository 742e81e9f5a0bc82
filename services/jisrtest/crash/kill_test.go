package crash_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// kills is how often the process is killed in one run.
const kills = 50

func TestKillNineAtAnyMomentLosesNothingThatWasAnswered(t *testing.T) {
	x := install(t)
	x.start()
	w := x.settle(rand.Uint64())
	random := rand.New(rand.NewPCG(w.seed, inFlight)) // a stream beside the desks' own
	early := filepath.Join(t.TempDir(), "early.db")
	begun := 0
	for i := range kills {
		from := w.book.len()
		stop := make(chan struct{})
		// A random moment of the load, from its first calls to a log of some hundred groups.
		after := time.AfterFunc(time.Duration(20+random.IntN(100))*time.Millisecond, func() { x.signal(syscall.SIGKILL) })
		x.load(w, stop)
		after.Stop()
		x.wait()
		begun += len(w.book.open())
		x.start()
		x.repeat(w.book)
		if t.Failed() {
			t.Fatalf("after kill %d", i)
		}
		l, err := x.openLedger(x.database())
		x.must(err)
		x.report(l.hold(w.book.since(from)))
		x.report(x.readBack(w.book, toldIn(w.book, from)))
		if t.Failed() {
			t.Fatalf("after kill %d", i)
		}
		if i == kills/2 {
			x.stop()
			copyFile(t, x.database(), early)
			x.start()
		}
	}
	x.report(x.readBack(w.book, w.book.told()))
	x.stop()
	x.audited(w.book)
	if begun == 0 {
		t.Error("no kill cut a change off: the kills were not under load")
	}
	t.Logf("%d kills, %d calls, %d changes cut off and repeated", kills, w.book.len(), begun)
	t.Run("and the audit sees what is removed", func(t *testing.T) { seesRemovals(t, x, w) })
	t.Run("and reading back sees a database of yesterday", func(t *testing.T) {
		copyFile(t, early, x.database())
		x.must(os.Remove(x.database() + "-entries")) // which is of today
		x.start()
		told := w.book.told()
		if got := x.readBack(w.book, told); len(got) == 0 {
			t.Error("reading back did not notice")
		}
		x.stop()
	})
}

// toldIn is what the calls from the nth on told and nobody overwrote since.
func toldIn(b *book, n int) map[string]string {
	told, all := make(map[string]string), b.told()
	for _, c := range b.since(n) {
		if _, ok := all[c.Record]; ok && !c.reads() && c.answered() {
			told[c.Record] = all[c.Record]
		}
	}
	return told
}

// seesRemovals is the control of the audit: on copies of the file from which a
// single thing is missing, it must complain, each time.
func seesRemovals(t *testing.T, x *exchange, w *world) {
	last := func(match func(*call) bool) *call {
		calls := w.book.since(0)
		for i := len(calls) - 1; i >= 0; i-- {
			if calls[i].answered() && match(calls[i]) {
				return calls[i]
			}
		}
		t.Fatal("the load made no such call")
		return nil
	}
	is := func(rpc string) *call { return last(func(c *call) bool { return c.RPC == rpc }) }
	created, updated, read, sent := is("CaseService/CreateVictim"), is("CaseService/UpdateVictim"), is("CaseService/GetVictim"), is("NotificationService/SendNotification")
	for name, remove := range map[string][2]string{
		"a record":                    {"DELETE FROM records WHERE name = ?", created.Record},
		"a change's entry":            {"DELETE FROM log_entries WHERE name = ?", updated.Receipt},
		"a read's entry":              {"DELETE FROM log_entries WHERE name = ?", read.Receipt},
		"a change of a record's list": {"DELETE FROM log_subjects WHERE seq = (SELECT seq FROM log_entries WHERE name = ?)", updated.Receipt},
		"what finds a read":           {"DELETE FROM log_finds WHERE box = 1 AND (SELECT COUNT(*) FROM log_entries WHERE name = ?) = 1", read.Receipt},
		"an update":                   {"UPDATE records SET revision = revision - 1 WHERE name = ?", updated.Record},
		"a section":                   {"UPDATE records SET envelope = substr(envelope, 1, 40) WHERE name = ?", updated.Record},
		"a delivery":                  {"DELETE FROM deliveries WHERE notification = ?", sent.Record},
		"that a thing was done once":  {"INSERT INTO log_entries(name, time, leaf, salt, commitment) SELECT 'logEntries/again', time, leaf, salt, commitment FROM log_entries WHERE name = ?", created.Receipt},
		"what an entry says":          {"UPDATE log_entries SET leaf = (SELECT leaf FROM log_entries ORDER BY name LIMIT 1) WHERE name = ?", read.Receipt},
		"what a record looked like":   {"UPDATE records SET header = header || x'00' WHERE name = ?", created.Record},
	} {
		path := filepath.Join(t.TempDir(), "doctored.db")
		copyFile(t, x.database(), path)
		conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
		x.must(err)
		x.must(sqlitex.Execute(conn, remove[0], &sqlitex.ExecOptions{Args: []any{x.marks().Of(remove[1])}}))
		if conn.Changes() == 0 {
			t.Errorf("%s: nothing was removed", name)
		}
		x.must(conn.Close())
		l, err := x.openLedger(path)
		x.must(err)
		if len(l.holdWhole(w.book)) == 0 {
			t.Errorf("the audit does not notice that %s is missing", name)
		}
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// alive asks for the server's health and returns its status.
func (x *exchange) alive() grpc_health_v1.HealthCheckResponse_ServingStatus {
	x.t.Helper()
	reply, err := x.as(jisrtest.Police).Health.Check(context.Background(), &grpc_health_v1.HealthCheckRequest{})
	x.must(err)
	return reply.GetStatus()
}
