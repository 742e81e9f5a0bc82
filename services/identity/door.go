package identity

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
)

// Options says by what the door decides. Everything is required but the clock.
type Options struct {
	// Law returns the agreement in force; it is asked once for each call.
	Law func() *agreement.Law
	// Revocation knows which certificates were revoked.
	Revocation *Revocation
	// TrustDomain is the domain of every client certificate's name, such as `exchange.example`.
	TrustDomain string
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Door decides who may call. It is safe for concurrent use.
type Door struct {
	law        func() *agreement.Law
	revocation *Revocation
	now        func() time.Time
	names      names
}

// NewDoor builds the door. A door without an agreement, a revocation list or a
// trust domain would let in whom it cannot name, so it is refused.
func NewDoor(o Options) (*Door, error) {
	if o.Law == nil {
		return nil, errors.New("identity: a door without an agreement is refused")
	}
	if o.Law() == nil {
		return nil, errors.New("identity: a door without an agreement in force is refused")
	}
	if o.Revocation == nil {
		return nil, errors.New("identity: a door without revocation lists is refused")
	}
	domain, err := spiffeid.TrustDomainFromString(o.TrustDomain)
	if err != nil {
		return nil, fmt.Errorf("identity: trust domain: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Door{
		law: o.Law, revocation: o.Revocation, now: o.Now,
		names: names{domain: domain, known: make(map[*x509.Certificate]name)},
	}, nil
}

// Admit says who makes the call whose context this is, or refuses it. record
// says that the method reads or changes a record and so needs an officer and a
// purpose; false does not lift the need, which only the few methods of the
// contract that touch no record are free of.
//
// The order is fixed so that least is told to whom least is known: first the
// certificate, then the form of the headers, then the role, the method and
// the purpose. Every error is a fault of the catalogue. With a method or purpose
// that was not granted comes who asked for it, in a role that is truly held, so
// that the attempt is written down in an officer's name; the call is refused all
// the same.
func (d *Door) Admit(ctx context.Context, fullMethod string, record bool) (*Caller, error) {
	a := d.arrivalOf(ctx)
	if !a.named {
		return nil, fault.New(fault.CertificateInvalid)
	}
	if err := d.inForce(a.chains); err != nil {
		return nil, err
	}
	law := d.law()
	if law == nil {
		return nil, fault.New(fault.Internal)
	}
	agency, ok := law.Agency(a.who.agency)
	if !ok {
		return nil, fault.New(fault.CertificateInvalid)
	}
	h, err := readHeaders(a.headers)
	if err != nil {
		return nil, err
	}
	m, known := methodOf(fullMethod)
	if !known {
		// As a method that exists and is granted to nobody.
		return nil, fault.New(fault.MethodNotGranted)
	}
	if record || !m.bare {
		if err := h.missing(); err != nil {
			return nil, err
		}
	}
	c := &Caller{
		Agency: a.who.agency, System: a.who.system, Serial: a.who.serial,
		Roles: agency.Roles, Jurisdiction: agency.Jurisdiction, Territories: agency.Territories,
		Role: h.role, Purpose: h.purpose, Officer: h.officer,
		Law: law, NotAfter: a.leaf.NotAfter,
		method: m, chains: a.chains,
	}
	if c.Role == jisrv1.Role_ROLE_UNSPECIFIED {
		switch {
		case len(c.Roles) == 1:
			c.Role = c.Roles[0]
		case record || !m.bare:
			return nil, fault.New(fault.RoleNotHeld)
		}
	}
	switch err := c.granted(law, agency); {
	case err == nil:
		return c, nil
	case errors.Is(err, fault.New(fault.MethodNotGranted)), errors.Is(err, fault.New(fault.PurposeNotGranted)):
		return c, err
	default:
		return nil, err // the role is a claim
	}
}

// Recheck asks again, for a message of a stream, what may have changed since
// the call was admitted: whether the certificate has expired or was revoked
// and whether today's agreement still grants the agency this call. Of the
// message itself, what is shown and told, the caller's pinned law decides.
func (d *Door) Recheck(_ context.Context, c *Caller) error {
	if c == nil {
		return fault.New(fault.Internal)
	}
	if err := d.inForce(c.chains); err != nil {
		return err
	}
	law := d.law()
	if law == nil {
		return fault.New(fault.Internal)
	}
	if law == c.Law {
		return nil
	}
	agency, ok := law.Agency(c.Agency)
	if !ok {
		return fault.New(fault.CertificateInvalid)
	}
	return c.granted(law, agency)
}

// granted asks the law for the caller's role, method and purpose. Where the
// call named no role, one of the agency's roles must be granted both.
func (c *Caller) granted(law *agreement.Law, agency *agreement.Agency) error {
	roles := agency.Roles
	if c.Role != jisrv1.Role_ROLE_UNSPECIFIED {
		if !slices.Contains(roles, c.Role) {
			return fault.New(fault.RoleNotHeld)
		}
		roles = []jisrv1.Role{c.Role}
	}
	called := c.method.open
	used := c.Purpose == jisrv1.Purpose_PURPOSE_UNSPECIFIED
	for _, r := range roles {
		if !c.method.open && !law.MayCall(r, c.method.rpc) {
			continue
		}
		called = true
		used = used || law.MayUse(r, c.Purpose)
	}
	if !called {
		return fault.New(fault.MethodNotGranted)
	}
	if !used {
		return fault.New(fault.PurposeNotGranted)
	}
	return nil
}

// inForce asks the clock and the revocation lists about every certificate of
// every chain: an open connection outlives what it was verified by.
func (d *Door) inForce(chains [][]*x509.Certificate) error {
	if len(chains) == 0 {
		return fault.New(fault.CertificateInvalid)
	}
	now := d.now()
	for _, chain := range chains {
		for _, cert := range chain {
			if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
				return fault.New(fault.CertificateExpired)
			}
		}
	}
	return d.revocation.Check(chains)
}
