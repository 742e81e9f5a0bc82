package services

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/budget"
	"github.com/jisr-exchange/jisr/services/disclosure"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/logline"
)

// recordsAtOnce is how many records of a list weigh as much as a call does:
// opening them costs about that.
const recordsAtOnce = 4

type paceKey struct{}

// tap sees every call before its body is read, undecodable and unknown ones
// among them. It must not block, so a call that its agency's budget has room for
// only in a moment is told here how long to wait, and waits in pace.
func (s *Server) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	ctx = s.door.Meet(ctx, info.Header)
	agency, _, _, _ := s.door.Named(ctx) // whom nothing names shares an account with its like
	wait, ok := s.budgets.Of(agency).Admit()
	if !ok {
		s.opts.Metrics.Called(info.FullMethodName, codes.ResourceExhausted, false, 0)
		s.opts.Metrics.Refused(fault.BudgetExceeded)
		refused := fault.New(fault.BudgetExceeded).RetryAfter(max(wait, time.Second))
		return nil, refused.StatusIn(fault.LanguageOf(info.Header.Get(fault.LanguageHeader))).Err()
	}
	ctx, err := s.strays.tap(ctx, info)
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		ctx = context.WithValue(ctx, paceKey{}, wait)
	}
	return s.bound(ctx, info.FullMethodName), nil
}

// bound ends a unary call after the longest time that one may take, whatever
// deadline it named: counted from here, it bounds a body that never comes, too.
func (s *Server) bound(ctx context.Context, method string) context.Context {
	if s.strays.methods[method] {
		return ctx // a stream has no end of its own
	}
	most := time.Now().Add(s.opts.Budgets.CallTime)
	if named, ok := ctx.Deadline(); ok && named.Before(most) {
		return ctx
	}
	// The transport ends ctx with the stream, and ctx ends what is below it: waiting
	// for that to cancel would begin a goroutine for each call.
	bounded, cancel := context.WithDeadline(ctx, most) //nolint:gosec // see above
	_ = cancel
	return bounded
}

// pace holds a call back until its agency's budget has room for it, and a change
// until it is its turn; it counts both until their handler has returned.
func (s *Server) pace(ctx context.Context, _ string, request any, next func(context.Context) error) error {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return err
	}
	if wait, ok := ctx.Value(paceKey{}).(time.Duration); ok {
		if err := hold(ctx, wait); err != nil {
			return err
		}
	}
	account := s.budgets.Of(c.Agency)
	if !account.Run() {
		return fault.New(fault.BudgetExceeded).RetryAfter(time.Second)
	}
	defer account.Done()
	if changes(request) {
		changed, err := account.Change(ctx)
		if errors.Is(err, budget.ErrStuck) {
			return fault.New(fault.StoreUnavailable)
		}
		if err != nil {
			return err
		}
		defer changed()
	}
	return next(ctx)
}

// changes reports whether a call changes something: its request has an id by which
// it can be repeated, or leases what it hands out. nil is a stream's, and none changes anything.
func changes(request any) bool {
	switch request.(type) {
	case interface{ GetRequestId() string }, *jisrv1.PullDeliveriesRequest:
		return true
	}
	return false
}

// hold waits, unless the call would be over before.
func hold(ctx context.Context, wait time.Duration) error {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < wait {
		return fault.New(fault.BudgetExceeded).RetryAfter(wait)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// weigh charges an agency for the records of a list that it was given.
func (s *Server) weigh(ctx context.Context, reply any) {
	released, ok := reply.(*disclosure.Released)
	if !ok || released.Listed() < recordsAtOnce {
		return
	}
	if c, err := identity.FromContext(ctx); err == nil {
		s.budgets.Of(c.Agency).Charge(released.Listed() / recordsAtOnce)
	}
}

// paceMessages draws each message of a stream as a call of its own: a stream
// passes the tap once, however much is asked on it.
func (s *Server) paceMessages(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	c, err := identity.FromContext(ss.Context())
	if err != nil {
		return err
	}
	return handler(srv, &pacedStream{ServerStream: ss, account: s.budgets.Of(c.Agency)})
}

type pacedStream struct {
	grpc.ServerStream
	account *budget.Account
}

// RecvMsg receives, and holds the message back until there is room for it.
func (p *pacedStream) RecvMsg(m any) error {
	if err := p.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	wait, ok := p.account.Message()
	if !ok {
		return fault.New(fault.BudgetExceeded).RetryAfter(wait)
	}
	return hold(p.Context(), wait)
}

// whose says to whom a connection belongs, for its account.
func (s *Server) whose(info credentials.AuthInfo) (agency, system string) {
	agency, system, _, _ = s.door.Named(peer.NewContext(context.Background(), &peer.Peer{AuthInfo: info}))
	return agency, system
}

// reportCut counts a connection that was cut, and tells the operator of it where
// the log has room; the client sees it close.
func (s *Server) reportCut(c budget.Cut) {
	s.opts.Metrics.ConnectionCut(c.Reason)
	if c.Quiet {
		return
	}
	attrs := []slog.Attr{logline.Why(c.Reason), logline.Count(c.Unreported)}
	if c.Agency != "" {
		attrs = append(attrs, logline.Agency(c.Agency), logline.System(c.System))
	}
	s.opts.Log.LogAttrs(context.Background(), slog.LevelWarn, "connection cut", attrs...)
}

// inAgreement reports whether the agreement in force knows an agency.
func (s *Server) inAgreement(agency string) bool {
	law := s.opts.Law()
	if law == nil {
		return false
	}
	_, ok := law.Agency(agency)
	return ok
}
