package disclosure

import (
	"encoding/base64"
	"hash"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// Field numbers that every record has for its name and for what is computed for each caller.
const (
	nameNumber       = 1
	etagNumber       = 2
	createTimeNumber = 3
	updateTimeNumber = 4
	withheldNumber   = 5
)

// Outline returns what a caller sees of a record at rest before anything of it is
// opened: header fields of the lens's classes, etag and update time, each a function of
// what this caller sees and of nothing else. The etag changes with every change the
// caller can see and with no other, and two agencies cannot compare theirs.
func (p *Page) Outline(c *identity.Caller, name string, t *record.Type, l agreement.Loaded, envelope []byte) (*agreement.Outline, error) {
	lens := c.Law.Read(c.Role, c.Purpose, l.Standing)
	e, err := record.LendWithin(envelope, t, lens)
	if err != nil {
		return nil, err
	}
	defer e.GiveBack()
	o := &agreement.Outline{Agency: c.Agency, Role: c.Role, Lens: lens, KeyID: e.KeyID, Sections: slices.Clone(e.Sections)}
	o.Header, o.Classes, err = appendHeader(make([]byte, 0, len(l.Header)+viewBytes), t, l.Header, lens)
	if err != nil {
		return nil, err
	}
	pseudonymous := c.Law.Pseudonymous(c.Role)
	if pseudonymous {
		if o.Header, err = p.disguise(c.Agency, t, o.Header); err != nil {
			return nil, err
		}
	}
	var latest int64
	o.ETag, latest = p.sight(c, name, t, e, lens)
	if lens.Has(jisrv1.DataClass_DATA_CLASS_REFERENCE) {
		o.Header = protowire.AppendTag(o.Header, etagNumber, protowire.BytesType)
		o.Header = protowire.AppendBytes(o.Header, o.ETag[:])
		if latest = max(latest, createTime(l.Header)); latest != 0 {
			at := time.UnixMicro(latest)
			if pseudonymous {
				at = month(at)
			}
			o.Header = appendTime(o.Header, updateTimeNumber, at)
		}
	}
	return o, nil
}

// viewBytes is how long etag and update time are at the most.
const viewBytes = 40

// etagger is an HMAC under the exchange's key for etags, with room for what goes in and comes out.
type etagger struct {
	mac       hash.Hash
	text, sum []byte
}

// sight goes through what a lens shows of a record: of its revisions it makes the
// etag, and of their times it returns the latest, in microseconds.
func (p *Page) sight(c *identity.Caller, name string, t *record.Type, e *record.Envelope, lens record.ClassSet) (etag [16]byte, latest int64) {
	h := p.etags.Get().(*etagger)
	defer p.etags.Put(h)
	b := protowire.AppendString(h.text[:0], c.Agency)
	b = protowire.AppendVarint(b, uint64(c.Role))
	b = protowire.AppendString(b, name)
	for i := range e.Marks {
		if m := &e.Marks[i]; lens.Has(m.Class) {
			b = protowire.AppendVarint(b, uint64(m.Class))
			b = protowire.AppendVarint(b, m.Revision)
			latest = max(latest, m.Time)
		}
	}
	b = append(b, 0)
	for i := range e.Sections {
		s := &e.Sections[i]
		if f, ok := t.Field(s.Number); ok && lens.Has(f.Class) {
			b = protowire.AppendVarint(b, uint64(s.Number))
			b = protowire.AppendVarint(b, s.Revision)
			latest = max(latest, s.Time)
		}
	}
	b = append(b, 0)
	b = protowire.AppendVarint(b, uint64(lens&t.Classes))
	h.mac.Reset()
	h.mac.Write(b)
	h.text, h.sum = b, h.mac.Sum(h.sum[:0])
	base64.RawURLEncoding.Encode(etag[:], h.sum[:12])
	return etag, latest
}

func createTime(header []byte) int64 {
	for len(header) > 0 {
		num, typ, n := protowire.ConsumeTag(header)
		if n < 0 {
			return 0
		}
		m := protowire.ConsumeFieldValue(num, typ, header[n:])
		if m < 0 {
			return 0
		}
		if num == createTimeNumber {
			value, _ := protowire.ConsumeBytes(header[n:])
			return microsOf(value)
		}
		header = header[n+m:]
	}
	return 0
}

// Timestamps are read and written as what they are on the wire, two numbers.
const (
	secondsNumber = 1
	nanosNumber   = 2
)

// microsOf reads an encoded timestamp; 0 where it is none.
func microsOf(value []byte) (micros int64) {
	for len(value) > 0 {
		num, typ, n := protowire.ConsumeTag(value)
		if n < 0 || typ != protowire.VarintType {
			return 0
		}
		v, m := protowire.ConsumeVarint(value[n:])
		switch {
		case m < 0:
			return 0
		case num == secondsNumber:
			micros += int64(v) * 1e6
		case num == nanosNumber:
			micros += int64(v) / 1e3
		}
		value = value[n+m:]
	}
	return micros
}

func appendTime(out []byte, n protowire.Number, at time.Time) []byte {
	var room [24]byte
	encoded := room[:0]
	if seconds := at.Unix(); seconds != 0 {
		encoded = protowire.AppendTag(encoded, secondsNumber, protowire.VarintType)
		encoded = protowire.AppendVarint(encoded, uint64(seconds))
	}
	if nanos := at.Nanosecond(); nanos != 0 {
		encoded = protowire.AppendTag(encoded, nanosNumber, protowire.VarintType)
		encoded = protowire.AppendVarint(encoded, uint64(nanos))
	}
	out = protowire.AppendTag(out, n, protowire.BytesType)
	return protowire.AppendBytes(out, encoded)
}

func month(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// withheldCache holds encoded withheld lists: there are few lenses, and each
// list is a function of the agreement and the lens alone.
type withheldCache struct {
	mu    sync.Mutex
	lists map[withheldKey][]byte
}

type withheldKey struct {
	agreement string
	role      jisrv1.Role
	purpose   jisrv1.Purpose
	asker     jisrv1.Jurisdiction
	typeName  string
	lens      record.ClassSet
	consented record.ClassSet
}

// withheldLists bounds the cache; a list is about 500 bytes.
const withheldLists = 4096

func (p *Page) withheldFor(c *identity.Caller, t *record.Type, st agreement.Standing, lens record.ClassSet) []byte {
	consents := c.Law.ConsentClasses(c.Role)
	key := withheldKey{c.Law.Hash(), c.Role, c.Purpose, c.Jurisdiction, t.Name, lens, st.Consented & consents}
	p.withheld.mu.Lock()
	defer p.withheld.mu.Unlock()
	if list, ok := p.withheld.lists[key]; ok {
		return list
	}
	var list []byte
	for _, w := range c.Law.Withheld(c.Role, c.Purpose, c.Jurisdiction, agreement.Standing{Consented: key.consented}, lens, t.Classes) {
		encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(w)
		if err != nil {
			continue // three scalars always marshal
		}
		list = protowire.AppendTag(list, withheldNumber, protowire.BytesType)
		list = protowire.AppendBytes(list, encoded)
	}
	if p.withheld.lists == nil || len(p.withheld.lists) >= withheldLists {
		p.withheld.lists = make(map[withheldKey][]byte)
	}
	p.withheld.lists[key] = list
	return list
}
