package services

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/logline"
	"github.com/jisr-exchange/jisr/services/store"
)

const (
	// probeEvery is how often a server that is not well asks whether it is again.
	probeEvery = 500 * time.Millisecond
	// silence is how long a part may take to say how it is: a disk that hangs says nothing.
	silence = 5 * time.Second
	// whole is all parts; health tells of it under the empty name, as is the custom.
	whole = "whole"
)

var (
	errSilent = errors.New("services: a part does not say how it is")
	errStale  = errors.New("services: no fresh revocation list")
	errPartly = errors.New("services: no fresh revocation list of one authority of several")
)

// part is a part of the server that can fail by itself; health tells of it as jisr.<name>.
type part struct {
	name string
	// probe asks how the part is. thorough says that it was not well.
	probe  func(ctx context.Context, thorough bool) error
	down   atomic.Bool
	answer chan error // of a probe that has not answered yet
}

// ask probes, and does not wait longer than silence. A probe that has not
// answered is asked for its answer the next time, not begun anew.
func (p *part) ask(ctx context.Context, thorough bool) error {
	if p.answer == nil {
		answer := make(chan error, 1)
		p.answer = answer
		go func() { answer <- p.probe(ctx, thorough || p.down.Load()) }()
	}
	wait := time.NewTimer(silence)
	defer wait.Stop()
	select {
	case err := <-p.answer:
		p.answer = nil
		return err
	case <-wait.C:
		return errSilent
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pulse keeps the health service true. It asks at every tick, at once when a call
// was refused for what a part lacks, and often while a part is not well; never
// more often than that, whatever callers bring upon themselves.
type pulse struct {
	server *health.Server
	parts  []*part
	log    *slog.Logger
	down   atomic.Bool
	going  atomic.Bool
	failed atomic.Bool // a call could not be written down or kept
	wake   chan struct{}
}

func newPulse(log *slog.Logger, parts ...*part) *pulse {
	p := &pulse{server: health.NewServer(), parts: parts, log: log, wake: make(chan struct{}, 1)}
	for _, of := range parts {
		p.set("jisr."+of.name, true)
	}
	return p
}

// parts are what can fail by itself. The log rests on the store's file, so it
// cannot be well where the store is not.
func (s *Server) parts() []*part {
	shelf := &part{name: "store", probe: s.store.Probe}
	return []*part{
		shelf,
		{name: "log", probe: func(ctx context.Context, _ bool) error {
			if shelf.down.Load() {
				return errSilent
			}
			return s.store.ProbeLog(ctx)
		}},
		{name: "keyring", probe: func(ctx context.Context, _ bool) error {
			err := s.opts.Keyring.Probe(ctx)
			if keyring.Lost(err) {
				s.opts.Fatal(err)
			}
			return err
		}},
		{name: "revocation", probe: func(context.Context, bool) error {
			switch some, all := s.opts.Revocation.Fresh(); {
			case all:
				return nil
			case some: // agencies of the other authorities are served
				return errPartly
			}
			return errStale
		}},
	}
}

// observe takes note of what a call was refused for.
func (p *pulse) observe(r fault.Reason) {
	switch r {
	case fault.LogUnavailable, fault.StoreUnavailable, fault.OutcomeUnknown:
		p.failed.Store(true)
	case fault.CertificateUnchecked, fault.Internal:
	default:
		return
	}
	select {
	case p.wake <- struct{}{}:
	default: // the prober knows already
	}
}

// run asks the parts until ctx ends.
func (p *pulse) run(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if !p.down.Load() {
			select {
			case <-ctx.Done():
				return
			case <-p.wake:
			case <-tick.C:
			}
		}
		p.check(ctx, p.failed.Swap(false))
		select {
		case <-ctx.Done():
			return
		case <-time.After(probeEvery):
		}
	}
}

// check asks every part and tells what has changed.
func (p *pulse) check(ctx context.Context, thorough bool) {
	down := false
	for _, of := range p.parts {
		err := of.ask(ctx, thorough)
		if ctx.Err() != nil {
			return
		}
		if was := of.down.Swap(err != nil); was != (err != nil) {
			p.set("jisr."+of.name, err == nil)
			p.tell(ctx, of.name, err)
		}
		down = down || err != nil && !errors.Is(err, errPartly)
	}
	if was := p.down.Swap(down); was != down {
		p.set("", !down)
	}
}

// tell notes for the operator how a part is.
func (p *pulse) tell(ctx context.Context, name string, err error) {
	if err == nil {
		p.log.LogAttrs(ctx, slog.LevelInfo, "a part is well again", logline.Part(name))
		return
	}
	attrs := []slog.Attr{logline.Part(name), logline.TypeOf(err)}
	if code, ok := store.Code(err); ok {
		attrs = append(attrs, logline.Storage(code))
	}
	p.log.LogAttrs(ctx, slog.LevelError, "a part is not well; see the runbook", attrs...)
}

func (p *pulse) set(service string, well bool) {
	state := grpc_health_v1.HealthCheckResponse_NOT_SERVING
	if well {
		state = grpc_health_v1.HealthCheckResponse_SERVING
	}
	p.server.SetServingStatus(service, state)
}

// well tells how the parts are, and the whole.
func (p *pulse) well() map[string]bool {
	all := map[string]bool{whole: !p.down.Load() && !p.going.Load()}
	for _, of := range p.parts {
		all[of.name] = !of.down.Load()
	}
	return all
}

// leave tells whoever watches that the server is going.
func (p *pulse) leave() {
	p.going.Store(true)
	p.server.Shutdown()
}

// watch ends a watch of health with the news that the server is going: a watch
// has no end of its own, and the drain would wait for it until it is cut.
type watch struct {
	grpc.ServerStream
	going *atomic.Bool
}

// SendMsg sends, and ends the stream if that was the last there is to say.
func (w watch) SendMsg(m any) error {
	if err := w.ServerStream.SendMsg(m); err != nil {
		return err
	}
	if w.going.Load() {
		return fault.New(fault.Cancelled)
	}
	return nil
}
