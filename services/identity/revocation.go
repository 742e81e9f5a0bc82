package identity

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jisr-exchange/jisr/services/fault"
)

// RevocationOptions says where revocation lists come from.
type RevocationOptions struct {
	// Path is a file of revocation lists, or a directory of such files and
	// nothing else; PEM or DER.
	Path string
	// Authorities returns the client authorities, as Material.Authorities does.
	// Each must have a list: an authority in the middle of a chain must stand
	// among them to have one.
	Authorities func() []*x509.Certificate
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Revocation knows which certificates were revoked. It answers from a snapshot
// in memory and never from the disk.
//
// What it promises: a list counts only if one of the client authorities signed
// it; a list that has vanished or is spoilt leaves the last good one in force;
// an older list never replaces a newer one while the server runs; and from a
// list's next update on, every certificate of that authority is refused, until
// a fresh list comes. Libraries that drop one of these fail open.
type Revocation struct {
	path        string
	authorities func() []*x509.Certificate
	now         func() time.Time

	refreshing sync.Mutex
	held       atomic.Pointer[map[authority]*list]
}

// NewRevocation reads the lists for the first time, and fails on whatever
// Refresh would tell: no server starts with an authority that has no list. A
// list past its next update is taken, so that a server can start before the
// operator has published the next; it refuses every certificate until then.
// What was the newest list before a restart is not remembered.
func NewRevocation(o RevocationOptions) (*Revocation, error) {
	if o.Path == "" || o.Authorities == nil {
		return nil, errors.New("identity: revocation without a path or without client authorities is refused")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Revocation{path: o.Path, authorities: o.Authorities, now: o.Now}
	r.held.Store(&map[authority]*list{})
	if err := r.Refresh(context.Background()); err != nil {
		return nil, err
	}
	return r, nil
}

// Refresh reads the lists again. Its error names every file and authority that
// is amiss; what is good takes effect all the same, and what is not leaves
// the last good list in force.
func (r *Revocation) Refresh(ctx context.Context) error {
	r.refreshing.Lock()
	defer r.refreshing.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	authorities := r.authorities()
	if len(authorities) == 0 {
		return errors.New("identity: revocation: no client authority")
	}
	held := *r.held.Load()
	found, errs := r.read(authorities, held)
	next := make(map[authority]*list, len(authorities))
	for _, ca := range authorities {
		key := authorityOf(ca)
		if _, done := next[key]; done {
			continue
		}
		l, old := found[key], held[key]
		switch {
		case l == nil && old == nil:
			errs = append(errs, fmt.Errorf("identity: revocation: %s: no list of the authority %s", r.path, clean(ca.Subject.String())))
			continue
		case l == nil:
			errs = append(errs, fmt.Errorf("identity: revocation: %s: the list of the authority %s has vanished; the last good one stays", r.path, clean(ca.Subject.String())))
			l = old
		case old != nil && l != old && !l.newerThan(old):
			errs = append(errs, fmt.Errorf("identity: revocation: %s: the list of the authority %s is older than the one in force, which stays", r.path, clean(ca.Subject.String())))
			l = old
		}
		next[key] = l
	}
	r.held.Store(&next)
	return errors.Join(errs...)
}

// read returns the newest good list of each authority among the files.
func (r *Revocation) read(authorities []*x509.Certificate, held map[authority]*list) (map[authority]*list, []error) {
	var errs []error
	files, err := readFiles(r.path)
	if err != nil {
		errs = append(errs, fmt.Errorf("identity: revocation: %w", err))
	}
	// A list that is in force already need not be parsed and verified again, if its authority is still one.
	inForce := make(map[[sha256.Size]byte]authority, len(held))
	for _, ca := range authorities {
		key := authorityOf(ca)
		if l := held[key]; l != nil {
			inForce[l.digest] = key
		}
	}
	found := make(map[authority]*list)
	for _, f := range files {
		ders, err := f.lists()
		if err != nil {
			errs = append(errs, fmt.Errorf("identity: revocation: %w", err))
			continue
		}
		for _, der := range ders {
			key, ok := inForce[sha256.Sum256(der)]
			l := held[key]
			if !ok {
				if key, l, err = parseList(der, authorities); err != nil {
					errs = append(errs, fmt.Errorf("identity: revocation: %s: %w", f.path, err))
					continue
				}
			}
			if best := found[key]; best == nil || l.newerThan(best) {
				found[key] = l
			}
		}
	}
	return found, errs
}

// Check refuses chains in which a certificate was revoked, or of which that
// cannot be known. Every chain must be clean, not one of them: else a
// revoked authority could be walked around.
func (r *Revocation) Check(chains [][]*x509.Certificate) error {
	held := *r.held.Load()
	now := r.now()
	if len(chains) == 0 {
		return fault.New(fault.CertificateUnchecked)
	}
	for _, chain := range chains {
		if len(chain) < 2 {
			// A client authority itself, or a certificate pinned as one: no list is about it.
			return fault.New(fault.CertificateUnchecked)
		}
		for i := 0; i+1 < len(chain); i++ {
			issuer := chain[i+1]
			l := held[authority{string(issuer.RawSubject), string(issuer.RawSubjectPublicKeyInfo)}]
			if l == nil || !l.fresh(now) {
				return fault.New(fault.CertificateUnchecked)
			}
			if l.revokes(chain[i].SerialNumber) {
				return fault.New(fault.CertificateRevoked)
			}
		}
	}
	return nil
}

// NextUpdate returns when the first list stops being fresh; certificates of
// its authority are refused from then on. It is zero where an authority has none.
func (r *Revocation) NextUpdate() time.Time {
	_, first := r.Updates()
	return first
}

// Updates returns when the oldest list in force was issued, and NextUpdate.
func (r *Revocation) Updates() (issued, ends time.Time) {
	held := *r.held.Load()
	for _, ca := range r.authorities() {
		l := held[authorityOf(ca)]
		if l == nil {
			return time.Time{}, time.Time{}
		}
		if issued.IsZero() || l.thisUpdate.Before(issued) {
			issued = l.thisUpdate
		}
		if ends.IsZero() || l.nextUpdate.Before(ends) {
			ends = l.nextUpdate
		}
	}
	return issued, ends
}

// Fresh reports whether some authority, and whether every one, has a list that may be relied on.
func (r *Revocation) Fresh() (some, all bool) {
	held := *r.held.Load()
	now := r.now()
	all = true
	for _, ca := range r.authorities() {
		l := held[authorityOf(ca)]
		fresh := l != nil && l.fresh(now)
		some, all = some || fresh, all && fresh
	}
	return some, some && all
}
