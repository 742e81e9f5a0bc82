package certs

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Names of the files of a directory. A client's are `<agency>-<system>.pem` and `<agency>-<system>-key.pem`.
const (
	CAFile        = "ca.pem"
	CAKeyFile     = "ca-key.pem"
	ListFile      = "crl.pem"
	ServerFile    = "server.pem"
	ServerKeyFile = "server-key.pem"
)

// ClientFiles returns the paths of a client's certificate and key in a directory.
func ClientFiles(dir, agency, system string) (certificate, key string) {
	base := filepath.Join(dir, agency+"-"+system)
	return base + ".pem", base + "-key.pem"
}

// Pair is a certificate with its key.
type Pair struct {
	// Certificate is the certificate, as issued.
	Certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// TLS returns the pair as crypto/tls takes it.
func (p *Pair) TLS() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{p.Certificate.Raw}, PrivateKey: p.key, Leaf: p.Certificate}
}

// Create makes an authority and writes it, a server certificate, a certificate
// for each of Options.Clients and an empty revocation list into dir, which it
// makes when it is missing. It refuses a directory that holds an authority
// already: certificates in use would stop being trusted. Keys are written with
// mode 0600, the authority's too.
func Create(dir string, o Options) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, CAFile)); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return nil, fmt.Errorf("certs: %w", err)
		}
		return nil, fmt.Errorf("certs: %s holds an authority already: name another directory, or remove it", dir)
	}
	a, err := New(o)
	if err != nil {
		return nil, err
	}
	if err := writePair(filepath.Join(dir, CAFile), filepath.Join(dir, CAKeyFile), &Pair{Certificate: a.cert, key: a.key}); err != nil {
		return nil, err
	}
	server, err := a.IssueServer()
	if err != nil {
		return nil, err
	}
	if err := writePair(filepath.Join(dir, ServerFile), filepath.Join(dir, ServerKeyFile), server); err != nil {
		return nil, err
	}
	for _, c := range o.Clients {
		if _, err := a.WriteClient(dir, c.Agency, c.System); err != nil {
			return nil, err
		}
	}
	return a, a.Publish(dir)
}

// Open reads the authority of a directory that Create made, with what it
// revoked, so that it can issue and revoke more. Options.Clients has no effect.
func Open(dir string, o Options) (*Authority, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, CAFile), filepath.Join(dir, CAKeyFile))
	if err != nil {
		return nil, fmt.Errorf("certs: authority in %s: %w", dir, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("certs: authority in %s: its key is not an ECDSA key", dir)
	}
	text, err := os.ReadFile(filepath.Join(dir, ListFile))
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("certs: %s: not PEM", filepath.Join(dir, ListFile))
	}
	list, err := x509.ParseRevocationList(block.Bytes)
	if err != nil || list.Number == nil {
		return nil, fmt.Errorf("certs: %s: not a revocation list with a number", filepath.Join(dir, ListFile))
	}
	if err := list.CheckSignatureFrom(pair.Leaf); err != nil {
		return nil, fmt.Errorf("certs: %s: %w", filepath.Join(dir, ListFile), err)
	}
	return &Authority{
		opts: o.withDefaults(), cert: pair.Leaf, key: key,
		number: list.Number, revoked: list.RevokedCertificateEntries,
	}, nil
}

// WriteClient issues a client certificate and writes it into dir, in place of
// an older one of the same client. It refuses to write over another client's:
// `a-b`/`c` and `a`/`b-c` have the same file names.
func (a *Authority) WriteClient(dir, agency, system string) (*Pair, error) {
	pair, err := a.IssueClient(agency, system)
	if err != nil {
		return nil, err
	}
	certFile, keyFile := ClientFiles(dir, agency, system)
	text, err := os.ReadFile(certFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("certs: %w", err)
	default:
		old, err := parseCertificate(text)
		if err != nil || len(old.URIs) != 1 || old.URIs[0].Path != pair.Certificate.URIs[0].Path {
			return nil, fmt.Errorf("certs: %s belongs to somebody else: remove it, or use another directory", certFile)
		}
	}
	return pair, writePair(certFile, keyFile, pair)
}

// Publish signs a new revocation list and puts it into dir in one step: a
// reader finds the old list or the new one, never half of one.
func (a *Authority) Publish(dir string) error {
	list, err := a.List()
	if err != nil {
		return err
	}
	return write(filepath.Join(dir, ListFile), list, 0o644)
}

// PublishFor is Publish with another time to stay fresh.
func (a *Authority) PublishFor(dir string, validity time.Duration) error {
	list, err := a.ListFor(validity)
	if err != nil {
		return err
	}
	return write(filepath.Join(dir, ListFile), list, 0o644)
}

// WriteCertificates writes certificates as one PEM file, such as the client authorities of a server that trusts several.
func WriteCertificates(path string, certs ...*x509.Certificate) error {
	var text []byte
	for _, c := range certs {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return write(path, text, 0o644)
}

func writePair(certFile, keyFile string, p *Pair) error {
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	// The key first: whoever waits for the certificate finds both.
	if err := write(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return err
	}
	return WriteCertificates(certFile, p.Certificate)
}

// write replaces a file by rename. Without fsync: what it writes can be made again.
func write(path string, text []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("certs: %w", err), os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(mode)
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("certs: not a PEM certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}
