package main

import (
	"context"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/jisr-exchange/jisr/bench/peer"
)

// collector takes traces on loopback and forgets them. It runs in this process,
// so that its work is not taken for the exchange's.
type collector struct {
	addr   string
	server *grpc.Server
	served chan error
	taken  atomic.Int64 // batches
}

func collect(ctx context.Context) (*collector, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &collector{addr: l.Addr().String(), served: make(chan error, 1)}
	c.server = grpc.NewServer(grpc.ForceServerCodecV2(peer.Bytes{}), grpc.UnknownServiceHandler(func(_ any, batch grpc.ServerStream) error {
		var unread *[]byte
		if err := batch.RecvMsg(unread); err != nil {
			return err
		}
		c.taken.Add(1)
		return batch.SendMsg([]byte{})
	}))
	go func() { c.served <- c.server.Serve(l) }()
	return c, nil
}

// environment turns on tracing, of one call in a hundred where nothing else is said.
func (c *collector) environment() []string {
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + c.addr, "OTEL_BSP_SCHEDULE_DELAY=1000"}
}

func (c *collector) close() error {
	c.server.Stop()
	return <-c.served
}
