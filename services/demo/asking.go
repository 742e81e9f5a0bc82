package demo

import (
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
)

// openedByConsent is what victim one lets MoFA know.
var openedByConsent = []jisrv1.DataClass{
	jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY, jisrv1.DataClass_DATA_CLASS_VICTIM_DOCUMENTS, jisrv1.DataClass_DATA_CLASS_VICTIM_CONSULAR,
}

// consentAndShare lets MoFA and Erbil ask before and after something opens for them.
func (s *story) consentAndShare() {
	s.t.chapter("4. Who sees what")
	s.before = s.look(foreign, foreign.short)
	if s.err == nil {
		s.t.did(foreign.short, "asks for victim one: her nationality, and no name")
		s.fail(expect(!slices.Contains(s.before.victim.seen(), jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY), "MoFA sees her name before she agreed"))
	}
	s.step(shelter, "records her consent: MoFA may know name and papers, to help her", func(c *client) error {
		made, err := c.RecordConsent(s.ctx, jisrv1.RecordConsentRequest_builder{
			Parent: s.first, Answer: jisrv1.Consent_STATE_GIVEN,
			Consent: jisrv1.Consent_builder{
				Purpose: foreign.purpose, RecipientRole: foreign.role, DataClasses: openedByConsent,
				Record: jisrv1.ConsentRecord_builder{GivenBy: jisrv1.ConsentRecord_GIVEN_BY_PERSON, Explained: true, Language: "ar"}.Build(),
			}.Build(),
		}.Build())
		s.consent = made.GetName()
		return err
	})
	s.step(foreign, "reads name and passport, and asks for a travel document", func(c *client) error {
		v, err := c.GetVictim(s.ctx, jisrv1.GetVictimRequest_builder{Name: s.first}.Build())
		if err != nil {
			return err
		}
		if err := expect(v.HasIdentity() && v.HasDocuments(), "MoFA sees no name although she agreed"); err != nil {
			return err
		}
		return s.update(c, jisrv1.Victim_builder{Name: s.first, Consular: jisrv1.VictimConsular_builder{
			TravelDocumentHeld: jisrv1.Answer_ANSWER_NO, Request: "Travel document asked for.",
		}.Build()}.Build())
	})
	ask := func(c *client) error {
		_, err := c.GetCase(s.ctx, jisrv1.GetCaseRequest_builder{Name: s.matter}.Build())
		if err == nil {
			_, err = c.GetVictim(s.ctx, jisrv1.GetVictimRequest_builder{Name: s.first}.Build())
		}
		return err
	}
	s.refused(erbil, "in Erbil asks for the case", fault.NotFound, ask)
	s.t.note("The same bytes as for a case that never was.")
	s.step(police, "shares the case with Erbil for 30 days: the trail leads there", func(c *client) error {
		_, err := c.ShareCase(s.ctx, jisrv1.ShareCaseRequest_builder{Parent: s.matter, Share: jisrv1.Share_builder{
			Agency: erbil.name(), ExpireTime: timestamppb.New(soon(30)),
		}.Build()}.Build())
		return err
	})
	s.step(erbil, "asks again, and is answered", ask)
}

// everybodyAsks lets every party ask for the same records, and prints what each saw.
func (s *story) everybodyAsks() {
	views := []*view{
		s.look(police, police.short), s.look(judge, judge.short), s.look(prosecutor, prosecutor.short), s.look(shelter, shelter.short),
		s.before, s.look(foreign, "MoFA+"), s.look(hospital, hospital.short), s.look(community, community.short),
		s.survey(monitor), s.look(erbil, erbil.short),
	}
	if s.err != nil {
		return
	}
	s.views = make(map[string]*view, len(views))
	for _, v := range views {
		s.views[v.heading] = v
	}
	s.t.line("")
	s.t.paragraph("Now every desk asks for the same four records. MoFA is before her consent, MoFA+ after it; IHCHR asks under pseudonyms.")
	s.t.table(views)
	s.t.line("")
	s.t.paragraph("Where she is, the shelter knows, and the judge; the prosecutor learns it by a judge's order alone. Police reach her through the shelter's liaison.")
	s.t.chapter("The same records in words")
	s.t.recordOf("Victim one, as MoFA got her before she agreed:", s.before.victim)
	s.t.recordOf("Victim one, as MoFA gets her now:", s.views["MoFA+"].victim)
	s.t.recordOf("Victim one, as the hospital gets her:", s.views[hospital.short].victim)
	s.t.recordOf("The suspect, as the shelter gets it, so as to know who is at the door:", s.views[shelter.short].suspect)
	s.t.recordOf("The case, as the human-rights monitor gets it, under a pseudonym:", s.views[monitor.short].matter)
}
