package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/jisr-exchange/jisr/bench/peer"
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

const (
	getVictim   = jisrv1.CaseService_GetVictim_FullMethodName
	listVictims = jisrv1.CaseService_ListVictims_FullMethodName
	// pageSize is the longest page, and how many victims a bench reads.
	pageSize = 100
)

// world is an exchange that serves a page of victims, and what it answered.
type world struct {
	dir      string
	env      []string // of the exchange, beside its configuration
	exchange *process
	client   *client
	names    []string
}

// build lays a directory, opens a case with a page of victims through mutual
// TLS, and keeps the exchange's replies for the peers that have theirs ready.
func build(ctx context.Context, root, name string, env ...string) (_ *world, err error) {
	w := &world{env: env}
	if w.dir, err = lay(root, name); err != nil {
		return nil, err
	}
	shelf, err := peer.OpenShelf(w.dir)
	if err != nil {
		return nil, err
	}
	if w.names, err = fill(shelf, 1, pageSize); err != nil {
		return nil, errors.Join(err, shelf.Close())
	}
	if err := shelf.Close(); err != nil {
		return nil, err
	}
	if err := w.open(ctx); err != nil {
		return nil, err
	}
	return w, w.keepReplies(ctx)
}

// open starts the exchange on the world's files and connects as the prosecutor.
func (w *world) open(ctx context.Context) (err error) {
	if w.exchange, err = start(ctx, "exchange", w.dir, w.env...); err != nil {
		return err
	}
	w.client, err = dial(w.exchange, w.dir, peer.Prosecutor)
	return err
}

func (w *world) close() error {
	return errors.Join(w.client.close(), w.exchange.stop())
}

// fill opens cases of so many victims each and returns the victims' names, each in
// its number's place.
func fill(s *peer.Shelf, cases, victims int) ([]string, error) {
	names := make([]string, cases*victims)
	var next atomic.Int64
	_, err := peer.Drive(cases, min(cases, fillers), func(int) error {
		parent, err := s.Case()
		for range victims {
			if err != nil {
				return err
			}
			n := next.Add(1) - 1
			names[n], err = s.Tell(parent, peer.NewVictim(int(n), 1))
		}
		return err
	})
	return names, err
}

// fillers is how many cases are opened at a time: a group commit is as long.
const fillers = 128

// keepReplies stores what the exchange answers, and the same victims in clear.
func (w *world) keepReplies(ctx context.Context) error {
	victim, err := w.client.bytes(ctx, getVictim, jisrv1.GetVictimRequest_builder{Name: w.names[0]}.Build())
	if err != nil {
		return err
	}
	page, err := w.client.bytes(ctx, listVictims, pageRequest())
	if err != nil {
		return err
	}
	clear := make([]*jisrv1.Victim, len(w.names))
	for i, name := range w.names {
		clear[i] = peer.NewVictim(i, 1)
		clear[i].SetName(name)
	}
	all, err := proto.Marshal(jisrv1.ListVictimsResponse_builder{Victims: clear}.Build())
	if err != nil {
		return err
	}
	for file, b := range map[string][]byte{peer.VictimFile: victim, peer.PageFile: page, peer.ClearFile: all} {
		if err := os.WriteFile(filepath.Join(w.dir, file), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func pageRequest() proto.Message {
	return jisrv1.ListVictimsRequest_builder{Parent: "cases/-", PageSize: pageSize}.Build()
}

func victimRequests(names []string) []proto.Message {
	requests := make([]proto.Message, len(names))
	for i, name := range names {
		requests[i] = jisrv1.GetVictimRequest_builder{Name: name}.Build()
	}
	return requests
}

// beside starts a peer on the world's files and connects to it.
func (w *world) beside(ctx context.Context, kind string) (*client, error) {
	p, err := start(ctx, kind, w.dir)
	if err != nil {
		return nil, err
	}
	c, err := dial(p, w.dir, peer.Prosecutor)
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return c, nil
}

func micros(v float64) string { return fmt.Sprintf("%.1f µs", v/1000) }
