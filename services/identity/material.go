package identity

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Files says where the server's own material lies, all PEM.
type Files struct {
	// Certificate is the server's certificate, with the chain below its root.
	Certificate string
	// Key is the certificate's key.
	Key string
	// ClientCAs are the authorities whose client certificates are let in.
	ClientCAs string
}

// Material is the server's certificate and its client authorities. It follows
// the files without restart; what cannot be used leaves the last good in force.
type Material struct {
	files Files

	refreshing sync.Mutex
	now        atomic.Pointer[material]
}

type material struct {
	server      tls.Certificate
	authorities []*x509.Certificate
	pool        *x509.CertPool
}

// LoadMaterial reads the files for the first time and fails on any that cannot be used.
func LoadMaterial(f Files) (*Material, error) {
	m := &Material{files: f}
	if err := m.Refresh(context.Background()); err != nil {
		return nil, err
	}
	return m, nil
}

// Refresh reads the files again. The two halves are taken together or not at
// all: a key that does not match its certificate yet is a renewal half done.
func (m *Material) Refresh(ctx context.Context) error {
	m.refreshing.Lock()
	defer m.refreshing.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	server, err := tls.LoadX509KeyPair(m.files.Certificate, m.files.Key)
	if err != nil {
		return fmt.Errorf("identity: server certificate %s with %s: %w", m.files.Certificate, m.files.Key, err)
	}
	authorities, err := readAuthorities(m.files.ClientCAs)
	if err != nil {
		return fmt.Errorf("identity: client authorities: %w", err)
	}
	pool := x509.NewCertPool()
	for _, ca := range authorities {
		pool.AddCert(ca)
	}
	m.now.Store(&material{server: server, authorities: authorities, pool: pool})
	return nil
}

// Authorities returns the client authorities.
func (m *Material) Authorities() []*x509.Certificate { return m.now.Load().authorities }

// NotAfter returns when the server's own certificate expires.
func (m *Material) NotAfter() time.Time { return m.now.Load().server.Leaf.NotAfter }

// readAuthorities reads certificates that may sign others. A leaf among them
// would be trusted by itself, past every list, so it spoils the file.
func readAuthorities(path string) ([]*x509.Certificate, error) {
	rest, err := readFile(path)
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%s: holds something that is not a certificate", path)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: certificate %d: %w", path, len(all)+1, err)
		}
		if !cert.IsCA || !cert.BasicConstraintsValid {
			return nil, fmt.Errorf("%s: certificate %d is not an authority's", path, len(all)+1)
		}
		all = append(all, cert)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no certificate", path)
	}
	return all, nil
}

// MaxInterval is the longest time between two refreshes. A revocation takes
// effect within sixty seconds of its publication (RFC 5280 leaves that to the
// reader); half of it is left for what delays a refresh.
const MaxInterval = 30 * time.Second

// Watch runs the refreshes in their order, every so often, until the context
// ends. Give Material's before Revocation's, which asks it for the
// authorities. report is told each new trouble once, and nil when it is over.
func Watch(ctx context.Context, every time.Duration, report func(error), refreshes ...func(context.Context) error) error {
	if every <= 0 || every > MaxInterval {
		return fmt.Errorf("identity: a refresh every %v is refused: more than 0, at the most %v", every, MaxInterval)
	}
	if report == nil || len(refreshes) == 0 {
		return errors.New("identity: a refresh of nothing, or whose failures nobody hears, is refused")
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var errs []error
		for _, refresh := range refreshes {
			errs = append(errs, refresh(ctx))
		}
		if ctx.Err() != nil {
			return nil
		}
		err, text := errors.Join(errs...), ""
		if err != nil {
			text = err.Error()
		}
		if text != last {
			report(err)
		}
		last = text
	}
}
