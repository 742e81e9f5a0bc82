package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"time"
)

// checkValidity finds an expired certificate before the exchange does.
func checkValidity(file string, leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return &connectionError{fmt.Sprintf("the certificate %s expired on %s", file, leaf.NotAfter.UTC().Format(time.DateTime)), "ask the operator of the exchange for a new one, or check this machine's clock"}
	case now.Before(leaf.NotBefore):
		return &connectionError{fmt.Sprintf("the certificate %s is not valid before %s", file, leaf.NotBefore.UTC().Format(time.DateTime)), "check this machine's clock"}
	}
	return nil
}

// checkUsage finds the certificate of a server or an authority in the place of a client's.
func checkUsage(file string, leaf *x509.Certificate) error {
	if leaf.IsCA || !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		return &connectionError{"the certificate " + file + " is not for client authentication", "take the certificate of your system, not that of a server or an authority"}
	}
	return nil
}

// checkName finds a certificate that does not name one agency and system.
func checkName(file string, leaf *x509.Certificate) error {
	if agency, _ := nameOf(leaf); agency == "" {
		return &connectionError{"the certificate " + file + " does not name one agency and system", "its only URI SAN must be spiffe://<domain>/agency/<agency>/system/<system>"}
	}
	return nil
}

var namePath = regexp.MustCompile(`^/agency/([a-z0-9-]{1,63})/system/([a-z0-9-]{1,63})$`)

// nameOf returns the agency and system that a certificate names, or nothing.
func nameOf(leaf *x509.Certificate) (agency, system string) {
	if len(leaf.URIs) != 1 || leaf.URIs[0].Scheme != "spiffe" {
		return "", ""
	}
	parts := namePath.FindStringSubmatch(leaf.URIs[0].Path)
	if parts == nil {
		return "", ""
	}
	return parts[1], parts[2]
}

// readCertificates reads every certificate of a PEM file, its own one first.
func readCertificates(file string) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, badFiles("", file, "", err)
	}
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, &connectionError{file + " holds a certificate that cannot be read", "take the file that the operator of the exchange issued"}
		}
		all = append(all, cert)
	}
	if len(all) == 0 {
		return nil, &connectionError{file + " holds no certificate in PEM", "name the file that the operator of the exchange issued"}
	}
	return all, nil
}

// checkMode finds a key that others than its owner may read.
func checkMode(file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return &skip{"because it cannot be read"} // what is wrong with it the next check of it says
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return &connectionError{fmt.Sprintf("the key %s may be read by others than its owner (mode %04o)", file, info.Mode().Perm()),
			"chmod 600 " + file + "; if others may have copied it, ask the operator to revoke the certificate and issue another"}
	}
	return nil
}
