package budget

import "context"

// A handler is at work or it waits, mostly for the commit that it shares with
// others. Of one agency no more are at work at once than keep the processors
// busy: however many calls it has in flight, another's finds a processor soon.
// While it waits, a handler lets the next have its turn, so that all that are in
// flight still meet in one commit.

type turnKey struct{}

// Work waits for the agency's turn; done must be called when the work is. The
// context that it returns is the one to Rest by.
func (a *Account) Work(ctx context.Context) (working context.Context, done func(), err error) {
	select {
	case a.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	return context.WithValue(ctx, turnKey{}, a), func() { <-a.turns }, nil
}

// Rest lets another have the turn that ctx was given while wait waits, and takes
// one again afterwards; without a turn it only waits. It does not listen to the
// context: what was waited for has happened and must be told.
func Rest(ctx context.Context, wait func()) {
	a, ok := ctx.Value(turnKey{}).(*Account)
	if !ok {
		wait()
		return
	}
	<-a.turns
	wait()
	a.turns <- struct{}{}
}
