package demo

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/record"
)

// kept is a record as one party got it: msg is nil where the party was told that
// there is none, or where its role may not ask for such a record at all (barred).
type kept struct {
	msg      proto.Message
	barred   bool
	withheld map[jisrv1.DataClass]jisrv1.Withholding_Reason
	ask      []string // whom the reader may ask for what was withheld
}

// view is what one party sees of the four records.
type view struct {
	heading                           string
	matter, victim, suspect, referral kept
}

type withholder interface {
	proto.Message
	GetWithheld() []*jisrv1.Withholding
}

// keep sorts an answer: a record, that there is none, or that the door is shut.
// Any other refusal is a failure.
func keep[M withholder](into *kept, msg M, err error) error {
	switch reason(err) {
	case fault.NotFound:
		return nil
	case fault.MethodNotGranted:
		into.barred = true
		return nil
	}
	if err != nil {
		return err
	}
	into.msg, into.withheld = msg, make(map[jisrv1.DataClass]jisrv1.Withholding_Reason)
	for _, w := range msg.GetWithheld() {
		into.withheld[w.GetDataClass()] = w.GetReason()
		if a := strings.TrimPrefix(w.GetAskAgency(), "agencies/"); a != "" && !slices.Contains(into.ask, a) {
			into.ask = append(into.ask, a)
		}
	}
	return nil
}

// look lets a party ask for the four records by name.
func (s *story) look(p party, heading string) *view {
	v := &view{heading: heading}
	s.quietly(p, "asks for the records", func(c *client) error {
		m, err := c.GetCase(s.ctx, jisrv1.GetCaseRequest_builder{Name: s.matter}.Build())
		if err := keep(&v.matter, m, err); err != nil {
			return err
		}
		person, err := c.GetVictim(s.ctx, jisrv1.GetVictimRequest_builder{Name: s.first}.Build())
		if err := keep(&v.victim, person, err); err != nil {
			return err
		}
		suspect, err := c.GetSuspect(s.ctx, jisrv1.GetSuspectRequest_builder{Name: s.suspect}.Build())
		if err := keep(&v.suspect, suspect, err); err != nil {
			return err
		}
		r, err := c.GetReferral(s.ctx, jisrv1.GetReferralRequest_builder{Name: s.placement}.Build())
		return keep(&v.referral, r, err)
	})
	return v
}

// survey lets a party without names find the records by listing: it gets
// pseudonyms of its own, and no name that another agency knows.
func (s *story) survey(p party) *view {
	v := &view{heading: p.short}
	s.quietly(p, "lists what it may watch", func(c *client) error {
		listed, err := c.ListCases(s.ctx, jisrv1.ListCasesRequest_builder{State: jisrv1.Case_STATE_UNDER_INVESTIGATION}.Build())
		if err != nil {
			return err
		}
		if err := expect(len(listed.GetCases()) == 1, "it finds %d cases under investigation", len(listed.GetCases())); err != nil {
			return err
		}
		if err := keep(&v.matter, listed.GetCases()[0], nil); err != nil {
			return err
		}
		if err := expect(listed.GetCases()[0].GetName() != s.matter, "it got the case's name and not a pseudonym"); err != nil {
			return err
		}
		victims, err := c.ListVictims(s.ctx, jisrv1.ListVictimsRequest_builder{Parent: listed.GetCases()[0].GetName()}.Build())
		if err != nil {
			return err
		}
		if err := expect(len(victims.GetVictims()) == 2, "it finds %d victims", len(victims.GetVictims())); err != nil {
			return err
		}
		if err := keep(&v.victim, victims.GetVictims()[0], nil); err != nil {
			return err
		}
		referrals, err := c.ListReferrals(s.ctx, jisrv1.ListReferralsRequest_builder{Parent: listed.GetCases()[0].GetName()}.Build())
		if err != nil {
			return err
		}
		if len(referrals.GetReferrals()) > 0 {
			return keep(&v.referral, referrals.GetReferrals()[0], nil)
		}
		return nil
	})
	return v
}

// seen are the classes of a record that were open to the party.
func (k kept) seen() (classes []jisrv1.DataClass) {
	if k.msg == nil {
		return nil
	}
	for class := range record.TypeOf(k.msg).Classes.All() {
		if _, closed := k.withheld[class]; !closed {
			classes = append(classes, class)
		}
	}
	return classes
}

// filled reports whether anything of a class stands in the record.
func (k kept) filled(class jisrv1.DataClass) bool {
	return slices.ContainsFunc(record.TypeOf(k.msg).FieldsOf(class), func(f record.Field) bool {
		return k.msg.ProtoReflect().Has(f.Desc)
	})
}

// sectionsOf are the names of the sections that are set in a record.
func sectionsOf(m proto.Message) (names []string) {
	for _, f := range record.TypeOf(m).Sections {
		if m.ProtoReflect().Has(f.Desc) {
			names = append(names, string(f.Desc.Name()))
		}
	}
	return names
}
