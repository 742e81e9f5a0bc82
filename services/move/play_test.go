package move_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/move"
)

const requestID = "6f1c7a52-6d9e-4b8e-9f55-0d3c2a9b7e10"

// opened opens a case under a request id.
func opened(x *jisrtest.Exchange, id, governorate string) (*jisrv1.Case, error) {
	body := jisrtest.BaghdadCase()
	body.SetGovernorate(governorate)
	return x.As(jisrtest.Police).CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: body, RequestId: id}.Build())
}

// seen is what every agency of a play is answered about its records, in each of
// its roles and for each purpose, byte for byte; refusals by their reasons.
func seen(t *testing.T, x *jisrtest.Exchange, names []string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for _, who := range append([]string{jisrtest.Police, jisrtest.Community, jisrtest.Erbil, jisrtest.Monitor}, jisrtest.Linked...) {
		slug, _, _ := strings.Cut(who, "/")
		a, _ := x.Law().Agency(slug)
		for _, role := range a.Roles {
			for _, purpose := range x.Law().Purposes(role) {
				for _, name := range names {
					key := strings.Join([]string{who, agreement.RoleName(role), agreement.PurposeName(purpose), name}, " ")
					reply, err := x.AsFor(who, role, purpose).Get(ctx, name)
					if err != nil {
						out[key] = string(jisrtest.Reason(err))
						continue
					}
					text, err := proto.MarshalOptions{Deterministic: true}.Marshal(reply)
					must(t, err)
					out[key] = string(text)
				}
			}
		}
	}
	return out
}

// entries are the log's entries about a record, as its owner sees them.
func entries(t *testing.T, x *jisrtest.Exchange, name string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for token := ""; ; {
		page, err := x.As(jisrtest.Police).ListLogEntries(ctx, jisrv1.ListLogEntriesRequest_builder{Record: name, PageToken: token}.Build())
		must(t, err)
		for _, e := range page.GetLogEntries() {
			text, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
			must(t, err)
			out[e.GetName()] = string(text)
		}
		if token = page.GetNextPageToken(); token == "" {
			return out
		}
	}
}

// An exchange is played on SQLite, goes to PostgreSQL, is played on, and comes
// back. Nobody can tell by anything that it is answered where it was answered from.
func TestAnExchangeGoesToPostgreSQLAndBackAndNobodyCanTell(t *testing.T) {
	first := onFiles(t, nil)
	x := first.start(t)
	f := jisrtest.Fill(jisrtest.Opened(t, x))
	f.Notify(jisrtest.Foreign, jisrtest.Shelter)
	names := []string{f.Case, f.First, f.Second, f.Suspect}
	made, err := opened(x, requestID, "IQG08")
	must(t, err)
	want, logged := seen(t, x, names), entries(t, x, f.Case)
	x.Stop()
	if len(want) < 100 || len(logged) < 40 {
		t.Fatalf("only %d replies and %d entries are compared", len(want), len(logged))
	}

	here := first
	for _, kind := range []func(testing.TB, []byte) home{onServer, onFiles} {
		there := kind(t, here.kek(t))
		database, keys := holds(t, here.database), holds(t, here.keyring)
		report := moved(t, here, there)
		wantEqual(t, holds(t, there.database), database)
		wantEqual(t, holds(t, there.keyring), keys)
		reported(t, report, database, keys)

		x := there.start(t)
		for key, reply := range seen(t, x, names) {
			if reply != want[key] {
				t.Errorf("%s is answered otherwise", key)
			}
		}
		after := entries(t, x, f.Case)
		for name, entry := range logged {
			if after[name] != entry {
				t.Errorf("%s is not what it was", name)
			}
		}
		logged = after
		again, err := opened(x, requestID, "IQG08")
		must(t, err)
		if !proto.Equal(again, made) {
			t.Error("a repeated call has another answer")
		}
		_, err = opened(x, requestID, "IQG15")
		jisrtest.Refused(t, err, fault.RequestIDReused)
		goesOn(t, x, there, f, database)
		want = seen(t, x, names) // the notification is told of in some
		x.Stop()
		here = there
	}
}

// reported holds a report against what there was.
func reported(t *testing.T, report []move.Moved, database, keys map[string][]string) {
	t.Helper()
	tables := 0
	for i, holds := range []map[string][]string{database, keys} {
		for _, table := range report[i].Tables {
			tables++
			if int(table.Rows) != len(holds[table.Name]) || len(table.Digest) != 64 {
				t.Errorf("%s is told as %+v, and there are %d rows", table.Name, table, len(holds[table.Name]))
			}
		}
	}
	if tables != len(database)+len(keys) {
		t.Errorf("%d tables are told of", tables)
	}
}

// goesOn plays on: numbers continue, none is given twice, and no case moves that
// nobody wrote in.
func goesOn(t *testing.T, x *jisrtest.Exchange, h home, f *jisrtest.Filled, before map[string][]string) {
	t.Helper()
	p := *f.Play
	p.Exchange = x
	p.Notify(jisrtest.Foreign, jisrtest.Shelter)
	after := holds(t, h.database)
	for _, table := range []string{"log_entries", "deliveries", "records"} {
		for _, line := range before[table] {
			if table != "records" && !slices.Contains(after[table], line) {
				t.Errorf("a row of %s is not what it was", table)
			}
		}
		if len(after[table]) <= len(before[table]) {
			t.Errorf("nothing was added to %s", table)
		}
	}
	numbers := func(lines []string) map[string]int64 {
		out := make(map[string]int64)
		for _, line := range lines {
			var n int64
			name, value, _ := strings.Cut(line, "|")
			_, err := fmt.Sscan(value, &n)
			must(t, err)
			out[name] = n
		}
		return out
	}
	moved := false
	for name, n := range numbers(before["epochs"]) {
		now := numbers(after["epochs"])[name]
		moved = moved || now != n
		if now != n && name != x.Keyring().Shelfmarks().Of(f.Case) {
			t.Errorf("the epoch of %s is another, and nothing was written there", name)
		}
	}
	if !moved {
		t.Error("no epoch moved")
	}
}

// Several nodes may serve while their exchange is moved, and nothing is lost: what
// they acknowledged is in the copy, what they did not is repeated there with one
// effect, and they acknowledge nothing any more once it was left.
func TestWhatIsAcknowledgedWhileAnExchangeIsMovedIsMovedToo(t *testing.T) {
	source := onServer(t, nil)
	x := source.start(t)
	target := onFiles(t, source.kek(t))
	target.keyring = source.keyring // it stays where it is

	l := load(t, x)
	l.goOn(5)
	moved(t, source, target)
	l.goOn(5)
	l.end()
	wantEqual(t, holds(t, target.database), holds(t, source.database))
	if _, err := opened(x, requestID, "IQG08"); err == nil {
		t.Error("the exchange that was left acknowledges a change")
	}
	_, err := x.As(jisrtest.Police).Get(ctx, l.names[l.ids[0]])
	jisrtest.Refused(t, err, fault.LogUnavailable)
	x.Stop()
	if lost := l.repeat(target.start(t)); lost == 0 || lost == len(l.ids) {
		t.Errorf("%d of %d calls were refused: it was not moved under load", lost, len(l.ids))
	}
	l.once(target)
}

// A file is not moved from under the process that serves it.
func TestAFileThatIsServedIsNotMoved(t *testing.T) {
	source := onFiles(t, nil)
	keys := onServer(t, nil)
	source.keyring = keys.keyring // of both: it stays where it is
	x := source.start(t)
	target := onServer(t, source.kek(t))
	target.keyring = source.keyring

	l := load(t, x)
	l.goOn(5)
	_, err := move.Run(ctx, pieces(t, source, target), options())
	wantRefusal(t, err, "another process holds the database", "stop the jisrd")
	l.goOn(5)
	l.end()
	x.Stop()
	moved(t, source, target)
	wantEqual(t, holds(t, target.database), holds(t, source.database))
	if lost := l.repeat(target.start(t)); lost > 0 {
		t.Errorf("%d of %d calls were refused", lost, len(l.ids))
	}
	l.once(target)
}

// What a process that was killed has left in its journal is moved, too.
func TestEntriesThatWereNotPostedYetAreMovedToo(t *testing.T) {
	source := onFiles(t, nil)
	x := source.start(t)
	p := jisrtest.Opened(t, x)
	_, err := x.As(jisrtest.Police).Get(ctx, p.First)
	must(t, err)
	killed := onFiles(t, source.kek(t))
	for _, name := range []string{"jisr.db", "jisr.db-wal", "jisr.db-entries", "keyring.db"} {
		text, err := os.ReadFile(filepath.Join(source.dir, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(killed.dir, name), text, 0o600))
	}
	target := onServer(t, source.kek(t))
	moved(t, killed, target)
	wantEqual(t, holds(t, target.database), holds(t, killed.database))
	x.Stop()
	// It has them all by now, and its epochs and its entries are the same ones.
	for _, table := range []string{"log_subjects", "log_finds"} {
		if got := holds(t, target.database)[table]; len(got) == 0 || !slices.Equal(got, holds(t, source.database)[table]) {
			t.Errorf("%d rows of %s find entries", len(got), table)
		}
	}
}

// calls are cases that are opened one after another, each with a request id.
type calls struct {
	t        *testing.T
	answered chan struct{}
	stop     chan struct{}
	ended    chan struct{}
	ids      []string
	names    map[string]string // by request id; empty where nothing was acknowledged
}

func load(t *testing.T, x *jisrtest.Exchange) *calls {
	l := &calls{t: t, answered: make(chan struct{}, 1000), stop: make(chan struct{}), ended: make(chan struct{}), names: make(map[string]string)}
	go func() {
		defer close(l.ended)
		for {
			id := "6f1c7a52-6d9e-4b8e-9f55-" + strings.ToLower(fmt.Sprintf("%012x", len(l.ids)))
			c, err := opened(x, id, "IQG08")
			l.ids = append(l.ids, id)
			if err == nil {
				l.names[id] = c.GetName()
			} else if r := jisrtest.Reason(err); r != fault.StoreUnavailable {
				t.Errorf("refused as %s", r)
			}
			l.answered <- struct{}{}
			select {
			case <-l.stop:
				return
			default:
			}
		}
	}()
	return l
}

func (l *calls) goOn(n int) {
	for range n {
		<-l.answered
	}
}

func (l *calls) end() {
	close(l.stop)
	<-l.ended
}

// repeat makes every call again, and says how many had not been acknowledged.
func (l *calls) repeat(y *jisrtest.Exchange) (lost int) {
	l.t.Helper()
	for _, id := range l.ids {
		c, err := opened(y, id, "IQG08")
		must(l.t, err)
		if l.names[id] == "" {
			lost++
		} else if c.GetName() != l.names[id] {
			l.t.Errorf("what was acknowledged has another effect now")
		}
	}
	return lost
}

// once holds that each call made one case.
func (l *calls) once(h home) {
	l.t.Helper()
	if n := len(rows(l.t, h.database, "SELECT name FROM records WHERE type = 'Case'")); n != len(l.ids) {
		l.t.Errorf("%d calls made %d cases", len(l.ids), n)
	}
}
