package main

import (
	"context"
	"errors"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/jisr-exchange/jisr"
	"github.com/jisr-exchange/jisr/bench/peer"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/certs"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// connections is how many a load has: an agency has some systems, and the
// exchange lets one connection have 64 calls in flight.
const connections = 4

// client calls a serving peer as an agency's system.
type client struct {
	process *process
	conns   []*grpc.ClientConn
	header  metadata.MD
	server  *throwaway.Cluster // whose CPU counts too; nil where none is asked
}

// dial connects as an agency to a peer that runs on the laid directory dir.
func dial(p *process, dir, agency string) (*client, error) {
	config, err := certs.ClientTLS(peer.Certificates(dir), agency, peer.System)
	if err != nil {
		return nil, err
	}
	law, err := agreement.Parse(jisr.Agreement)
	if err != nil {
		return nil, err
	}
	purpose, err := peer.Purpose(law, agency)
	if err != nil {
		return nil, err
	}
	c := &client{process: p, header: metadata.Pairs("jisr-officer", "officer-1", "jisr-purpose", purpose)}
	if a, _ := law.Agency(agency); len(a.Roles) > 1 {
		c.header.Set("jisr-role", agreement.RoleName(a.Roles[0]))
	}
	for range connections {
		conn, err := grpc.NewClient(p.addr, grpc.WithTransportCredentials(credentials.NewTLS(config)))
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		c.conns = append(c.conns, conn)
	}
	return c, nil
}

func (c *client) close() (err error) {
	for _, conn := range c.conns {
		err = errors.Join(err, conn.Close())
	}
	return err
}

// context carries the agency's headers.
func (c *client) context(ctx context.Context) context.Context {
	return metadata.NewOutgoingContext(ctx, c.header)
}

// bytes makes one call and returns the reply as it came.
func (c *client) bytes(ctx context.Context, method string, request proto.Message) (reply []byte, err error) {
	encoded, err := proto.Marshal(request)
	if err != nil {
		return nil, err
	}
	err = c.conns[0].Invoke(c.context(ctx), method, encoded, &reply, grpc.ForceCodecV2(peer.Bytes{}))
	return reply, err
}

// load is one method called over and over, each caller taking the next request.
// Requests are encoded before and replies are not decoded, so that the load
// costs the machine little beside the server.
type load struct {
	*client
	method   string
	requests [][]byte
}

func (c *client) load(method string, requests ...proto.Message) (*load, error) {
	l := &load{client: c, method: method}
	for _, r := range requests {
		encoded, err := proto.Marshal(r)
		if err != nil {
			return nil, err
		}
		l.requests = append(l.requests, encoded)
	}
	return l, nil
}

// slot makes so many calls with so many callers and measures the server.
func (l *load) slot(ctx context.Context, calls, callers int) (peer.Sample, error) {
	before, err := l.process.usage()
	if err != nil {
		return peer.Sample{}, err
	}
	ctx = l.context(ctx)
	turn := make([]int, callers)
	var unread *[]byte
	s, err := peer.Drive(calls, callers, func(caller int) error {
		turn[caller]++
		request := l.requests[(caller+turn[caller]*callers)%len(l.requests)]
		return l.conns[caller%len(l.conns)].Invoke(ctx, l.method, request, unread, grpc.ForceCodecV2(peer.Bytes{}))
	})
	if err != nil {
		return s, err
	}
	after, err := l.process.usage()
	s.CPU = after.CPU - before.CPU
	return s, err
}

// lay makes a laid directory under root, with databases in files there.
func lay(root, name string) (string, error) {
	dir := filepath.Join(root, name)
	return dir, peer.Lay(dir, peer.Files)
}
