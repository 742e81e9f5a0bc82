package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
)

// ClientTLS returns the TLS configuration by which a system of an agency calls
// the server of a directory that Create made.
//
// The certificate is handed over by GetClientCertificate, because crypto/tls
// withholds one whose issuer the server did not list, and then the server can
// only say that there was none. It is read at every handshake, so a renewed
// one is used without restart.
func ClientTLS(dir, agency, system string) (*tls.Config, error) {
	certFile, keyFile := ClientFiles(dir, agency, system)
	return LoadClientTLS(filepath.Join(dir, CAFile), certFile, keyFile)
}

// LoadClientTLS is ClientTLS with the path of each file. It fails at once when
// one of them cannot be used.
func LoadClientTLS(caFile, certFile, keyFile string) (*tls.Config, error) {
	text, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("certs: %s holds no PEM certificate", caFile)
	}
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("certs: %s with %s: %w", certFile, keyFile, err)
		}
		return &pair, nil
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		RootCAs:    roots,
		NextProtos: []string{"h2"},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return load()
		},
	}, nil
}
