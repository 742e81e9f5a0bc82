package main

import (
	"context"
	"crypto/x509"
	"strings"
)

// askChain asks whether the exchange takes what issued the certificate. The
// authority in --ca is that of the server, and often but not always that of the
// clients too, so the last word is the exchange's: by what it lists, and by
// what it says to the certificate.
func (p *patient) askChain(ctx context.Context) (string, error) {
	for i, cert := range p.chain[1:] {
		if err := p.chain[i].CheckSignatureFrom(cert); err != nil {
			return "", &connectionError{p.files.cert + " is no chain: a certificate in it was not issued by the one behind it", "put your own certificate first, then that of its issuer, and so on up"}
		}
	}
	last := p.chain[len(p.chain)-1]
	issuer := visible(last.Issuer.String())
	foreign := &connectionError{"the exchange does not know the authority that issued the certificate: " + issuer, "take a certificate issued for this exchange; a throw-away one ends with its exchange"}
	m := p.meet(ctx)
	known := p.fromAuthority()
	switch {
	case m.cause != nil && strings.Contains(m.cause.Error(), "unknown certificate authority"):
		return "", foreign
	case m.issuers != nil && !m.takes(last.RawIssuer):
		return "", foreign
	case known:
		return "it was issued by the authority in --ca: " + issuer, nil
	case m.server != nil && m.cause == nil && p.pair != nil:
		return "the exchange takes its issuer: " + issuer, nil
	case m.server != nil && m.issuers != nil && !isExpired(m.cause):
		return "the exchange lists its issuer: " + issuer, nil
	}
	return "", &skip{"because the authority in --ca did not issue it, and the exchange was not reached to say whether it takes " + issuer}
}

// fromAuthority reports whether the chain leads to the authority in --ca, dates and use aside: those have checks of their own.
func (p *patient) fromAuthority() bool {
	authorities, err := readCertificates(p.files.ca)
	if err != nil {
		return false
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range authorities {
		roots.AddCert(c)
	}
	for _, c := range p.chain[1:] {
		between.AddCert(c)
	}
	_, err = p.leaf().Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, CurrentTime: p.leaf().NotBefore,
	})
	return err == nil || isExpired(err)
}
