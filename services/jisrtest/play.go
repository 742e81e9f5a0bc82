package jisrtest

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// Who plays which part.
const (
	Police     = "moi-ct/cases"
	Judge      = "sjc-rusafa-inv/court"
	Prosecutor = "sjc-rusafa-pp/office"
	Shelter    = "molsa/shelter"
	Foreign    = "mofa/consular"
	Health     = "moh/hospital"
	Community  = "moi-cp/station"
	Monitor    = "ihchr/monitor"
	Erbil      = "kri-dcoc/erbil"
	ErbilJudge = "kri-erbil-inv/court"
	NGO        = "iom/assistance"
	Operations = "jisr-operations/console"
)

// Play is a case in Baghdad with two victims and a suspect, opened by the
// counter-trafficking police. Its texts tell of each field what it is.
type Play struct {
	*Exchange
	// Case, First, Second and Suspect are the records' names.
	Case, First, Second, Suspect string
}

// Opened plays the opening of a case.
func Opened(t testing.TB, x *Exchange) *Play {
	t.Helper()
	ctx := context.Background()
	police := x.As(Police)
	p := &Play{Exchange: x}
	c, err := police.CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: BaghdadCase()}.Build())
	x.must(err)
	p.Case = c.GetName()
	for i, name := range []*string{&p.First, &p.Second} {
		v, err := police.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: p.Case, Victim: Person(i)}.Build())
		x.must(err)
		*name = v.GetName()
	}
	s, err := police.CreateSuspect(ctx, jisrv1.CreateSuspectRequest_builder{Parent: p.Case, Suspect: jisrv1.Suspect_builder{
		Endangers: []string{p.First},
		Identity:  jisrv1.SuspectIdentity_builder{FullName: jisrv1.PersonName_builder{Original: "نهر الحجر", Language: "ar"}.Build()}.Build(),
		Alert:     jisrv1.SuspectAlert_builder{Relation: "employer", NoContact: true, Likeness: "tall, grey coat"}.Build(),
	}.Build()}.Build())
	x.must(err)
	p.Suspect = s.GetName()
	return p
}

// BaghdadCase is a case in Baghdad, under federal authority.
func BaghdadCase() *jisrv1.Case {
	return jisrv1.Case_builder{
		CrimeType:              jisrv1.Case_CRIME_TYPE_TRAFFICKING_IN_PERSONS,
		Governorate:            "IQG08",
		AdministeringAuthority: jisrv1.Jurisdiction_JURISDICTION_FEDERAL,
		Core: jisrv1.CaseCore_builder{
			ExploitationForms: []jisrv1.ExploitationForm{jisrv1.ExploitationForm_EXPLOITATION_FORM_SERVITUDE},
		}.Build(),
		Narrative: jisrv1.CaseNarrative_builder{Account: "narrative account"}.Build(),
		Plan:      jisrv1.InvestigationPlan_builder{Text: "plan text"}.Build(),
		Sources:   jisrv1.InvestigationSources_builder{Text: "sources text"}.Build(),
	}.Build()
}

// Person is an invented person; n tells two apart.
func Person(n int) *jisrv1.Victim {
	names := [][2]string{{"زهرة الوادي", "Zahrat al-Wadi"}, {"ڕووباری شین", "Rûbarî Şîn"}}
	languages := []string{"ar", "ckb"}
	return jisrv1.Victim_builder{
		PersonRole:  jisrv1.Victim_PERSON_ROLE_VICTIM,
		Profile:     jisrv1.VictimProfile_builder{Sex: jisrv1.Sex_SEX_FEMALE, AgeBand: "21-23", Minor: jisrv1.Answer_ANSWER_NO, Languages: []string{languages[n%2]}}.Build(),
		Nationality: jisrv1.VictimNationality_builder{Countries: []string{"ETH"}}.Build(),
		Alias:       jisrv1.VictimAlias_builder{Name: jisrv1.PersonName_builder{Original: "نجمة", Language: "ar"}.Build()}.Build(),
		Identity: jisrv1.VictimIdentity_builder{FullName: jisrv1.PersonName_builder{
			Original: names[n%2][0], Transliteration: names[n%2][1], Language: languages[n%2],
		}.Build()}.Build(),
		Documents: jisrv1.VictimDocuments_builder{PassportNumber: "X0000001"}.Build(),
		Risk:      jisrv1.VictimRisk_builder{Level: jisrv1.RiskLevel_RISK_LEVEL_HIGH, Assessment: "risk assessment"}.Build(),
	}.Build()
}

// Notify lets the police notify agencies of the case.
func (p *Play) Notify(receivers ...string) *jisrv1.Notification {
	p.t.Helper()
	n := jisrv1.Notification_builder{
		Case: p.Case, Victims: []string{p.First, p.Second}, Subject: jisrv1.Notification_SUBJECT_NEW_CASE,
		Message: jisrv1.NotificationMessage_builder{Text: "notification text"}.Build(),
	}.Build()
	for _, r := range receivers {
		n.SetReceivers(append(n.GetReceivers(), p.As(r).Agency))
	}
	sent, err := p.As(Police).SendNotification(context.Background(), jisrv1.SendNotificationRequest_builder{Notification: n}.Build())
	p.must(err)
	return sent
}

// Order lets the judge issue an order.
func (p *Play) Order(kind jisrv1.Order_Kind, target string, shape func(*jisrv1.Order)) *jisrv1.Order {
	p.t.Helper()
	o := jisrv1.Order_builder{
		Kind: kind, Target: target,
		Decision: jisrv1.Decision_builder{Court: "Rusafa", Number: "12/ت/2026", Date: "2026-11-22"}.Build(),
	}.Build()
	if shape != nil {
		shape(o)
	}
	issued, err := p.AsFor(Judge, jisrv1.Role_ROLE_INVESTIGATING_JUDGE, jisrv1.Purpose_PURPOSE_INVESTIGATION).
		IssueOrder(context.Background(), jisrv1.IssueOrderRequest_builder{Parent: p.Case, Order: o}.Build())
	p.must(err)
	return issued
}

// Refer lets the police refer the first victim to an agency, draft and send.
func (p *Play) Refer(kind jisrv1.Referral_Kind, receiver string) *jisrv1.Referral {
	p.t.Helper()
	ctx := context.Background()
	r, err := p.As(Police).CreateReferral(ctx, jisrv1.CreateReferralRequest_builder{Parent: p.Case, Referral: jisrv1.Referral_builder{
		Kind: kind, Victim: p.First, Receiver: p.As(receiver).Agency,
		Request: jisrv1.ReferralRequest_builder{Text: "request text"}.Build(),
	}.Build()}.Build())
	p.must(err)
	sent, err := p.As(Police).SendReferral(ctx, jisrv1.SendReferralRequest_builder{Name: r.GetName()}.Build())
	p.must(err)
	return sent
}

// Consent lets a role's agencies read classes of the first victim.
func (p *Play) Consent(by string, role jisrv1.Role, purpose jisrv1.Purpose, classes ...jisrv1.DataClass) *jisrv1.Consent {
	p.t.Helper()
	c, err := p.As(by).RecordConsent(context.Background(), jisrv1.RecordConsentRequest_builder{
		Parent: p.First, Answer: jisrv1.Consent_STATE_GIVEN,
		Consent: jisrv1.Consent_builder{
			Purpose: purpose, RecipientRole: role, DataClasses: classes,
			Record: jisrv1.ConsentRecord_builder{GivenBy: jisrv1.ConsentRecord_GIVEN_BY_PERSON, Explained: true, Note: "consent note"}.Build(),
		}.Build(),
	}.Build())
	p.must(err)
	return c
}

// In returns a time from now, for terms.
func In(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(time.Now().Add(d)) }
