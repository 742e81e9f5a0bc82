package identity

import "crypto/x509"

// Chains lets tests ask the revocation lists about a caller's certificate.
func (c *Caller) Chains() [][]*x509.Certificate { return c.chains }
