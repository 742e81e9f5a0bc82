package demo

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
)

// protection opens the investigation and brings victim one to a shelter and a doctor.
func (s *story) protection() {
	s.t.chapter("3. The judge investigates; victim one is brought to safety")
	s.step(judge, "opens the investigation: UNDER_INVESTIGATION", func(c *client) error {
		_, err := c.AdvanceCase(s.ctx, jisrv1.AdvanceCaseRequest_builder{Name: s.matter, State: jisrv1.Case_STATE_UNDER_INVESTIGATION}.Build())
		return err
	})
	s.step(police, "drafts a referral of victim one to the MoLSA shelter", func(c *client) error {
		r, err := c.CreateReferral(s.ctx, jisrv1.CreateReferralRequest_builder{Parent: s.matter, Referral: jisrv1.Referral_builder{
			Kind: jisrv1.Referral_KIND_SHELTER_PLACEMENT, Victim: s.first, Receiver: shelter.name(),
			Request:   jisrv1.ReferralRequest_builder{Text: "A place for one woman, from tonight.", Urgent: true}.Build(),
			Logistics: jisrv1.ReferralLogistics_builder{Text: "Escort by two women officers."}.Build(),
		}.Build()}.Build())
		s.placement = r.GetName()
		return err
	})
	send := func(c *client) error {
		_, err := c.SendReferral(s.ctx, jisrv1.SendReferralRequest_builder{Name: s.placement}.Build())
		return err
	}
	s.refused(police, "sends it before a judge has decided", fault.OrderRequired, send)
	s.step(judge, "issues a SHELTER order for victim one; it names no shelter", func(c *client) error {
		_, err := c.IssueOrder(s.ctx, jisrv1.IssueOrderRequest_builder{Parent: s.matter, Order: jisrv1.Order_builder{
			Kind: jisrv1.Order_KIND_SHELTER, Target: s.first,
			Decision: jisrv1.Decision_builder{Court: "Rusafa", Number: "118", Date: today(), Text: "To be sheltered until the hearing."}.Build(),
		}.Build()}.Build())
		return err
	})
	s.step(police, "sends it again; the shelter now sees victim one, and her alone", send)
	s.follow("receives it", jisrv1.Referral_STATE_RECEIVED, func(c *client) (err error) {
		_, err = c.ReceiveReferral(s.ctx, jisrv1.ReceiveReferralRequest_builder{Name: s.placement}.Build())
		return err
	})
	s.follow("accepts it", jisrv1.Referral_STATE_ACCEPTED, func(c *client) (err error) {
		_, err = c.AcceptReferral(s.ctx, jisrv1.AcceptReferralRequest_builder{Name: s.placement}.Build())
		return err
	})
	s.follow("begins", jisrv1.Referral_STATE_IN_PROGRESS, func(c *client) (err error) {
		_, err = c.StartReferral(s.ctx, jisrv1.StartReferralRequest_builder{Name: s.placement}.Build())
		return err
	})
	s.refused(shelter, "asks for victim two, who is not in its care", fault.NotFound, func(c *client) error {
		_, err := c.GetVictim(s.ctx, jisrv1.GetVictimRequest_builder{Name: s.second}.Build())
		return err
	})
	s.step(shelter, "writes where she is, whom the police may call, risk and measures", func(c *client) error {
		return s.update(c, shelterWrites(s.first))
	})
	s.examine()
	s.step(judge, "sets a hearing and forbids her removal from the country", func(c *client) error {
		hearing := jisrv1.Hearing_builder{StartTime: timestamppb.New(soon(21)), Court: "Rusafa", Closed: true}.Build()
		_, err := c.UpdateCase(s.ctx, jisrv1.UpdateCaseRequest_builder{
			Case:       jisrv1.Case_builder{Name: s.matter, Hearings: []*jisrv1.Hearing{hearing}}.Build(),
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"hearings"}},
		}.Build())
		if err != nil {
			return err
		}
		return s.update(c, jisrv1.Victim_builder{Name: s.first, ImmigrationHold: jisrv1.ImmigrationHold_builder{DoNotRemove: true, WaiveFines: true}.Build()}.Build())
	})
}

// follow lets the shelter take a step, and MoI see it.
func (s *story) follow(does string, want jisrv1.Referral_State, act func(*client) error) {
	what := fmt.Sprintf("%s; MoI, who sent it, reads %s", does, strings.TrimPrefix(want.String(), "STATE_"))
	s.step(shelter, what, func(c *client) error {
		if err := act(c); err != nil {
			return err
		}
		sender, err := s.as(police)
		if err != nil {
			return err
		}
		r, err := sender.GetReferral(s.ctx, jisrv1.GetReferralRequest_builder{Name: s.placement}.Build())
		if err != nil {
			return err
		}
		return expect(r.GetState() == want, "MoI reads %s", r.GetState())
	})
}

// examine lets the shelter send victim one to a hospital.
func (s *story) examine() {
	s.step(shelter, "refers her to a hospital: MEDICAL_EXAM", func(c *client) error {
		r, err := c.CreateReferral(s.ctx, jisrv1.CreateReferralRequest_builder{Parent: s.matter, Referral: jisrv1.Referral_builder{
			Kind: jisrv1.Referral_KIND_MEDICAL_EXAM, Victim: s.first, Receiver: hospital.name(),
			Request: jisrv1.ReferralRequest_builder{Text: "Examination and treatment; a woman doctor, please."}.Build(),
		}.Build()}.Build())
		if err != nil {
			return err
		}
		s.examination = r.GetName()
		_, err = c.SendReferral(s.ctx, jisrv1.SendReferralRequest_builder{Name: s.examination}.Build())
		return err
	})
	s.step(hospital, "accepts, and writes its findings and, apart, what carers must heed", func(c *client) error {
		if _, err := c.AcceptReferral(s.ctx, jisrv1.AcceptReferralRequest_builder{Name: s.examination}.Build()); err != nil {
			return err
		}
		return s.update(c, jisrv1.Victim_builder{
			Name:   s.first,
			Health: jisrv1.VictimHealth_builder{Text: "A fractured wrist, healing; exhaustion."}.Build(),
			Care:   jisrv1.CareInstructions_builder{Text: "Wrist in a splint for three weeks.", NextAppointmentTime: timestamppb.New(soon(7))}.Build(),
		}.Build())
	})
}

// update changes the sections that are set.
func (s *story) update(c *client, v *jisrv1.Victim) error {
	mask := &fieldmaskpb.FieldMask{Paths: sectionsOf(v)}
	_, err := c.UpdateVictim(s.ctx, jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask}.Build())
	return err
}

func shelterWrites(victim string) *jisrv1.Victim {
	return jisrv1.Victim_builder{
		Name:       victim,
		District:   jisrv1.VictimDistrict_builder{District: "IQG08Q05"}.Build(),
		Location:   jisrv1.VictimLocation_builder{Shelter: "House of the Lantern", Phone: "+964 700 000 0000"}.Build(),
		Liaison:    jisrv1.LiaisonContact_builder{Desk: "Shelter liaison, MoLSA", Phone: "+964 700 000 0001", Hours: "day and night"}.Build(),
		Risk:       jisrv1.VictimRisk_builder{Level: jisrv1.RiskLevel_RISK_LEVEL_HIGH, Assessment: "The recruiter has asked for her."}.Build(),
		Protection: jisrv1.ProtectionMeasures_builder{Level: jisrv1.RiskLevel_RISK_LEVEL_HIGH, InForce: []string{"no visitors", "escort outside"}}.Build(),
		ReturnRisk: jisrv1.ReturnRisk_builder{AtRisk: jisrv1.Answer_ANSWER_NO}.Build(),
	}.Build()
}
