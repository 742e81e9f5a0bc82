package certs

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Revoke puts serial numbers on every list from the next one on. It takes
// effect when that list is published: see List and Publish.
func (a *Authority) Revoke(serials ...*big.Int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range serials {
		known := slices.ContainsFunc(a.revoked, func(e x509.RevocationListEntry) bool { return e.SerialNumber.Cmp(s) == 0 })
		if !known {
			a.revoked = append(a.revoked, x509.RevocationListEntry{SerialNumber: new(big.Int).Set(s), RevocationTime: a.opts.Now()})
		}
	}
}

// List signs a new revocation list, with the next number, and returns it as
// PEM. It counts as fresh for Options.ListValidity.
func (a *Authority) List() ([]byte, error) {
	return a.ListFor(a.opts.ListValidity)
}

// ListFor is List with another time to stay fresh, which may lie in the past.
func (a *Authority) ListFor(validity time.Duration) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	number := new(big.Int).Add(a.number, big.NewInt(1))
	now := a.opts.Now()
	start := now.Add(-backdate)
	if validity <= -backdate {
		start = now.Add(validity - backdate)
	}
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number:                    number,
		ThisUpdate:                start,
		NextUpdate:                now.Add(validity),
		RevokedCertificateEntries: a.revoked,
	}, a.cert, a.key)
	if err != nil {
		return nil, fmt.Errorf("certs: revocation list: %w", err)
	}
	a.number = number
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), nil
}
