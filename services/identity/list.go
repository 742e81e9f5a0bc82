package identity

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxListFile bounds a revocation file: 16 MiB holds some 400,000 serial
// numbers, and a wrong path must not fill the memory.
const maxListFile = 16 << 20

// authority names who issues: an issuer is its name and its key, so that a
// renewed authority certificate keeps its list and a namesake does not get it.
type authority struct {
	subject, key string
}

func authorityOf(cert *x509.Certificate) authority {
	return authority{string(cert.RawSubject), string(cert.RawSubjectPublicKeyInfo)}
}

// list is one authority's revocation list, parsed and verified.
type list struct {
	digest     [sha256.Size]byte
	number     *big.Int
	thisUpdate time.Time
	nextUpdate time.Time
	serials    map[string]struct{}
}

// fresh reports whether the list may still be relied on.
func (l *list) fresh(now time.Time) bool { return now.Before(l.nextUpdate) }

func (l *list) revokes(serial *big.Int) bool {
	var room [20]byte // RFC 5280 4.1.2.2: none that conforms is longer
	var number []byte
	if n := (serial.BitLen() + 7) / 8; n <= len(room) {
		number = serial.FillBytes(room[:n])
	} else {
		number = serial.Bytes()
	}
	_, ok := l.serials[string(number)]
	return ok
}

// newerThan orders the lists of one authority by number, then by time.
func (l *list) newerThan(other *list) bool {
	if c := l.number.Cmp(other.number); c != 0 {
		return c > 0
	}
	return l.thisUpdate.After(other.thisUpdate)
}

// file is one revocation file as read.
type file struct {
	path string
	text []byte
}

// readFiles reads the revocation files at path: itself, or every file in it
// that is not hidden. What cannot be read is left out and told.
func readFiles(path string) ([]file, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	paths := []string{path}
	if info.IsDir() {
		paths = nil
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			// Hidden ones are files half written, or a mounted volume's own.
			if !strings.HasPrefix(e.Name(), ".") {
				paths = append(paths, filepath.Join(path, e.Name()))
			}
		}
	}
	var files []file
	var errs []error
	for _, p := range paths {
		text, err := readFile(p)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		files = append(files, file{p, text})
	}
	return files, errors.Join(errs...)
}

func readFile(path string) ([]byte, error) {
	// Stat first: opening a pipe would block.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxListFile+1))
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil && len(text) > maxListFile {
		err = fmt.Errorf("%s: longer than %d bytes", path, maxListFile)
	}
	return text, err
}

// lists takes the DER lists out of a file, which is DER or PEM. Anything else
// in it, such as half of a list, spoils the whole file.
func (f file) lists() ([][]byte, error) {
	if !bytes.Contains(f.text, []byte("-----BEGIN")) {
		return [][]byte{f.text}, nil
	}
	var all [][]byte
	for rest := f.text; len(bytes.TrimSpace(rest)) > 0; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil || block.Type != "X509 CRL" {
			return nil, fmt.Errorf("%s: not only revocation lists", f.path)
		}
		all = append(all, block.Bytes)
	}
	return all, nil
}

// parseList parses a list and finds the authority that signed it.
func parseList(der []byte, authorities []*x509.Certificate) (authority, *list, error) {
	crl, err := x509.ParseRevocationList(der)
	if err != nil {
		return authority{}, nil, errors.New("not a revocation list")
	}
	if crl.Number == nil || crl.NextUpdate.IsZero() {
		// RFC 5280 5.1.2.5 and 5.2.3 ask both; without them neither age nor order is known.
		return authority{}, nil, errors.New("a revocation list without a number or a next update")
	}
	if !understood(crl) {
		return authority{}, nil, errors.New("a partial, delta or indirect revocation list, which does not tell all")
	}
	for _, ca := range authorities {
		if !bytes.Equal(crl.RawIssuer, ca.RawSubject) || crl.CheckSignatureFrom(ca) != nil {
			continue
		}
		l := &list{
			digest: sha256.Sum256(der), number: crl.Number,
			thisUpdate: crl.ThisUpdate, nextUpdate: crl.NextUpdate,
			serials: make(map[string]struct{}, len(crl.RevokedCertificateEntries)),
		}
		for _, e := range crl.RevokedCertificateEntries {
			l.serials[string(e.SerialNumber.Bytes())] = struct{}{}
		}
		return authorityOf(ca), l, nil
	}
	return authority{}, nil, errors.New("a revocation list that no client authority signed")
}

// understood reports whether the list has no critical extension: those make a
// list cover less than all of its authority's certificates, or another
// authority's (RFC 5280 5.2.4, 5.2.5, 5.3.3), and must not be passed over.
func understood(crl *x509.RevocationList) bool {
	for _, e := range crl.Extensions {
		if e.Critical {
			return false
		}
	}
	for _, r := range crl.RevokedCertificateEntries {
		for _, e := range r.Extensions {
			if e.Critical || e.Id.Equal(certificateIssuer) {
				return false
			}
		}
	}
	return true
}

// certificateIssuer marks an entry of another authority (RFC 5280 5.3.3).
var certificateIssuer = asn1.ObjectIdentifier{2, 5, 29, 29}
