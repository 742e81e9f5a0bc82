package jisrtest

import (
	"context"
	"regexp"
	"sync"

	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/proto"
)

// marked finds the shelfmark of a record: an id in the letters of marks behind what
// lies there. No reply, header, error or log line has one.
var marked = regexp.MustCompile(`[a-z]{5,}/[0-9A-V]{26}`)

// HoldsMark reports whether a record's shelfmark stands in b.
func HoldsMark(b []byte) bool { return marked.Match(b) }

// told looks at all that clients are told.
type told struct {
	mu    sync.Mutex
	marks []string // with the rpc
}

func (s *told) find(rpc, b string) {
	if mark := marked.FindString(b); mark != "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.marks = append(s.marks, rpc+": "+mark)
	}
}

type rpcKey struct{}

// TagRPC notes which rpc it is.
func (s *told) TagRPC(ctx context.Context, i *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, rpcKey{}, i.FullMethodName)
}

// HandleRPC looks at what has come of an rpc.
func (s *told) HandleRPC(ctx context.Context, event stats.RPCStats) {
	rpc, _ := ctx.Value(rpcKey{}).(string)
	switch e := event.(type) {
	case *stats.InPayload:
		if m, ok := e.Payload.(proto.Message); ok {
			b, _ := proto.Marshal(m)
			s.find(rpc, string(b))
		}
	case *stats.InHeader:
		for _, values := range e.Header {
			for _, v := range values {
				s.find(rpc, v)
			}
		}
	case *stats.InTrailer:
		for _, values := range e.Trailer {
			for _, v := range values {
				s.find(rpc, v)
			}
		}
	case *stats.End:
		if e.Error != nil {
			s.find(rpc, e.Error.Error())
		}
	}
}

// TagConn is for connections, of which nothing is asked.
func (s *told) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn is for connections, too.
func (s *told) HandleConn(context.Context, stats.ConnStats) {}
