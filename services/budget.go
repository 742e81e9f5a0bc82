package services

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

// atOnce is how many calls one agency may have in flight at once: two
// connections full of streams. An agency with many connections cannot starve
// another's share.
const atOnce = 128

// budget counts calls in flight by agency.
type budget struct {
	mu    sync.Mutex
	count map[string]int
}

// keep holds a call against its agency's budget.
func (b *budget) keep(ctx context.Context, _ string, _ any, next func(context.Context) error) error {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return err
	}
	if !b.take(c.Agency) {
		return fault.New(fault.BudgetExceeded).RetryAfter(time.Second)
	}
	defer b.give(c.Agency)
	return next(ctx)
}

func (b *budget) take(agency string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.count == nil {
		b.count = make(map[string]int)
	}
	if b.count[agency] >= atOnce {
		return false
	}
	b.count[agency]++
	return true
}

func (b *budget) give(agency string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.count[agency]--; b.count[agency] <= 0 {
		delete(b.count, agency)
	}
}

// inFlight counts the calls in flight by agency.
func (b *budget) inFlight() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.count)
}
