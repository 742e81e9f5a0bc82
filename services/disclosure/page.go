// Package disclosure is the page: the third gate. It decides which lines of a
// record a caller may read and which it may write, by opening what the lens
// allows and never by clearing what it does not. What is not allowed is never
// decrypted, so that no bug in a filter can leak it.
package disclosure

import (
	"context"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/record"
)

var (
	errUnloaded = errors.New("disclosure: a record that did not come from the shelf")
	errClear    = errors.New("disclosure: a record with a section in clear")
	errBeside   = errors.New("disclosure: a record with more than the name that the shelf gave")
	errOutline  = errors.New("disclosure: an outline that was made for another caller or lens")
)

// Page opens and seals records. It keeps no state of a call.
type Page struct {
	ring       *keyring.Ring
	pseudonyms *keyring.Pseudonyms
	etags      sync.Pool // of *etagger
	withheld   withheldCache
}

// NewPage returns the page over a keyring.
func NewPage(ring *keyring.Ring) (*Page, error) {
	if ring == nil {
		return nil, errors.New("disclosure: no keyring")
	}
	key := ring.Secret("etag")
	p := &Page{ring: ring, pseudonyms: ring.Pseudonyms()}
	p.etags.New = func() any { return &etagger{mac: hmac.New(sha256.New, key)} }
	return p, nil
}

// shown is what of a record was rendered, for its log entry.
type shown struct {
	name    string
	loaded  agreement.Loaded
	classes record.ClassSet
}

// record appends a record as the caller may see it: header fields and sections
// of the lens's classes, and what is computed for this caller. Without sections
// it appends the header alone, as the reply of a change.
func (r *rendering) record(out []byte, t *record.Type, m proto.Message) ([]byte, error) {
	p, c := r.page, r.caller
	named, ok := m.(interface{ GetName() string })
	if !ok {
		return nil, errUnloaded
	}
	name := named.GetName()
	l, ok := r.docket.Loaded(name)
	if !ok {
		return nil, errUnloaded
	}
	o, err := r.outline(t, m, name, l)
	if err != nil {
		return nil, err
	}
	lens := c.Law.Read(c.Role, c.Purpose, l.Standing)
	if !o.For(c.Agency, c.Role, lens) {
		return nil, errOutline
	}
	out, classes := append(out, o.Header...), o.Classes
	if lens.Has(jisrv1.DataClass_DATA_CLASS_REFERENCE) {
		out = append(out, p.withheldFor(c, t, l.Standing, lens)...)
	}
	if r.sections {
		var opened record.ClassSet
		if out, opened, err = p.appendSections(r.ctx, out, name, t, o.KeyID, o.Sections, lens); err != nil {
			return nil, err
		}
		classes |= opened
	}
	r.shown = append(r.shown, shown{name: name, loaded: l, classes: classes})
	return out, nil
}

// Open appends what a lens holds of a record at rest, header and sections, and
// says which classes that shows.
func (p *Page) Open(ctx context.Context, out []byte, name string, t *record.Type, header, envelope []byte, lens record.ClassSet) ([]byte, record.ClassSet, error) {
	e, err := record.LendWithin(envelope, t, lens)
	if err != nil {
		return nil, 0, err
	}
	defer e.GiveBack()
	out, shown, err := appendHeader(out, t, header, lens)
	if err != nil {
		return nil, 0, err
	}
	out, opened, err := p.appendSections(ctx, out, name, t, e.KeyID, e.Sections, lens)
	return out, shown | opened, err
}

// outline returns what the caller sees of a record before anything is opened: what the
// shelf had made when it read the record, else what follows from what the record
// carries. It fails closed on what only a handler that meddled could have set: anything
// beside the name that the shelf gave, or a section in clear.
func (r *rendering) outline(t *record.Type, m proto.Message, name string, l agreement.Loaded) (*agreement.Outline, error) {
	if l.Outline != nil {
		if proto.Size(m) != protowire.SizeTag(nameNumber)+protowire.SizeBytes(len(name)) {
			return nil, errBeside // whatever else is set has a length
		}
		return l.Outline, nil
	}
	for _, f := range t.Sections {
		if m.ProtoReflect().Has(f.Desc) {
			return nil, errClear
		}
	}
	envelope := m.ProtoReflect().GetUnknown()
	if len(envelope) == 0 && t.Subject != jisrv1.RecordKind_SUBJECT_NONE {
		return nil, errUnloaded // a name alone, of a record that was loaded again since
	}
	return r.page.Outline(r.caller, name, t, l, envelope)
}

// appendHeader copies the header's fields whose class the lens holds, as they were encoded.
func appendHeader(out []byte, t *record.Type, header []byte, lens record.ClassSet) ([]byte, record.ClassSet, error) {
	var classes record.ClassSet
	for len(header) > 0 {
		num, _, n := protowire.ConsumeField(header)
		if n < 0 {
			return nil, 0, fmt.Errorf("disclosure: broken header of a %s", t.Name)
		}
		if f, ok := t.Field(num); ok && lens.Has(f.Class) && !t.IsSection(num) {
			out = append(out, header[:n]...)
			classes |= record.Classes(f.Class)
		}
		header = header[n:]
	}
	return out, classes, nil
}

// appendSections opens the sections whose class the lens holds. A section's
// plain text is its encoded field, so that appending is all there is to do.
func (p *Page) appendSections(ctx context.Context, out []byte, name string, t *record.Type, keyID string, sections []record.Section, lens record.ClassSet) ([]byte, record.ClassSet, error) {
	var classes record.ClassSet
	var aead cipher.AEAD
	bound := bindings.Get().(*[]byte)
	defer bindings.Put(bound)
	*bound = appendBinding((*bound)[:0], name)
	of := len(*bound)
	for i := range sections {
		s := &sections[i]
		f, ok := t.Field(s.Number)
		if !ok || !lens.Has(f.Class) {
			continue
		}
		var err error
		if aead == nil {
			aead, err = p.ring.AEAD(ctx, keyID)
			if errors.Is(err, keyring.ErrDestroyed) {
				return out, classes, nil // destroyed for everyone, in every copy
			}
			if err != nil {
				return nil, 0, err
			}
		}
		*bound = appendRevision((*bound)[:of], s.Number, s.Revision)
		out, err = aead.Open(out, nil, s.Sealed, *bound)
		if err != nil {
			return nil, 0, fmt.Errorf("disclosure: section %s cannot be opened: swapped, rolled back or tampered with", t.Path(f))
		}
		classes |= record.Classes(f.Class)
	}
	return out, classes, nil
}

// bindings are room for associated data, which leaves the stack on its way into a cipher.
var bindings = sync.Pool{New: func() any { return new([]byte) }}

// bind is the associated data of a section: it cannot be moved to another
// record or field, nor pass for another revision.
func bind(name string, n protowire.Number, revision uint64) []byte {
	return appendRevision(appendBinding(nil, name), n, revision)
}

func appendBinding(b []byte, name string) []byte {
	return protowire.AppendString(append(b, "jisr/section"...), name)
}

func appendRevision(b []byte, n protowire.Number, revision uint64) []byte {
	b = protowire.AppendVarint(b, uint64(n))
	return protowire.AppendVarint(b, revision)
}
