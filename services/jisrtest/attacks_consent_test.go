package jisrtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/status"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

const (
	ngoRole   = jisrv1.Role_ROLE_NGO
	assisting = jisrv1.Purpose_PURPOSE_ASSISTANCE
)

// dispensed is a record that consent to a role is not required.
func dispensed(p *jisrtest.Play, to jisrv1.Role, purpose jisrv1.Purpose) *jisrv1.RecordConsentRequest {
	return jisrv1.RecordConsentRequest_builder{Parent: p.First, Answer: jisrv1.Consent_STATE_NOT_REQUIRED, Consent: jisrv1.Consent_builder{
		Purpose: purpose, RecipientRole: to, LegalBasis: jisrv1.Consent_LEGAL_BASIS_LEGAL_OBLIGATION,
		DataClasses: []jisrv1.DataClass{identity, documents, jisrv1.DataClass_DATA_CLASS_VICTIM_PROFILE},
	}.Build()}.Build()
}

// answered is a record that somebody consented in the person's place or name.
func answered(p *jisrtest.Play, to jisrv1.Role, purpose jisrv1.Purpose, by jisrv1.ConsentRecord_GivenBy) *jisrv1.RecordConsentRequest {
	return jisrv1.RecordConsentRequest_builder{Parent: p.First, Answer: jisrv1.Consent_STATE_GIVEN, Consent: jisrv1.Consent_builder{
		Purpose: purpose, RecipientRole: to, DataClasses: []jisrv1.DataClass{identity},
		Record: jisrv1.ConsentRecord_builder{GivenBy: by, Explained: true}.Build(),
	}.Build()}.Build()
}

func TestWhoGainsByAConsentDoesNotForgeIt(t *testing.T) {
	p := baghdad(t)
	p.Notify(jisrtest.NGO, jisrtest.Foreign)
	ngo, mofa := p.As(jisrtest.NGO), consular(p)
	unnamed := func(when string) {
		t.Helper()
		for _, c := range []*jisrtest.Client{ngo, mofa} {
			if v := got(getVictim(c, p.First))(t); v.HasIdentity() || v.HasDocuments() {
				t.Errorf("%s %s reads the name: %v", when, c.Agency, v)
			}
		}
	}
	// Merely told, it takes no consent at all, for itself or for others.
	person, judge := jisrv1.ConsentRecord_GIVEN_BY_PERSON, jisrv1.ConsentRecord_GIVEN_BY_JUDGE
	for _, forged := range []*jisrv1.RecordConsentRequest{
		dispensed(p, ngoRole, assisting), dispensed(p, abroad, forConsular), answered(p, ngoRole, assisting, person), answered(p, abroad, forConsular, judge),
	} {
		refused(ngo.RecordConsent(ctx, forged))(t, fault.TransitionNotAllowed)
		refused(mofa.RecordConsent(ctx, forged))(t, fault.MethodNotGranted)
	}
	unnamed("after forging while merely told,")
	// Even while it cares for the person, it dispenses nobody, and the judge's word is the judge's.
	r := p.Refer(jisrv1.Referral_KIND_INTERPRETER, jisrtest.NGO)
	got(accept(ngo, r.GetName()))(t)
	for _, forged := range []*jisrv1.RecordConsentRequest{
		dispensed(p, ngoRole, assisting), dispensed(p, abroad, forConsular), answered(p, ngoRole, assisting, judge), answered(p, abroad, forConsular, judge),
	} {
		refused(ngo.RecordConsent(ctx, forged))(t, fault.InvalidRequest)
	}
	unnamed("after forging while it cares for the person,")
	// What the person told the police opens the name to both.
	got(policeOf(p).RecordConsent(ctx, answered(p, ngoRole, ngo.Purpose, person)))(t)
	got(policeOf(p).RecordConsent(ctx, answered(p, abroad, forConsular, person)))(t)
	if !got(getVictim(ngo, p.First))(t).HasIdentity() || !got(getVictim(mofa, p.First))(t).HasIdentity() {
		t.Error("the person's consent opens nothing, so that forging it would not either")
	}
}

func TestTheJudgeDispensesWithConsentAndThePoliceNotForThemselves(t *testing.T) {
	p := baghdad(t)
	p.Notify(jisrtest.Foreign)
	refused(policeOf(p).RecordConsent(ctx, dispensed(p, jisrv1.Role_ROLE_COUNTER_TRAFFICKING, assisting)))(t, fault.InvalidRequest)
	got(judgeOf(p).RecordConsent(ctx, answered(p, abroad, forConsular, jisrv1.ConsentRecord_GIVEN_BY_JUDGE)))(t)
	if !got(getVictim(consular(p), p.First))(t).HasIdentity() {
		t.Error("the judge's consent opens nothing")
	}
}

func TestAnAgencyWhoseAccessEndedRecordsNoConsent(t *testing.T) {
	p := baghdad(t)
	r := placed(t, p)
	p.Notify(jisrtest.Foreign)
	shelter := p.As(jisrtest.Shelter)
	got(tell(shelter, jisrv1.Victim_builder{Name: p.First, Health: jisrv1.VictimHealth_builder{Text: "what the counsellor wrote"}.Build()}.Build(), "health"))(t)
	person := jisrv1.ConsentRecord_GIVEN_BY_PERSON
	taken := got(shelter.RecordConsent(ctx, answered(p, abroad, forConsular, person)))(t)
	if !got(getVictim(consular(p), p.First))(t).HasIdentity() {
		t.Error("a consent taken while in care opens nothing")
	}
	got(withdraw(shelter, taken.GetName()))(t)
	got(shelter.CompleteReferral(ctx, jisrv1.CompleteReferralRequest_builder{Name: r.GetName(), Reason: jisrv1.Referral_END_REASON_NEED_MET}.Build()))(t)
	// It still rereads what it wrote, and so still knows of the person.
	if !got(getVictim(shelter, p.First))(t).HasHealth() {
		t.Error("the shelter does not keep its own entries")
	}
	refused(shelter.RecordConsent(ctx, answered(p, abroad, forConsular, person)))(t, fault.TransitionNotAllowed)
	refused(tell(shelter, jisrv1.Victim_builder{Name: p.First, Health: jisrv1.VictimHealth_builder{Text: "later"}.Build()}.Build(), "health"))(t, fault.ClassNotWritable)
	if got(getVictim(consular(p), p.First))(t).HasIdentity() {
		t.Error("foreign affairs reads the name on the word of a shelter that is out")
	}
}

func TestWhoWasMerelyToldWithdrawsNobodysConsent(t *testing.T) {
	p := baghdad(t)
	consent := p.Consent(jisrtest.Police, jisrv1.Role_ROLE_SOCIAL_AFFAIRS, assisting, jisrv1.DataClass_DATA_CLASS_VICTIM_PROFILE)
	r := p.Refer(jisrv1.Referral_KIND_PSYCHOSOCIAL, jisrtest.Shelter)
	got(accept(p.As(jisrtest.Shelter), r.GetName()))(t)
	p.Notify(jisrtest.NGO)
	refused(withdraw(p.As(jisrtest.NGO), consent.GetName()))(t, fault.TransitionNotAllowed)
	if state := got(getReferral(p.As(jisrtest.Shelter), r.GetName()))(t).GetState(); state != jisrv1.Referral_STATE_ACCEPTED {
		t.Errorf("an organisation that was merely told ended another's care: %s", state)
	}
	got(withdraw(policeOf(p), consent.GetName()))(t)
	if state := got(getReferral(p.As(jisrtest.Shelter), r.GetName()))(t).GetState(); state == jisrv1.Referral_STATE_ACCEPTED {
		t.Error("a withdrawal ends nothing, so that a forged one would not either")
	}
}

// A court tries what was referred to it (Code of Criminal Procedure, article
// 130); until then the investigating judge alone decides.
func TestATrialCourtDecidesNothingBeforeTheCaseIsReferredToIt(t *testing.T) {
	p := baghdad(t)
	court, desk := p.As("sjc-rusafa-felony/court"), p.As(asayish)
	open := orderIn(p, jisrv1.Order_KIND_DISCLOSE, p.First)
	open.GetOrder().SetAddressees([]string{desk.Agency})
	open.GetOrder().SetDataClasses([]jisrv1.DataClass{identity})
	undecided := func() {
		t.Helper()
		refused(court.IssueOrder(ctx, open))(t, fault.TransitionNotAllowed)
		refused(court.IssueOrder(ctx, orderIn(p, jisrv1.Order_KIND_NO_CONTACT, p.First)))(t, fault.TransitionNotAllowed)
		refused(getVictim(desk, p.First))(t, fault.NotFound)
	}
	advance := func(to jisrv1.Case_State) {
		t.Helper()
		got(judgeOf(p).AdvanceCase(ctx, jisrv1.AdvanceCaseRequest_builder{Name: p.Case, State: to}.Build()))(t)
	}
	undecided()
	p.Notify(jisrtest.Prosecutor)
	undecided()
	advance(jisrv1.Case_STATE_UNDER_INVESTIGATION)
	undecided()
	advance(jisrv1.Case_STATE_REFERRED_TO_TRIAL)
	got(court.IssueOrder(ctx, open))(t)
	if !got(getVictim(desk, p.First))(t).HasIdentity() {
		t.Error("the court of the trial opens nothing")
	}
}

// A consent may be to one organisation alone. Were another to read it, without
// the name, it would see that it opens nothing and so that somebody else cares.
func TestAConsentThatNamesAnAgencyIsNotThereForAnotherOfItsRole(t *testing.T) {
	p := baghdad(t)
	placed(t, p)
	p.Notify(jisrtest.NGO)
	shelter, police, iom := p.As(jisrtest.Shelter), policeOf(p), p.As(jisrtest.NGO)
	there := func(c *jisrtest.Client, name string) bool {
		t.Helper()
		_, err := c.GetConsent(ctx, jisrv1.GetConsentRequest_builder{Name: name}.Build())
		listed := got(c.ListConsents(ctx, jisrv1.ListConsentsRequest_builder{Parent: p.First}.Build()))(t).GetConsents()
		in := slices.ContainsFunc(listed, func(l *jisrv1.Consent) bool { return l.GetName() == name })
		if in != (err == nil) || err != nil && jisrtest.Reason(err) != fault.NotFound {
			t.Errorf("%s lists it: %v, and gets %v", c.Agency, in, err)
		}
		return in
	}
	taken := answered(p, ngoRole, assisting, jisrv1.ConsentRecord_GIVEN_BY_PERSON)
	taken.GetConsent().SetRecipient("agencies/ngo-shelter-erbil")
	named := got(shelter.RecordConsent(ctx, taken))(t).GetName()
	taken.GetConsent().SetRecipient("")
	open := got(shelter.RecordConsent(ctx, taken))(t).GetName()
	// Links that are made after the consent keep to the same.
	erbil := p.As(shelterOfErbil)
	p.Notify(shelterOfErbil, jisrtest.NGO)
	got(judgeOf(p).SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
		Case: p.Case, Victims: []string{p.First}, Subject: jisrv1.Notification_SUBJECT_UPDATE, Receivers: []string{erbil.Agency, iom.Agency},
	}.Build()}.Build()))(t)
	p.Refer(jisrv1.Referral_KIND_INTERPRETER, jisrtest.NGO)
	share(t, p, jisrv1.Share_builder{Agency: iom.Agency, Victims: []string{p.First}}.Build())
	if there(iom, named) || !there(iom, open) {
		t.Error("another organisation reads the consent that names one, or not the one that names none")
	}
	for _, c := range []*jisrtest.Client{erbil, shelter, police, judgeOf(p)} {
		if !there(c, named) {
			t.Errorf("%s does not know of the consent", c.Agency)
		}
	}
	// Asked about one organisation after the other, the exchange tells the owner nothing, and the judge all.
	told := func(c *jisrtest.Client, agency string) bool {
		t.Helper()
		return got(about(c, named, agency, ngoRole))(t).GetOnShelf()
	}
	if told(police, iom.Agency) != told(police, erbil.Agency) {
		t.Error("the owner is explained whom the consent names")
	}
	if told(judgeOf(p), iom.Agency) || !told(judgeOf(p), erbil.Agency) {
		t.Error("the judge is not explained whom the consent names, so that nothing was hidden")
	}
	// Who took a consent may withdraw it, though it names another of its own role.
	fellow := answered(p, jisrv1.Role_ROLE_SOCIAL_AFFAIRS, assisting, jisrv1.ConsentRecord_GIVEN_BY_PERSON)
	fellow.GetConsent().SetRecipient("agencies/kri-molsa")
	got(withdraw(shelter, got(shelter.RecordConsent(ctx, fellow))(t).GetName()))(t)
}

// Who agreed to be helped has not agreed to be sent home, even by a referral that
// opens nothing for which it would take consent.
func TestAConsentToOnePurposeCarriesNoReferralOfAnother(t *testing.T) {
	p := baghdad(t)
	police := policeOf(p)
	draft := draftOf(p, jisrv1.Referral_KIND_REPATRIATION, "agencies/iom")
	draft.GetReferral().SetScope([]jisrv1.DataClass{jisrv1.DataClass_DATA_CLASS_CASE_CORE})
	home := got(police.CreateReferral(ctx, draft))(t)
	draft.GetReferral().SetScope([]jisrv1.DataClass{identity})
	byName := got(police.CreateReferral(ctx, draft))(t)
	got(police.RecordConsent(ctx, answered(p, ngoRole, assisting, jisrv1.ConsentRecord_GIVEN_BY_PERSON)))(t)
	_, err := send(police, home)
	if says := fmt.Sprint(status.Convert(err).Details()); jisrtest.Reason(err) != fault.ConsentRequired || !strings.Contains(says, "CONSULAR, REINTEGRATION") {
		t.Errorf("the sender does not learn what consent it takes: %s", says)
	}
	refused(send(police, byName))(t, fault.ConsentRequired)
	// Help itself is carried by it, and the way home by a consent to that.
	draft.GetReferral().SetKind(jisrv1.Referral_KIND_LEGAL_AID)
	got(send(police, got(police.CreateReferral(ctx, draft))(t)))(t)
	back := got(police.RecordConsent(ctx, answered(p, ngoRole, jisrv1.Purpose_PURPOSE_REINTEGRATION, jisrv1.ConsentRecord_GIVEN_BY_PERSON)))(t)
	got(send(police, home))(t)
	got(send(police, byName))(t)
	// It ends with that consent, whatever else the person agreed to.
	got(withdraw(police, back.GetName()))(t)
	if state := got(getReferral(police, home.GetName()))(t).GetState(); state != jisrv1.Referral_STATE_WITHDRAWN {
		t.Errorf("the way home is %s without consent to it", state)
	}
}
