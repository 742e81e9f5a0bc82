package services

import (
	"context"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"google.golang.org/grpc"
)

// layer is one link of the chain around every rpc. One function yields both the
// unary and the stream form: the branch nobody runs is the branch nobody tests.
// request is nil for a stream.
type layer func(ctx context.Context, method string, request any, next func(context.Context) error) error

// unary is the layer's unary form.
func (l layer) unary() grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (reply any, err error) {
		err = l(ctx, info.FullMethod, request, func(ctx context.Context) error {
			reply, err = handler(ctx, request)
			return err
		})
		if err != nil {
			return nil, err
		}
		return reply, nil
	}
}

// stream is the layer's stream form.
func (l layer) stream() grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return l(ss.Context(), info.FullMethod, nil, func(ctx context.Context) error {
			wrapped := middleware.WrapServerStream(ss)
			wrapped.WrappedContext = ctx
			return handler(srv, wrapped)
		})
	}
}
