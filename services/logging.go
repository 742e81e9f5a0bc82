package services

import (
	"context"

	"google.golang.org/grpc/status"

	"github.com/jisr-exchange/jisr/services/logline"
)

// logging writes one line when a call ends: typed ids, code, time and the client's
// program; never a payload, a header's free value or an error's text.
func (s *Server) logging(ctx context.Context, method string, _ any, next func(context.Context) error) error {
	start := s.opts.Clock()
	err := next(ctx)
	agency, system, _, _ := s.door.Named(ctx) // empty where nothing names whom
	logline.Called(ctx, s.opts.Log, logline.Call{
		Method: rpcName(method), Code: status.Code(err), Took: s.opts.Clock().Sub(start),
		Said: s.door.Said(ctx, "user-agent"), Agency: agency, System: system,
	})
	return err
}
