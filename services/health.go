package services

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/jisr-exchange/jisr/services/fault"
)

// probeEvery is how often a server that cannot write asks whether it can again.
const probeEvery = 500 * time.Millisecond

// pulse keeps the health service true: a server that cannot write its log serves nothing.
type pulse struct {
	server *health.Server
	down   atomic.Bool
	going  atomic.Bool
	wake   chan struct{}
}

func newPulse() *pulse { return &pulse{server: health.NewServer(), wake: make(chan struct{}, 1)} }

// observe takes note of what a call was refused for.
func (p *pulse) observe(r fault.Reason) {
	switch r {
	case fault.LogUnavailable, fault.StoreUnavailable, fault.OutcomeUnknown:
		p.down.Store(true)
		select {
		case p.wake <- struct{}{}:
		default: // the prober knows already
		}
	}
}

// run probes while the server is down, until ctx ends.
func (p *pulse) run(ctx context.Context, probe func(context.Context) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		for p.down.Load() {
			if probe(ctx) == nil {
				p.down.Store(false)
				p.set(grpc_health_v1.HealthCheckResponse_SERVING)
				break
			}
			p.set(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
			select {
			case <-ctx.Done():
				return
			case <-time.After(probeEvery):
			}
		}
	}
}

func (p *pulse) set(s grpc_health_v1.HealthCheckResponse_ServingStatus) {
	p.server.SetServingStatus("", s)
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
