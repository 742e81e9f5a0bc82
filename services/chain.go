package services

import (
	"context"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
)

// layer is one link of the chain around every rpc. One function yields both the
// unary and the stream form: the branch nobody runs is the branch nobody tests.
// request is nil for a stream.
type layer func(ctx context.Context, method string, request any, next func(context.Context) error) error

// layers are a chain, the outermost first.
type layers []layer

// passage is one call on its way inwards. It goes through all layers, so that
// none of them takes memory for what comes after it.
type passage struct {
	layers  layers
	method  string
	request any
	inner   func(context.Context) error
	onward  func(context.Context) error // pass
	passed  int
}

func (l layers) pass(ctx context.Context, method string, request any, inner func(context.Context) error) error {
	p := &passage{layers: l, method: method, request: request, inner: inner}
	p.onward = p.pass
	return p.pass(ctx)
}

// pass enters the next layer, and comes back to where it was: a layer may send a
// call inwards again.
func (p *passage) pass(ctx context.Context) error {
	if p.passed == len(p.layers) {
		return p.inner(ctx)
	}
	next := p.layers[p.passed]
	p.passed++
	err := next(ctx, p.method, p.request, p.onward)
	p.passed--
	return err
}

// unary is the chain's unary form.
func (l layers) unary() grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (reply any, err error) {
		err = l.pass(ctx, info.FullMethod, request, func(ctx context.Context) (err error) {
			reply, err = handler(ctx, request)
			return err
		})
		if err != nil {
			return nil, err
		}
		return reply, nil
	}
}

// stream is the chain's stream form.
func (l layers) stream() grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return l.pass(ss.Context(), info.FullMethod, nil, func(ctx context.Context) error {
			wrapped := middleware.WrapServerStream(ss)
			wrapped.WrappedContext = ctx
			return handler(srv, wrapped)
		})
	}
}

// recovered is the library's recovery as a layer. It looks at nothing but the panic.
func recovered(o recovery.Option) layer {
	around := recovery.UnaryServerInterceptor(o)
	return func(ctx context.Context, _ string, request any, next func(context.Context) error) error {
		_, err := around(ctx, request, nil, func(ctx context.Context, _ any) (any, error) { return nil, next(ctx) })
		return err
	}
}
