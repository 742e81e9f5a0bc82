package store

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/logline"
	"github.com/jisr-exchange/jisr/services/postgres"
)

const (
	// wakeChannel is where the nodes of a database hear each other.
	wakeChannel = "jisr"
	// wakePause is how long a node says nothing after it has said something: what it
	// commits meanwhile is said together, so that a node under load costs the others
	// and the server twenty messages a second and not one for each commit.
	wakePause = 50 * time.Millisecond
	// wakeBytes bounds a message: PostgreSQL takes less than 8000 bytes.
	wakeBytes = 7999
	// wakeAgain and wakeAtLast are how soon a lost line is made anew, at first and
	// when that has failed again and again.
	wakeAgain, wakeAtLast = 100 * time.Millisecond, 5 * time.Second
)

// What a message says, in words between spaces: these, and shelfmarks of cases that have moved.
const (
	wordLaw = "law" // another agreement was adopted
	wordAll = "all" // more cases have moved than fit
)

// wakes are the wake-ups between the nodes of one database. A node says what it has
// committed once it is committed, on a line of its own: in the transaction itself it
// would hold a lock of the whole server up to the end of the commit, and every
// change would wait for the disk of every other.
//
// They are hints. What they tell of stands in rows that each node asks in any case,
// so one that is lost costs the time until then and nothing else. They hold no more
// than those rows tell to whoever may come into the database: shelfmarks.
type wakes struct {
	hear func(word string)

	mu    sync.Mutex
	law   bool // what is to be said
	all   bool
	cases map[string]bool
	bytes int    // of the shelfmarks of cases
	speak func() // ends the wait for what others say
}

func newWakes(hear func(word string)) *wakes {
	return &wakes{hear: hear, cases: make(map[string]bool)}
}

// adopted says that another agreement is in force. Like moved it does not wait, and
// on a file, whose nodes are one, there is nobody to tell.
func (w *wakes) adopted() {
	if w != nil {
		w.say(func() { w.law = true })
	}
}

// moved says that something was written in cases.
func (w *wakes) moved(cases ...string) {
	if w == nil || len(cases) == 0 {
		return
	}
	w.say(func() {
		for _, name := range cases {
			if w.all || w.cases[name] {
				continue
			}
			if w.bytes += len(name) + 1; w.bytes+len(wordLaw) > wakeBytes {
				w.all = true
				clear(w.cases)
				continue
			}
			w.cases[name] = true
		}
	})
}

func (w *wakes) say(note func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	note()
	if w.speak != nil {
		w.speak()
	}
}

// message takes what is to be said; empty if nothing is.
func (w *wakes) message() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var words []string
	if w.law {
		words = append(words, wordLaw)
	}
	if w.all {
		words = append(words, wordAll)
	}
	for name := range w.cases {
		words = append(words, name)
	}
	w.law, w.all, w.bytes = false, false, 0
	clear(w.cases)
	return strings.Join(words, " ")
}

// listening is the time up to which a node listens only: to the end of its pause,
// and then until it has something to say.
func (w *wakes) listening(ctx context.Context, pause time.Time) (context.Context, context.CancelFunc) {
	if rest := time.Until(pause); rest > 0 {
		return context.WithTimeout(ctx, rest)
	}
	ctx, end := context.WithCancel(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.speak = end; w.law || w.all || len(w.cases) > 0 {
		end()
	}
	return ctx, end
}

// run listens and speaks until ctx ends, and makes the line anew whenever it is lost.
func (w *wakes) run(ctx context.Context, log *slog.Logger, connect func(context.Context) (*pgx.Conn, error)) {
	away := false
	for again := wakeAgain; ; {
		began := time.Now()
		err := w.connected(ctx, connect, func() {
			if away {
				log.LogAttrs(ctx, slog.LevelInfo, "wake-ups of other nodes arrive again")
			}
			away = false
		})
		if ctx.Err() != nil {
			return
		}
		if !away {
			log.LogAttrs(ctx, slog.LevelWarn, "wake-ups of other nodes do not arrive; what they adopt is asked for every second", logline.Storage(errStorage{err}.code()))
		}
		away = true
		if time.Since(began) > wakeAtLast {
			again = wakeAgain // it was well for a while
		}
		wait := time.NewTimer(again)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return
		}
		again = min(2*again, wakeAtLast)
	}
}

// connected listens and speaks on one line until that is lost.
func (w *wakes) connected(ctx context.Context, connect func(context.Context) (*pgx.Conn, error), well func()) error {
	conn, err := connect(ctx)
	if err != nil {
		return lost(err)
	}
	defer func() {
		closing, end := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer end()
		_ = conn.Close(closing) // the server ends what is not closed well
	}()
	// Nobody is heard on the line to a server that was left.
	ctx, end := context.WithCancel(ctx)
	defer end()
	defer context.AfterFunc(postgres.Led(conn.PgConn()), end)()
	// What is said here is nobody's to keep: it waits for no disk and no standby.
	if _, err := conn.Exec(ctx, "SET synchronous_commit = off; LISTEN "+wakeChannel); err != nil {
		return lost(err)
	}
	well()
	w.hear(wordLaw) // what was said before the line stood was not heard
	var pause time.Time
	for {
		until, end := w.listening(ctx, pause)
		heard, err := conn.WaitForNotification(until)
		end()
		switch {
		case err == nil:
			if heard.PID != conn.PgConn().PID() {
				w.wake(heard.Payload)
			}
			continue
		case ctx.Err() != nil, conn.IsClosed():
			return lost(err)
		case time.Now().Before(pause):
			continue
		}
		if message := w.message(); message != "" {
			if err := w.tell(ctx, conn, message); err != nil {
				return lost(err)
			}
			pause = time.Now().Add(wakePause)
		}
	}
}

func (w *wakes) tell(ctx context.Context, conn *pgx.Conn, message string) error {
	ctx, end := context.WithTimeout(ctx, patience)
	defer end()
	// As a parameter, which no log of the server's is told.
	_, err := conn.Exec(ctx, "SELECT pg_notify($1, $2)", wakeChannel, message)
	return err
}

// wake wakes whoever waits for what a message tells. A word that says nothing here
// is of a newer program, or of somebody who may come into the database.
func (w *wakes) wake(message string) {
	for _, word := range strings.Fields(message) {
		w.hear(word)
	}
}

// heard acts on a word of another node.
func (s *Store) heard(word string) {
	switch word {
	case wordLaw:
		s.lawful.ask()
		s.files.forgetAll() // it may be that of before again, and who oversees not be seated yet
	case wordAll:
		s.recent.forgetAll()
		s.files.forgetAll()
	default:
		name := s.marks.name(word)
		s.recent.forget(name)
		s.files.forget(name)
	}
}

// written gives up what was read before of cases that a call has written in, here
// and on every node that may keep any of it: else that would be read, refused where
// its entry is to be written, and read again.
func (s *Store) written(cases []string, outcome error) {
	s.recent.forget(cases...)
	s.files.forget(cases...)
	if s.wakes != nil && (outcome == nil || errors.Is(outcome, fault.New(fault.OutcomeUnknown))) {
		s.wakes.moved(s.marks.all(cases)...)
	}
}
