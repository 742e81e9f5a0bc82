package identity

import (
	"context"
	"crypto/tls"
	"crypto/x509"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// arrival is who comes with a call and what is said of it, before anything is
// decided. Whom a certificate names never changes; whether it is good is not in here.
type arrival struct {
	who     name
	named   bool // the peer's certificate was verified, and names somebody
	leaf    *x509.Certificate
	chains  [][]*x509.Certificate
	headers metadata.MD
}

type arrivalKey struct{}

// Meet notes who comes, so that neither Named nor Admit looks again: reading
// headers from a context copies them all. They are only read; and they must be
// those of the call whose context this is.
func (d *Door) Meet(ctx context.Context, headers metadata.MD) context.Context {
	m := &met{Context: ctx}
	d.arriving(ctx, headers, &m.arrival)
	return m
}

// met is the context of a call whose arrival was noted.
type met struct {
	context.Context
	arrival arrival
}

// Value finds the arrival.
func (m *met) Value(key any) any {
	if key == (arrivalKey{}) {
		return &m.arrival
	}
	return m.Context.Value(key)
}

// arrivalOf is what Meet noted of a call, or would.
func (d *Door) arrivalOf(ctx context.Context) *arrival {
	if met, ok := ctx.Value(arrivalKey{}).(*arrival); ok {
		return met
	}
	headers, _ := metadata.FromIncomingContext(ctx)
	a := &arrival{}
	d.arriving(ctx, headers, a)
	return a
}

func (d *Door) arriving(ctx context.Context, headers metadata.MD, a *arrival) {
	a.headers = headers
	p, ok := peer.FromContext(ctx)
	if !ok {
		return
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || !verified(&info.State) {
		return
	}
	a.leaf, a.chains = info.State.PeerCertificates[0], info.State.VerifiedChains
	who, err := d.names.of(a.leaf)
	a.who, a.named = who, err == nil
}

func verified(state *tls.ConnectionState) bool {
	return len(state.PeerCertificates) > 0 && len(state.VerifiedChains) > 0
}

// Named returns whom the peer's certificate names, without asking whether it
// is still good: for logs, and for budgets that are drawn before a call is
// decoded. Never decide access by it.
func (d *Door) Named(ctx context.Context) (agency, system, serial string, ok bool) {
	a := d.arrivalOf(ctx)
	return a.who.agency, a.who.system, a.who.serial, a.named
}

// Said returns what a header of the call says. It is not the caller's to change.
func (d *Door) Said(ctx context.Context, header string) []string {
	return d.arrivalOf(ctx).headers[header]
}
