package jisrtest_test

import (
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// aside is something that happens in the second world alone.
type aside struct {
	name string
	// hidden says from whom, by the domain's rules.
	hidden func(onlooker) bool
	// told says that the owner's and the monitor's access log tells of it by design.
	logged bool
	play   func(*world)
}

const (
	judge        = jisrv1.Role_ROLE_INVESTIGATING_JUDGE
	investigator = jisrv1.Role_ROLE_JUDICIAL_INVESTIGATOR
	prosecutor   = jisrv1.Role_ROLE_PROSECUTOR
	trial        = jisrv1.Role_ROLE_TRIAL_COURT
	police       = jisrv1.Role_ROLE_COUNTER_TRAFFICKING
	commission   = jisrv1.Role_ROLE_HUMAN_RIGHTS
	committee    = jisrv1.Role_ROLE_COMMITTEE
)

// asides are what else may be there: each record hidden from some, and sealed matters from almost all.
var asides = []aside{
	{name: "a case in Erbil, with all that a case has", hidden: func(o onlooker) bool { return !o.is(jisrv1.Role_ROLE_ORGANISED_CRIME) }, play: (*world).erbil},
	{name: "a sealed matter in Baghdad", hidden: func(o onlooker) bool { return !o.is(judge, investigator) }, play: (*world).sealed},
	{name: "a third victim", hidden: func(o onlooker) bool { return o.told() || o.is(committee) }, play: (*world).thirdVictim},
	{name: "another suspect", hidden: func(o onlooker) bool { return o.told() || o.is(commission, committee) }, play: (*world).otherSuspect},
	{name: "the judge's own referral", hidden: func(o onlooker) bool { return o.told() || o.is(police) }, play: (*world).judgesReferral},
	{name: "an order addressed to nobody", hidden: func(o onlooker) bool { return o.told() || o.is(police) }, play: (*world).quietOrder},
	{name: "a consent of the second victim", hidden: func(o onlooker) bool { return o.told() || o.is(committee) }, play: (*world).secondConsents},
	{name: "a consent that names another organisation", hidden: func(o onlooker) bool {
		return o.is(jisrv1.Role_ROLE_NGO, jisrv1.Role_ROLE_COMMUNITY_POLICE, jisrv1.Role_ROLE_ASAYISH, jisrv1.Role_ROLE_RESIDENCY, committee)
	}, play: (*world).otherRecipient},
	{name: "another share", hidden: func(o onlooker) bool { return !o.is(police, judge, investigator) }, play: (*world).otherShare},
	{name: "a notification of the judge's", hidden: func(o onlooker) bool { return !o.is(judge, investigator) }, play: (*world).judgesNotice},
	{name: "the judge acknowledges the case", hidden: func(o onlooker) bool { // which is received either way
		return o.is(jisrv1.Role_ROLE_COMMUNITY_POLICE, jisrv1.Role_ROLE_RESIDENCY, jisrv1.Role_ROLE_HEALTH)
	}, play: (*world).acknowledged},
	{name: "the investigation is opened", hidden: func(o onlooker) bool {
		return o.is(jisrv1.Role_ROLE_RESIDENCY, jisrv1.Role_ROLE_HEALTH)
	}, play: (*world).opened},
	{name: "the location is told anew", logged: true, hidden: func(o onlooker) bool {
		return !o.sees(jisrv1.DataClass_DATA_CLASS_VICTIM_LOCATION)
	}, play: (*world).moved},
	{name: "the sources are told anew", logged: true, hidden: func(o onlooker) bool {
		return !o.sees(jisrv1.DataClass_DATA_CLASS_INVESTIGATION_SOURCES)
	}, play: (*world).newSources},
	{name: "a fourth victim whom the judge adds, seals and refers", hidden: func(o onlooker) bool { return !o.is(judge, investigator) }, play: (*world).sealedVictim},
	// Last, since the police cannot speak of the second victim any more.
	{name: "a seal on the second victim", hidden: func(o onlooker) bool { return o.told() }, play: (*world).sealSecond},
}

// differ plays in the second world what the reader may not know of. With logged,
// it plays also what the owner's access log tells of.
func (w *world) differ(logged bool) {
	w.t.Helper()
	for _, a := range asides {
		if w.second && a.hidden(w.reader) && (!a.logged || logged) {
			w.stage.aside(a.name)
			a.play(w)
		}
	}
}

func (w *world) erbil() {
	ctx := context.Background()
	dcoc := w.x.As(jisrtest.Erbil)
	c := jisrtest.BaghdadCase()
	c.SetGovernorate("IQG11")
	c.SetAdministeringAuthority(jisrv1.Jurisdiction_JURISDICTION_KURDISTAN_REGION)
	made, err := dcoc.CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: c}.Build())
	w.must(err)
	w.names["Erbil case"] = made.GetName()
	v, err := dcoc.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: made.GetName(), Victim: jisrtest.Person(1)}.Build())
	w.must(err)
	w.names["Erbil victim"] = v.GetName()
	w.names["Erbil referral"] = w.refer(dcoc, jisrv1.Referral_KIND_INTERPRETER, v.GetName(), "agencies/ngo-shelter-erbil", "text")
}

func (w *world) sealed() {
	ctx := context.Background()
	who := "molsa/shelter"
	if w.reader.who == who {
		who = jisrtest.NGO // who opens a case knows of it until it is sealed
	}
	opener := w.x.As(who)
	made, err := opener.CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: withoutSections()}.Build())
	w.must(err)
	v, err := opener.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: made.GetName(), Victim: jisrv1.Victim_builder{
		PersonRole: jisrv1.Victim_PERSON_ROLE_VICTIM,
	}.Build()}.Build())
	w.must(err)
	o, err := w.judge().IssueOrder(ctx, jisrv1.IssueOrderRequest_builder{Parent: made.GetName(), Order: jisrv1.Order_builder{
		Kind: jisrv1.Order_KIND_SEAL, Target: made.GetName(), Seal: jisrv1.SealReason_builder{Text: "reason"}.Build(),
		Decision: jisrv1.Decision_builder{Court: "Rusafa", Number: "77/ت/2026", Date: "2026-11-22"}.Build(),
	}.Build()}.Build())
	w.must(err)
	w.names["sealed case"], w.names["sealed victim"], w.names["seal"] = made.GetName(), v.GetName(), o.GetName()
}

func withoutSections() *jisrv1.Case {
	c := jisrtest.BaghdadCase()
	c.ClearCore()
	c.ClearNarrative()
	c.ClearPlan()
	c.ClearSources()
	return c
}

func (w *world) thirdVictim() {
	v, err := w.police().CreateVictim(context.Background(), jisrv1.CreateVictimRequest_builder{Parent: w.names["case"], Victim: jisrtest.Person(1)}.Build())
	w.must(err)
	w.names["third"] = v.GetName()
}

// sealedVictim adds a person of whom only the judge and an agency that does not
// look on know; what that agency reads of the case beside the person is as closed.
func (w *world) sealedVictim() {
	ctx := context.Background()
	v, err := w.judge().CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: w.names["case"], Victim: jisrtest.Person(1)}.Build())
	w.must(err)
	w.names["fourth"] = v.GetName()
	w.names["seal of the fourth"] = w.order(jisrv1.Order_KIND_SEAL, v.GetName(), func(o *jisrv1.Order) {
		o.SetAddressees([]string{"agencies/kri-residency"})
		o.SetSeal(jisrv1.SealReason_builder{Text: "reason"}.Build())
	})
	w.names["fourth's referral"] = w.refer(w.judge(), jisrv1.Referral_KIND_RESIDENCY_REGULARISATION, v.GetName(), "agencies/kri-residency", "text")
	desk := w.x.As("kri-residency/desk")
	_, err = desk.AcceptReferral(ctx, jisrv1.AcceptReferralRequest_builder{Name: w.names["fourth's referral"]}.Build())
	w.must(err)
	_, err = desk.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: v.GetName()}.Build())
	w.must(err)
	_, err = desk.GetCase(ctx, jisrv1.GetCaseRequest_builder{Name: w.names["case"]}.Build())
	w.must(err)
}

func (w *world) sealSecond() {
	w.names["seal of the second"] = w.order(jisrv1.Order_KIND_SEAL, w.names["second"], func(o *jisrv1.Order) {
		o.SetSeal(jisrv1.SealReason_builder{Text: "reason"}.Build())
	})
}

func (w *world) order(kind jisrv1.Order_Kind, target string, shape func(*jisrv1.Order)) string {
	w.t.Helper()
	o := jisrv1.Order_builder{
		Kind: kind, Target: target, Decision: jisrv1.Decision_builder{Court: "Rusafa", Number: "78/ت/2026", Date: "2026-11-22"}.Build(),
	}.Build()
	if shape != nil {
		shape(o)
	}
	issued, err := w.judge().IssueOrder(context.Background(), jisrv1.IssueOrderRequest_builder{Parent: w.names["case"], Order: o}.Build())
	w.must(err)
	return issued.GetName()
}

func (w *world) otherSuspect() {
	s, err := w.police().CreateSuspect(context.Background(), jisrv1.CreateSuspectRequest_builder{Parent: w.names["case"], Suspect: jisrv1.Suspect_builder{
		Identity: jisrv1.SuspectIdentity_builder{Note: "another"}.Build(),
	}.Build()}.Build())
	w.must(err)
	w.names["other suspect"] = s.GetName()
}

func (w *world) judgesReferral() {
	receiver := "agencies/kri-molsa"
	w.names["judge's referral"] = w.refer(w.judge(), jisrv1.Referral_KIND_INTERPRETER, w.names["first"], receiver, "text")
}

func (w *world) quietOrder() {
	w.names["quiet order"] = w.order(jisrv1.Order_KIND_NO_CONTACT, w.names["suspect"], nil)
}

func (w *world) secondConsents() {
	c, err := w.police().RecordConsent(context.Background(), jisrv1.RecordConsentRequest_builder{
		Parent: w.names["second"], Answer: jisrv1.Consent_STATE_GIVEN, Consent: given(jisrv1.Role_ROLE_NGO, jisrv1.Purpose_PURPOSE_ASSISTANCE,
			jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY),
	}.Build())
	w.must(err)
	w.names["consent"] = c.GetName()
}

func (w *world) otherRecipient() {
	consent := given(jisrv1.Role_ROLE_NGO, jisrv1.Purpose_PURPOSE_ASSISTANCE, jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY)
	consent.SetRecipient("agencies/ngo-shelter-erbil")
	c, err := w.police().RecordConsent(context.Background(), jisrv1.RecordConsentRequest_builder{
		Parent: w.names["first"], Answer: jisrv1.Consent_STATE_GIVEN, Consent: consent,
	}.Build())
	w.must(err)
	w.names["consent to another"] = c.GetName()
}

// given is a consent that a person gave.
func given(to jisrv1.Role, purpose jisrv1.Purpose, classes ...jisrv1.DataClass) *jisrv1.Consent {
	return jisrv1.Consent_builder{
		Purpose: purpose, RecipientRole: to, DataClasses: classes,
		Record: jisrv1.ConsentRecord_builder{GivenBy: jisrv1.ConsentRecord_GIVEN_BY_PERSON, Explained: true}.Build(),
	}.Build()
}

func (w *world) otherShare() {
	s, err := w.police().ShareCase(context.Background(), jisrv1.ShareCaseRequest_builder{Parent: w.names["case"], Share: jisrv1.Share_builder{
		Agency: "agencies/kri-erbil-pp", // nobody who looks on
	}.Build()}.Build())
	w.must(err)
	w.names["other share"] = s.GetName()
}

func (w *world) judgesNotice() {
	n, err := w.judge().SendNotification(context.Background(), jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
		Case: w.names["case"], Victims: []string{w.names["first"]}, Subject: jisrv1.Notification_SUBJECT_UPDATE,
		Receivers: []string{"agencies/kri-erbil-inv", "agencies/kri-moh"},
	}.Build()}.Build())
	w.must(err)
	w.names["judge's notice"] = n.GetName()
}

func (w *world) acknowledged() { w.advance(jisrv1.Case_STATE_ACKNOWLEDGED) }

func (w *world) opened() { w.advance(jisrv1.Case_STATE_UNDER_INVESTIGATION) }

func (w *world) advance(to jisrv1.Case_State) {
	w.t.Helper()
	_, err := w.judge().AdvanceCase(context.Background(), jisrv1.AdvanceCaseRequest_builder{Name: w.names["case"], State: to}.Build())
	w.must(err)
}

func (w *world) moved() {
	v := jisrtest.Person(0)
	v.SetName(w.names["first"])
	v.SetLocation(jisrv1.VictimLocation_builder{Address: "another street"}.Build())
	_, err := w.judge().UpdateVictim(context.Background(), jisrv1.UpdateVictimRequest_builder{
		Victim: v, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"location"}},
	}.Build())
	w.must(err)
}

func (w *world) newSources() {
	c := jisrtest.BaghdadCase()
	c.SetName(w.names["case"])
	_, err := w.judge().UpdateCase(context.Background(), jisrv1.UpdateCaseRequest_builder{
		Case: c, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"sources"}},
	}.Build())
	w.must(err)
}

// audits reports whether the onlooker's access log tells of the case.
func (o onlooker) audits() bool { return slices.Contains([]jisrv1.Role{police, commission}, o.role) }
