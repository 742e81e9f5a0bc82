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
	inner   func(context.Context) error // of a stream; nil for a unary call, which goes on to these:
	within  grpc.UnaryServerInterceptor
	info    *grpc.UnaryServerInfo
	handler grpc.UnaryHandler
	reply   any
	onward  func(context.Context) error // pass
	passed  int
}

// begin sends a call through all layers.
func (p *passage) begin(ctx context.Context) error {
	p.onward = p.pass
	return p.pass(ctx)
}

// pass enters the next layer, and comes back to where it was: a layer may send a
// call inwards again.
func (p *passage) pass(ctx context.Context) (err error) {
	if p.passed == len(p.layers) {
		if p.inner != nil {
			return p.inner(ctx)
		}
		p.reply, err = p.within(ctx, p.request, p.info, p.handler)
		return err
	}
	next := p.layers[p.passed]
	p.passed++
	defer func() { p.passed-- }() // also from a panic
	return next(ctx, p.method, p.request, p.onward)
}

// unary is the chain's unary form around what stands within.
func (l layers) unary(within grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		p := &passage{layers: l, method: info.FullMethod, request: request, within: within, info: info, handler: handler}
		if err := p.begin(ctx); err != nil {
			return nil, err
		}
		return p.reply, nil
	}
}

// stream is the chain's stream form.
func (l layers) stream() grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		p := &passage{layers: l, method: info.FullMethod, inner: func(ctx context.Context) error {
			wrapped := middleware.WrapServerStream(ss)
			wrapped.WrappedContext = ctx
			return handler(srv, wrapped)
		}}
		return p.begin(ss.Context())
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
