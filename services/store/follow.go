package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/logline"
)

// followEvery is how often a node asks which agreement is in force, if no wake-up
// has it ask before. It may hear late and be wrong meanwhile, but nothing comes of
// that: what it would show or change by another agreement is refused in the database.
const followEvery = time.Second

// errOtherLaw says that this node does not understand the agreement in force.
var errOtherLaw = errors.New("store: the agreement in force cannot be read by this program")

// lawful is how a node comes to the agreement that another one has adopted.
type lawful struct {
	turn   *sync.Mutex   // whoever sets what is in force on this node
	asked  chan struct{} // somebody met another agreement in the database, or was told of one
	astray *atomic.Bool  // the one in force cannot be read here
}

func newLawful() lawful {
	return lawful{turn: &sync.Mutex{}, asked: make(chan struct{}, 1), astray: &atomic.Bool{}}
}

// Follow puts in force on this node, by use, what another node has adopted, until
// ctx ends. The database of one node alone is followed by nobody else.
func (s *Store) Follow(ctx context.Context, use func(*agreement.Law)) {
	if !s.shared() {
		return
	}
	polls := s.polls
	if polls == nil {
		tick := time.NewTicker(followEvery)
		defer tick.Stop()
		polls = tick.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-polls:
		case <-s.lawful.asked:
		}
		err := s.follow(ctx, use)
		astray := errors.Is(err, errOtherLaw)
		if err != nil && !astray {
			continue // the database does not answer, which is health's to tell
		}
		if s.lawful.astray.Swap(astray) != astray && astray {
			s.Log.LogAttrs(ctx, slog.LevelError, "another node has adopted an agreement that this program does not understand; run the newer program", logline.Amiss(err))
		}
	}
}

// shared reports whether other nodes may use the database.
func (s *Store) shared() bool {
	_, served := s.engine.(*server)
	return served
}

// Current fails with agreement.ErrMoved if another agreement than law is in force.
// What leaves behind an entry is held against that there; this is for what does not.
// It fails with STORE_UNAVAILABLE where the exchange was moved to another database.
func (s *Store) Current(ctx context.Context, law *agreement.Law) error {
	if s.Law() != law {
		return agreement.ErrMoved
	}
	return s.read(ctx, func(conn querier) error { return s.current(ctx, conn, law) })
}

func (s *Store) current(ctx context.Context, conn querier, law *agreement.Law) error {
	// What was moved away takes no writes, and so shows no record; nor may it say
	// that there is none.
	moved, err := number(conn, "SELECT COUNT(*) FROM moved WHERE state <> 'arrived'")
	if err != nil {
		return unavailable(ctx, err)
	}
	if moved != 0 {
		return fault.New(fault.StoreUnavailable)
	}
	if !s.shared() {
		return nil
	}
	other, err := number(conn, "SELECT COUNT(*) FROM agreements WHERE in_force = 1 AND hash <> ?", law.Hash())
	if err != nil {
		return unavailable(ctx, err)
	}
	if other != 0 {
		s.lawful.ask()
		return agreement.ErrMoved
	}
	return nil
}

// CatchUp is one look of Follow, for a call that cannot be answered before.
func (s *Store) CatchUp(ctx context.Context, use func(*agreement.Law)) error {
	if !s.shared() {
		return nil
	}
	return s.follow(ctx, use)
}

func (s *Store) follow(ctx context.Context, use func(*agreement.Law)) error {
	s.lawful.turn.Lock()
	defer s.lawful.turn.Unlock()
	var text []byte
	err := s.read(ctx, func(conn querier) (err error) {
		other, err := number(conn, "SELECT COUNT(*) FROM agreements WHERE in_force = 1 AND hash <> ?", s.Law().Hash())
		if err == nil && other != 0 {
			text, err = inForce(conn)
		}
		return err
	})
	if err != nil || text == nil {
		return err
	}
	law, err := agreement.Parse(text)
	if err != nil {
		return errors.Join(errOtherLaw, err)
	}
	use(law)
	s.Log.LogAttrs(ctx, slog.LevelInfo, "another node has adopted an agreement, which is in force here too", logline.Agreement(law.Hash()))
	return nil
}

// ask has the node ask again at once.
func (l lawful) ask() {
	select {
	case l.asked <- struct{}{}:
	default: // it is about to
	}
}
