// Package audit knows what an entry of the access log is: who saw or changed
// which classes of which record, for which purpose, and never a value. The leaf
// of an entry is a salted commitment, so that witnesses can hold the log without
// learning what happened. Where entries are kept is the store's matter.
package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/identity"
)

// SaltBytes is the length of an entry's salt.
const SaltBytes = 32

// commitmentPrefix keeps commitments apart from every other hash of the exchange.
const commitmentPrefix = "jisr/log-leaf/v1\x00"

// Leaf begins the entry of a call.
func Leaf(c *identity.Caller, kind jisrv1.LogEntry_Kind, rpc string, at time.Time) *jisrv1.LogLeaf {
	leaf := &jisrv1.LogLeaf{}
	leaf.SetKind(kind)
	leaf.SetTimeMicros(at.UnixMicro())
	leaf.SetRpc(rpc)
	if c == nil {
		return leaf
	}
	leaf.SetAgency(c.Agency)
	leaf.SetSystem(c.System)
	leaf.SetOfficer(c.Officer)
	leaf.SetRole(c.Role)
	leaf.SetPurpose(c.Purpose)
	if c.Law != nil {
		leaf.SetAgreement(c.Law.Hash())
	}
	return leaf
}

// Encode encodes an entry in the one form that its commitment covers.
func Encode(leaf *jisrv1.LogLeaf) ([]byte, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(leaf)
	if err != nil {
		return nil, fmt.Errorf("audit: encode: %w", err)
	}
	return b, nil
}

// Commit returns the salted commitment to an encoded entry.
func Commit(salt, encoded []byte) []byte {
	h := sha256.New()
	h.Write([]byte(commitmentPrefix))
	h.Write(salt)
	h.Write(encoded)
	return h.Sum(nil)
}

// SetLinks notes on a subject what linked the agency to it: the kinds of the
// links, and the records that made them, each once.
func SetLinks(subject *jisrv1.LogSubject, s agreement.Standing) {
	via, links := linked(nil, nil, s)
	subject.SetVia(via)
	subject.SetLinks(links)
}

// linked appends the records that made a standing's links, and their kinds.
func linked(via []string, links []jisrv1.Link, s agreement.Standing) ([]string, []jisrv1.Link) {
	for i := range s.Links {
		l := &s.Links[i]
		if l.Via != "" && !slices.Contains(via, l.Via) {
			via = append(via, l.Via)
		}
		if !slices.Contains(links, l.Link) {
			links = append(links, l.Link)
		}
	}
	return via, links
}

// Show renders an entry as the record that callers read; the page gate decides
// which of its fields they see.
func Show(name string, leaf *jisrv1.LogLeaf, subject *jisrv1.LogSubject, commitment []byte) *jisrv1.LogEntry {
	e := &jisrv1.LogEntry{}
	e.SetName(name)
	e.SetKind(leaf.GetKind())
	e.SetRole(leaf.GetRole())
	e.SetPurpose(leaf.GetPurpose())
	e.SetDataClasses(subject.GetDataClasses())
	e.SetRpc(leaf.GetRpc())
	e.SetAgency("agencies/" + leaf.GetAgency())
	e.SetSystem(leaf.GetSystem())
	e.SetOfficer(leaf.GetOfficer())
	e.SetAgreement(leaf.GetAgreement())
	e.SetCommitment(hex.EncodeToString(commitment))
	return e
}
