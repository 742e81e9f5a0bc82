package services

import (
	"context"
	"testing"
	"time"

	"github.com/jisr-exchange/jisr/services/budget"
)

func TestACallEndsByTheServersTimeWhateverDeadlineItNames(t *testing.T) {
	s := &Server{
		opts:   Options{Budgets: budget.Limits{CallTime: time.Minute}},
		strays: &strays{methods: map[string]bool{"/unary": false, "/stream": true}},
	}
	left := func(ctx context.Context, method string) (left time.Duration, bounded bool) {
		at, bounded := s.bound(ctx, method).Deadline()
		return time.Until(at), bounded
	}
	if d, ok := left(t.Context(), "/unary"); !ok || d > time.Minute {
		t.Errorf("a call that names no deadline gets %v, %v", d, ok)
	}
	if _, ok := left(t.Context(), "/stream"); ok {
		t.Error("a stream is cut off by the clock")
	}
	long, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if d, _ := left(long, "/unary"); d > time.Minute {
		t.Errorf("a call that names an hour has %v", d)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if d, _ := left(short, "/unary"); d > time.Second {
		t.Errorf("the client's own deadline became %v", d)
	}
}
