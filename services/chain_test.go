package services

import (
	"context"
	"testing"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

func TestACallThatNamesNoDeadlineEndsByTheServers(t *testing.T) {
	left := func(ctx context.Context, request any) (left time.Duration, bounded bool) {
		err := deadline(ctx, "", request, func(ctx context.Context) error {
			var at time.Time
			at, bounded = ctx.Deadline()
			left = time.Until(at)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return left, bounded
	}
	if d, ok := left(t.Context(), &jisrv1.GetCaseRequest{}); !ok || d > unaryDeadline {
		t.Errorf("a unary call gets %v, %v", d, ok)
	}
	if _, ok := left(t.Context(), nil); ok {
		t.Error("a stream is cut off by the clock")
	}
	own, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if d, _ := left(own, &jisrv1.GetCaseRequest{}); d <= unaryDeadline {
		t.Errorf("the client's own deadline became %v", d)
	}
}
