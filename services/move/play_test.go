package move_test

import (
	"fmt"
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
		if now != n && name != f.Case {
			t.Errorf("the epoch of %s is another, and nothing was written there", name)
		}
	}
	if !moved {
		t.Error("no epoch moved")
	}
}

// An exchange that serves while it is moved loses nothing: what it acknowledged is
// in the copy, what it did not is repeated there with one effect, and it
// acknowledges nothing any more once it was left.
func TestWhatIsAcknowledgedWhileAnExchangeIsMovedIsMovedToo(t *testing.T) {
	eachWay(t, func(t *testing.T, from, to func(testing.TB, []byte) home) {
		source := from(t, nil)
		keys := onServer(t, nil)
		source.keyring = keys.keyring // of both: it stays where it is
		x := source.start(t)
		target := to(t, source.kek(t))
		target.keyring = source.keyring

		answered, ended := make(chan struct{}, 1000), make(chan struct{})
		names := make(map[string]string) // by request id; empty where nothing was acknowledged
		var ids []string
		stop := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				id := "6f1c7a52-6d9e-4b8e-9f55-" + strings.ToLower(fmt.Sprintf("%012x", len(ids)))
				c, err := opened(x, id, "IQG08")
				ids = append(ids, id)
				if err == nil {
					names[id] = c.GetName()
				} else if r := jisrtest.Reason(err); r != fault.StoreUnavailable {
					t.Errorf("refused as %s", r)
				}
				answered <- struct{}{}
				select {
				case <-stop:
					return
				default:
				}
			}
		}()
		for range 5 {
			<-answered
		}
		moved(t, source, target)
		for range 5 {
			<-answered
		}
		close(stop)
		<-ended
		wantEqual(t, holds(t, target.database), holds(t, source.database))
		if _, err := opened(x, requestID, "IQG08"); err == nil {
			t.Error("the exchange that was left acknowledges a change")
		}
		_, err := x.As(jisrtest.Police).Get(ctx, names[ids[0]])
		jisrtest.Refused(t, err, fault.LogUnavailable)
		x.Stop()

		y := target.start(t)
		lost := 0
		for _, id := range ids {
			c, err := opened(y, id, "IQG08")
			must(t, err)
			if names[id] == "" {
				lost++
			} else if c.GetName() != names[id] {
				t.Errorf("what was acknowledged has another effect now")
			}
		}
		if n := len(rows(t, target.database, "SELECT name FROM records WHERE type = 'Case'")); n != len(ids) {
			t.Errorf("%d calls made %d cases", len(ids), n)
		}
		if lost == 0 || lost == len(ids) {
			t.Errorf("%d of %d calls were refused: it was not moved under load", lost, len(ids))
		}
	})
}
