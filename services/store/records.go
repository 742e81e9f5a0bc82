package store

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/record"
)

// View reads a record for change, as Store.View does for reading.
func (tx *Tx) View(name string, m proto.Message) error {
	docket, n, err := asked(tx.ctx, tx.caller, name, m)
	if err != nil {
		return err
	}
	held := tx.conn.hold(name, tx.holders...)
	r, l, known, err := tx.remembered(n)
	if err == nil && !known {
		r, l, known, err = tx.store.known(tx.ctx, tx.conn, tx.caller, tx.law, n)
	}
	if err != nil || !known {
		tx.drafting.missed() // first, since others of its kind may find what they ask for
	}
	if err == nil && !known {
		err = tx.store.absent(tx.ctx, tx.conn, tx.law)
	}
	if err != nil {
		return err
	}
	tx.drafting.saw(l)
	if err := fill(m, r); err != nil {
		return err
	}
	tx.rows[name] = r
	docket.Load(name, l)
	if tx.moved[l.Case] {
		return nil // held already, or so new that nobody else knows of it
	}
	return held(l.Case)
}

// Standing returns the caller's standing to a record that it has viewed.
func (tx *Tx) Standing(name string) agreement.Standing {
	l, _ := agreement.DocketFrom(tx.ctx).Loaded(name)
	return l.Standing
}

// Sees reports whether the caller may read a class of a record that it has viewed.
func (tx *Tx) Sees(name string, class record.Class) bool {
	return tx.law.Read(tx.caller.Role, tx.caller.Purpose, tx.Standing(name)).Has(class)
}

// row reads a record at rest, without asking who may know of it; for the server's own acts.
func (tx *Tx) row(name string) (row, error) {
	r, found, err := tx.find(name)
	if err == nil && !found {
		err = fault.New(fault.NotFound)
	}
	return r, err
}

// find is row for a record that may be missing. What this call has read or
// written it does not read again: nobody else writes in its case before it is done.
func (tx *Tx) find(name string) (r row, found bool, err error) {
	if r, found = tx.rows[name]; found {
		return r, true, nil
	}
	k := tx.recall(caseOf(name))
	if kept, there := k.record(name); there {
		tx.restOn(caseOf(name), k)
		return kept.row, true, nil
	}
	held := tx.conn.hold(name)
	// What waits to be written is among those rows.
	if r, found, err = loadRow(tx.conn.transaction, name); !found || err != nil {
		tx.drafting.missed()
		return r, false, err
	}
	tx.rows[name] = r
	if tx.moved[r.caseName] {
		return r, true, nil
	}
	return r, true, held(r.caseName)
}

// Load reads a record's header for the server's own act, whatever the caller may know of.
func (tx *Tx) Load(name string, m proto.Message) error {
	r, err := tx.row(name)
	if err != nil {
		return err
	}
	return fill(m, r)
}

// New says where a new record belongs.
type New struct {
	// Parent is the record or agency it lies under; empty at the top.
	Parent string
	// Case is the case it belongs to; empty for a new case, which belongs to itself.
	Case string
	// Subjects are the victims or suspects it is about; empty: the whole case.
	Subjects []string
	// Standing is the caller's to what it belongs to: the write lens comes from it.
	Standing agreement.Standing
}

// working are the links under which an agency works on a matter now; without
// one, no record is added to it. Whoever was merely notified does not.
var working = agreement.Links(jisrv1.Link_LINK_OWNER, jisrv1.Link_LINK_PARTICIPANT, jisrv1.Link_LINK_ASSIGNED,
	jisrv1.Link_LINK_RECEIVER, jisrv1.Link_LINK_TERRITORY)

// Create stores a new record: m holds the header as it shall be and, in clear,
// the sections that the caller tells. It sets the record's name, seals it, and
// gives it the links of its case that reach it.
func (tx *Tx) Create(m proto.Message, n New) error {
	t := record.TypeOf(m)
	name, err := tx.newName(t, n.Parent)
	if err != nil {
		return err
	}
	if n.Case == "" {
		n.Case = name
		tx.openFile(name)
	}
	subject := ""
	switch {
	case t.Name == "Victim" || t.Name == "Suspect":
		subject = name
	case len(n.Subjects) == 1:
		subject = n.Subjects[0]
	}
	setName(m, name)
	setCreateTime(m, tx.now)
	e := &record.Envelope{}
	if e.KeyID, err = tx.keyFor(t, n.Case, subject); err != nil {
		return err
	}
	n.Standing.Own = 0
	works := slices.ContainsFunc(n.Standing.Links, func(l agreement.InForce) bool { return working.Has(l.Link) })
	if works {
		n.Standing.Own = record.EveryClass // whoever writes a record first is the author of all of it
	}
	told, err := tx.store.Page.Tell(tx.ctx, &agreement.Telling{
		Law: tx.law, Role: tx.caller.Role, Purpose: tx.caller.Purpose, Agency: tx.caller.Agency,
		Name: name, Standing: n.Standing, Record: m, Envelope: e, Incoming: m, Time: tx.now,
	})
	if err != nil {
		return err
	}
	if !works {
		return fault.New(fault.ClassNotWritable) // not even a record that tells nothing
	}
	tx.mark(t, nil, m, e, tx.caller.Agency)
	r := row{typ: t, name: name, caseName: n.Case, subject: subject, created: tx.now.UnixMicro()}
	if n.Case != name {
		// Asked for before anything waits: what waits would be written first.
		if _, err := tx.caseLinks(n.Case); err != nil {
			return err
		}
	}
	if err := tx.insert(r, m, e); err != nil {
		return err
	}
	tx.author(r)
	if c, ok := m.(*jisrv1.Case); ok {
		if err := tx.placeCase(c, tx.now); err != nil {
			return err
		}
	} else {
		persons := append(slices.Clone(n.Subjects), name)
		if err := tx.placeChild(t.Name, name, n.Case, persons, tx.now); err != nil {
			return err
		}
	}
	tx.touch(name, told.Classes, told.Changed)
	return nil
}

// author keeps the writer's sight of what it wrote, whatever ends.
func (tx *Tx) author(r row) {
	link := sightRow{holder: agencyHolder(tx.caller.Agency), link: jisrv1.Link_LINK_AUTHOR, scope: record.EveryClass}
	tx.insertSight(link, r.typ.Name, r.name, time.UnixMicro(r.created))
}

// keyFor returns the key of whom the record is about: its victim's, else its
// suspect's, else its case's. New persons and cases get a key of their own.
func (tx *Tx) keyFor(t *record.Type, caseName, subject string) (string, error) {
	switch t.Subject {
	case jisrv1.RecordKind_SUBJECT_NONE:
		return "", nil
	case jisrv1.RecordKind_SUBJECT_SELF:
		id, err := tx.store.Keyring.Take(tx.ctx)
		if err == nil {
			tx.taken = append(tx.taken, id)
		}
		return id, err
	}
	if subject == "" {
		subject = caseName
	}
	r, err := tx.row(subject)
	if err != nil {
		return "", err
	}
	e, err := record.ParseEnvelope(r.envelope)
	return e.KeyID, err
}

// giveBack gives back the keys of a run of which nothing is kept: else a caller that
// is refused, or hangs up, again and again would fill the keyring.
func (tx *Tx) giveBack() {
	for _, id := range tx.taken {
		tx.store.Keyring.GiveBack(id)
	}
	tx.taken = nil
}

// Tell changes what the caller may tell of a record: mask names the fields of
// incoming, sections or leaves inside one. etag, where given, guards the view.
func (tx *Tx) Tell(m, incoming proto.Message, mask []string, etag string) error {
	name, t := nameOf(m), record.TypeOf(m)
	if err := tx.Match(m, etag); err != nil {
		return err
	}
	r, err := tx.row(name)
	if err != nil {
		return err
	}
	e, err := record.ParseEnvelope(r.envelope)
	if err != nil {
		return err
	}
	before := proto.Clone(m)
	told, err := tx.store.Page.Tell(tx.ctx, &agreement.Telling{
		Law: tx.law, Role: tx.caller.Role, Purpose: tx.caller.Purpose, Agency: tx.caller.Agency,
		Name: name, Standing: tx.Standing(name), Record: m, Envelope: &e, Incoming: incoming, Mask: mask, Time: tx.now,
	})
	if err != nil {
		return err
	}
	tx.mark(t, before, m, &e, tx.caller.Agency)
	if err := tx.update(r, m, &e); err != nil {
		return err
	}
	tx.author(r)
	tx.touch(name, told.Classes, told.Changed)
	return nil
}

// Match fails with CONFLICT if etag is given and is not that of the caller's view.
func (tx *Tx) Match(m proto.Message, etag string) error {
	if etag == "" {
		return nil
	}
	name := nameOf(m)
	l, _ := agreement.DocketFrom(tx.ctx).Loaded(name)
	raw, err := record.Detach(m)
	if err != nil {
		return err
	}
	o, err := tx.store.Page.Outline(tx.caller, name, record.TypeOf(m), l, raw)
	if err != nil {
		return err
	}
	if string(o.ETag[:]) != etag {
		return fault.New(fault.Conflict)
	}
	return nil
}

// Save stores a record's header as a life-cycle step of the caller changed it.
func (tx *Tx) Save(m proto.Message) error { return tx.save(m, tx.caller.Agency) }

// SaveDerived stores a header that the server derived from somebody else's act;
// its authors stay who they were.
func (tx *Tx) SaveDerived(m proto.Message) error { return tx.save(m, "") }

func (tx *Tx) save(m proto.Message, author string) error {
	name, t := nameOf(m), record.TypeOf(m)
	r, err := tx.row(name)
	if err != nil {
		return err
	}
	e, err := record.ParseEnvelope(r.envelope)
	if err != nil {
		return err
	}
	before := t.New()
	if err := unmarshalHeader(r.header, before); err != nil {
		return err
	}
	classes, changed := tx.mark(t, before, m, &e, author)
	if err := tx.update(r, m, &e); err != nil {
		return err
	}
	tx.touch(name, classes, changed)
	return nil
}

// mark renews the marks of the classes whose header fields changed.
func (tx *Tx) mark(t *record.Type, before, after proto.Message, e *record.Envelope, author string) (classes record.ClassSet, changed []string) {
	for _, f := range t.Header {
		if f.Class == jisrv1.DataClass_DATA_CLASS_REFERENCE {
			continue
		}
		if before != nil && sameField(before.ProtoReflect(), after.ProtoReflect(), f.Desc) {
			continue
		}
		if before == nil && !after.ProtoReflect().Has(f.Desc) {
			continue
		}
		changed = append(changed, string(f.Desc.Name()))
		classes |= record.Classes(f.Class)
	}
	for c := range classes.All() {
		m, _ := e.Mark(c)
		by := author
		if by == "" {
			by = m.Author
		}
		e.SetMark(record.Mark{Class: c, Revision: m.Revision + 1, Time: tx.now.UnixMicro(), Author: by})
	}
	return classes, changed
}

func sameField(a, b protoreflect.Message, fd protoreflect.FieldDescriptor) bool {
	return a.Get(fd).Equal(b.Get(fd)) && a.Has(fd) == b.Has(fd)
}

func (tx *Tx) insert(r row, m proto.Message, e *record.Envelope) error {
	header, err := marshalHeader(r.typ, m)
	if err != nil {
		return err
	}
	r.revision, r.header, r.envelope = 1, header, e.Append(nil)
	record.Attach(m, r.envelope)
	tx.rows[r.name], tx.born[r.name] = r, true
	tx.conn.created(stored{row: r, state: stateOf(m)})
	if f := tx.files[r.caseName]; f != nil && f.read {
		f.records = append(f.records, member{r.name, r.typ.Name, r.subject, r.created})
	}
	tx.move(r.caseName)
	return nil
}

func (tx *Tx) update(r row, m proto.Message, e *record.Envelope) error {
	header, err := marshalHeader(r.typ, m)
	if err != nil {
		return err
	}
	r.revision, r.header, r.envelope = r.revision+1, header, e.Append(nil)
	record.Attach(m, r.envelope)
	tx.rows[r.name] = r
	tx.conn.altered(stored{row: r, state: stateOf(m), stands: r.revision - 1})
	tx.move(r.caseName)
	return nil
}
