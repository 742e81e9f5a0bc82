package store_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
	"github.com/jisr-exchange/jisr/services/store"
)

// awake bounds what is waited for; what takes as long hangs.
const awake = time.Minute

// until returns when something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for end := time.After(awake); !so(); {
		select {
		case <-again.C:
		case <-end:
			t.Fatalf("after %s it is not so: %s", awake, what)
		}
	}
}

// named opens a node whose connections have a name of their own, and returns when
// it hears the others.
func (h *house) named(t *testing.T, name, at, database string) *node {
	t.Helper()
	n := h.openAs(at, postgres.Options{Forgetful: true, Application: name})
	listens(t, database, name)
	return n
}

// listens returns when a node hears the others.
func listens(t *testing.T, database, name string) {
	t.Helper()
	conn := connect(t, database)
	until(t, "a node listens", func() bool {
		return count(t, conn, "application_name LIKE '"+name+" wake-ups %' AND state = 'idle' AND query ~ 'LISTEN|pg_notify'") == 1
	})
}

// count counts the connections of a server of which something is so.
func count(t *testing.T, conn *pgx.Conn, so string) (n int) {
	t.Helper()
	must(t, conn.QueryRow(t.Context(), "SELECT COUNT(*) FROM pg_stat_activity WHERE "+so).Scan(&n))
	return n
}

// followed has a node follow by a clock that the test holds, until the test ends.
func (n *node) followed(t *testing.T) (clock chan time.Time) {
	t.Helper()
	clock = make(chan time.Time)
	n.PollBy(clock)
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n.Follow(ctx, n.law.Store)
	}()
	t.Cleanup(func() {
		end()
		<-ended
	})
	return clock
}

// ear hears what nodes say to each other.
func ear(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	conn := connect(t, database)
	_, err := conn.Exec(t.Context(), "LISTEN "+store.WakeChannel)
	must(t, err)
	return conn
}

// words returns the words of the next message.
func words(t *testing.T, ear *pgx.Conn) []string {
	t.Helper()
	ctx, end := context.WithTimeout(t.Context(), awake)
	defer end()
	heard, err := ear.WaitForNotification(ctx)
	must(t, err)
	return strings.Fields(heard.Payload)
}

// moved returns the cases of the next message that names any.
func moved(t *testing.T, ear *pgx.Conn) (cases []string) {
	t.Helper()
	for len(cases) == 0 {
		cases = slices.DeleteFunc(words(t, ear), func(word string) bool { return word == "law" })
	}
	return cases
}

// elsewhere is another database of the same server.
func elsewhere(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	return connect(t, strings.Replace(database, "/"+databaseOf(t, database), "/postgres", 1))
}

func TestANodeIsWokenByAnAgreementThatAnotherAdopts(t *testing.T) {
	h, database := newHouse(t), throwaway.URL(t)
	a, b := h.named(t, "a", database, database), h.named(t, "b", database, database)
	a.followed(t) // by a clock that never ticks
	for _, word := range []string{"later", "and later"} {
		next := b.another(word)
		must(t, b.Adopt(t.Context(), next, b.law.Store))
		until(t, "the other node has the agreement", func() bool { return a.law.Load().Hash() == next.Hash() })
	}
}

func TestAWakeUpThatIsLostCostsNoMoreThanThePoll(t *testing.T) {
	h, database := newHouse(t), throwaway.URL(t)
	a, b := h.named(t, "a", database, database), h.named(t, "b", database, database)
	clock := a.followed(t)
	about := a.aCase()
	must(t, a.begun(police, about)())
	listening, super := ear(t, database), elsewhere(t, database)
	// The one that listens loses its line, and gets no other.
	_, err := super.Exec(t.Context(), "ALTER DATABASE "+pgx.Identifier{databaseOf(t, database)}.Sanitize()+" ALLOW_CONNECTIONS false")
	must(t, err)
	_, err = super.Exec(t.Context(), "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name LIKE 'a wake-ups %'")
	must(t, err)
	next := b.another("later")
	must(t, b.Adopt(t.Context(), next, b.law.Store))
	for !slices.Contains(words(t, listening), "law") {
	}
	if a.law.Load().Hash() == next.Hash() {
		t.Error("the other node heard what was said to nobody")
	}
	clock <- time.Time{}
	until(t, "the other node has the agreement", func() bool { return a.law.Load().Hash() == next.Hash() })
	must(t, a.begun(police, about)())
	// Its line is made anew, and it hears again.
	_, err = super.Exec(t.Context(), "ALTER DATABASE "+pgx.Identifier{databaseOf(t, database)}.Sanitize()+" ALLOW_CONNECTIONS true")
	must(t, err)
	last := b.another("last")
	must(t, b.Adopt(t.Context(), last, b.law.Store))
	until(t, "the other node has the last agreement", func() bool { return a.law.Load().Hash() == last.Hash() })
}

func TestAHundredCommitsAreToldInOneMessage(t *testing.T) {
	h, database := newHouse(t), throwaway.URL(t)
	l, at := lineTo(t, database)
	n := h.named(t, "a", at, database)
	listening := ear(t, database)
	first := n.Mark(n.aCase())
	if got := moved(t, listening); !slices.Contains(got, first) {
		t.Errorf("of %s is told %q", first, got)
	}
	l.when(on("pg_notify", held))
	said := map[string]bool{n.Mark(n.aCase()): true} // is on its way, or waits with the others
	const calls = 100
	names := make([]string, calls)
	for _, err := range atOnce(calls, func(i int) (err error) {
		names[i], err = n.newCase("")
		return err
	}) {
		must(t, err)
	}
	l.when(nil)
	l.release()
	for _, name := range names {
		said[n.Mark(name)] = true
	}
	messages := 0
	for ; len(said) > 0; messages++ {
		for _, word := range moved(t, listening) {
			delete(said, word)
		}
	}
	if messages > 2 {
		t.Errorf("%d commits are told in %d messages", calls+1, messages)
	}
	// Control: what is committed once the others have heard is told in a message of its own.
	for range 3 {
		name := n.Mark(n.aCase())
		if got := moved(t, listening); !slices.Equal(got, []string{name}) {
			t.Errorf("of %s is told %q", name, got)
		}
	}
}

func TestWhatMovedOnAnotherNodeIsKeptNoLonger(t *testing.T) {
	h, database := newHouse(t), throwaway.URL(t)
	a, b := h.named(t, "a", database, database), h.named(t, "b", database, database)
	listening := ear(t, database)
	told := func(names ...string) {
		t.Helper()
		for i := range names {
			names[i] = a.Mark(names[i])
		}
		if got := moved(t, listening); !slices.Equal(got, names) {
			t.Errorf("of %q is told %q", names, got)
		}
	}
	one := a.aCase()
	told(one)
	other := a.aCase()
	told(other)
	read := func(name string) error {
		ctx, _ := a.as(police)
		_, err := store.Get(ctx, a.Store, name, &jisrv1.Case{})
		return err
	}
	_, c := a.as(police)
	must(t, read(one))
	must(t, read(other))
	s := b.share(one)
	told(one)
	until(t, "the case is not kept", func() bool { return !a.Keeps(c, one) })
	if !a.Keeps(c, other) {
		t.Error("a case that nobody wrote in is kept no longer")
	}
	// A call that was refused has moved nothing, and is told to nobody.
	must(t, b.endShare(s))
	told(one)
	if err := b.endShare(s); err == nil {
		t.Fatal("a share ends twice")
	}
	must(t, b.notify(other))
	told(other)
	until(t, "the other case is not kept", func() bool { return !a.Keeps(c, other) })
}

// Whoever may come into the database may say anything there.
func TestWhatIsSaidByOthersChangesNothing(t *testing.T) {
	h, database := newHouse(t), throwaway.URL(t)
	a := h.named(t, "a", database, database)
	a.followed(t)
	before := a.law.Load()
	about, other := a.aCase(), a.aCase()
	_, c := a.as(police)
	for _, name := range []string{about, other} {
		ctx, _ := a.as(police)
		_, err := store.Get(ctx, a.Store, name, &jisrv1.Case{})
		must(t, err)
	}
	said := ear(t, database)
	say := func(message string) {
		_, err := said.Exec(t.Context(), "SELECT pg_notify($1, $2)", store.WakeChannel, message)
		must(t, err)
	}
	say("")
	say(strings.Repeat("x", 7999))
	say("law cases/unknown \x01 law law " + other)
	until(t, "what was named is not kept", func() bool { return !a.Keeps(c, other) })
	if !a.Keeps(c, about) {
		t.Error("a word that names nothing has had something forgotten")
	}
	say("all")
	until(t, "nothing is kept", func() bool { return !a.Keeps(c, about) })
	if a.law.Load() != before {
		t.Error("another agreement is in force because somebody said so")
	}
	must(t, a.begun(police, about)())
}

func TestANodeThatIsClosedListensNoMore(t *testing.T) {
	h, database := newHouse(t), throwaway.URL(t)
	n := h.named(t, "closed", database, database)
	conn := connect(t, database)
	connections := func() int { return count(t, conn, "application_name LIKE 'closed%'") }
	if connections() == 0 {
		t.Fatal("the node has no connections that can be told apart")
	}
	must(t, n.Close())
	until(t, "the node's connections are gone", func() bool { return connections() == 0 })
}

// One connection for wake-ups is among those that a node may have.
func TestANodeKeepsToItsConnections(t *testing.T) {
	h, database := newHouse(t), throwaway.URL(t)
	most := store.LeastConnections
	n := h.openAs(database, postgres.Options{Forgetful: true, Application: "few", Connections: most})
	about := n.aCase()
	for _, err := range atOnce(32, func(i int) error {
		if i%2 == 0 {
			return n.notify(about)
		}
		return n.begunOrMoved(about)
	}) {
		must(t, err)
	}
	listens(t, database, "few")
	if n := count(t, connect(t, database), "application_name LIKE 'few%'"); n > most {
		t.Errorf("a node of %d connections has %d", most, n)
	}
}

// begunOrMoved is a read among calls that move what it reads.
func (n *node) begunOrMoved(name string) error {
	release, err := n.read(police, name)
	if err != nil {
		return err
	}
	if err := release(); err != nil && !errors.Is(err, agreement.ErrMoved) {
		return err
	}
	return nil
}
