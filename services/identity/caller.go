// Package identity is the door: who calls, checked against the client
// certificate and the agreement, at the handshake, at every call and at every
// streamed message. Identity comes from the certificate alone; the headers
// only choose among what the certificate holds and name the officer.
package identity

import (
	"context"
	"crypto/x509"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
)

// Caller is who makes a call, as the door found it. It is read only: every
// gate of the call decides by the same one.
type Caller struct {
	// Agency is the agency's slug in the agreement.
	Agency string
	// System is the agency's system, from the certificate.
	System string
	// Role is the role of this call. It is unspecified only where the method
	// needs none, the certificate holds several and the call names none.
	Role jisrv1.Role
	// Roles are all the roles of the agency.
	Roles []jisrv1.Role
	// Purpose is what the call is made for; unspecified only where the method needs none.
	Purpose jisrv1.Purpose
	// Officer is the agency's opaque id of the officer on whose behalf its
	// system calls; empty only where the method needs none. The agency answers
	// for it: the exchange cannot check it.
	Officer string
	// Jurisdiction is the authority under which the agency acts.
	Jurisdiction jisrv1.Jurisdiction
	// Territories are the governorates in which the agency acts, by p-code.
	Territories []string
	// Law is the agreement by which the call was admitted. It is pinned for the
	// whole call, so that no two gates decide by two agreements.
	Law *agreement.Law
	// Serial is the certificate's serial number, in hex.
	Serial string
	// NotAfter is when the certificate expires.
	NotAfter time.Time

	method method
	chains [][]*x509.Certificate
}

type callerKey struct{}

// NewContext returns a context that carries the caller.
func NewContext(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// FromContext returns the caller that the door admitted. Without one it fails
// with INTERNAL: a call that did not pass the door is a fault of the server,
// and no code may take it for a caller without limits.
func FromContext(ctx context.Context) (*Caller, error) {
	c, ok := ctx.Value(callerKey{}).(*Caller)
	if !ok || c == nil || c.Law == nil {
		return nil, fault.New(fault.Internal)
	}
	return c, nil
}
