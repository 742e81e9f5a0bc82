package jisrtest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// mistakes are the fields that an error finds fault with, in order.
func mistakes(err error) (fields []string) {
	for _, d := range status.Convert(err).Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				fields = append(fields, v.GetField())
			}
		}
	}
	slices.Sort(fields)
	return fields
}

// mistaken is a sound request made wrong in one way after the other: each names
// exactly what is wrong with it, and what is wrong in two ways names both.
type mistaken[M proto.Message] struct {
	sound M
	call  func(M) error
}

func (s mistaken[M]) by(t *testing.T, what string, spoil func(M), want ...string) {
	t.Helper()
	m := proto.Clone(s.sound).(M)
	spoil(m)
	err := s.call(m)
	if fields := mistakes(err); jisrtest.Reason(err) != fault.InvalidRequest || !slices.Equal(fields, want) {
		t.Errorf("%s: %v, which finds fault with %q, want %q", what, err, fields, want)
	}
}

func past() *timestamppb.Timestamp { return timestamppb.New(time.Now().Add(-time.Hour)) }

func TestAConsentThatNobodyCouldHaveGivenIsNotTaken(t *testing.T) {
	p := baghdad(t)
	s := mistaken[*jisrv1.RecordConsentRequest]{
		sound: jisrv1.RecordConsentRequest_builder{Parent: p.First, Answer: jisrv1.Consent_STATE_GIVEN, Consent: jisrv1.Consent_builder{
			Purpose: jisrv1.Purpose_PURPOSE_CONSULAR, RecipientRole: jisrv1.Role_ROLE_FOREIGN_AFFAIRS, DataClasses: []jisrv1.DataClass{jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY},
			Record: jisrv1.ConsentRecord_builder{GivenBy: jisrv1.ConsentRecord_GIVEN_BY_PERSON, Explained: true}.Build(),
		}.Build()}.Build(),
		call: func(r *jisrv1.RecordConsentRequest) error {
			_, err := policeOf(p).RecordConsent(ctx, r)
			return err
		},
	}
	type request = *jisrv1.RecordConsentRequest
	s.by(t, "it was not explained", func(r request) { r.GetConsent().GetRecord().SetExplained(false) }, "consent.record.explained")
	s.by(t, "nobody gave it", func(r request) {
		r.GetConsent().GetRecord().SetGivenBy(jisrv1.ConsentRecord_GIVEN_BY_UNSPECIFIED)
	}, "consent.record.given_by")
	s.by(t, "there is no record of it", func(r request) { r.GetConsent().ClearRecord() }, "consent.record.explained", "consent.record.given_by")
	s.by(t, "it ran out", func(r request) { r.GetConsent().SetExpireTime(past()) }, "consent.expire_time")
	s.by(t, "it is for nobody of the agreement", func(r request) { r.GetConsent().SetRecipient("agencies/nobody") }, "consent.recipient")
	s.by(t, "it rests on a law beside", func(r request) {
		r.GetConsent().SetLegalBasis(jisrv1.Consent_LEGAL_BASIS_VITAL_INTEREST)
	}, "consent.legal_basis")
	s.by(t, "it is not required, and nothing says why", func(r request) { r.SetAnswer(jisrv1.Consent_STATE_NOT_REQUIRED) }, "consent.legal_basis")
	if err := s.call(s.sound); err != nil {
		t.Error("the control:", err)
	}
}

func TestAnOrderThatCannotBeMeantIsNotIssued(t *testing.T) {
	p := baghdad(t)
	other := jisrtest.Opened(t, p.Exchange)
	s := mistaken[*jisrv1.IssueOrderRequest]{
		sound: orderIn(p, jisrv1.Order_KIND_REMOVAL_HOLD, p.First),
		call: func(r *jisrv1.IssueOrderRequest) error {
			_, err := judgeOf(p).IssueOrder(ctx, r)
			return err
		},
	}
	type request = *jisrv1.IssueOrderRequest
	absent := p.Case + "/victims/" + strings.Repeat("a", 26)
	s.by(t, "about a person of another case", func(r request) { r.GetOrder().SetTarget(other.First) }, "order.target")
	s.by(t, "about another case", func(r request) { r.GetOrder().SetTarget(other.Case) }, "order.target")
	s.by(t, "about nobody", func(r request) { r.GetOrder().SetTarget(absent) }, "order.target")
	s.by(t, "until yesterday", func(r request) { r.GetOrder().SetUntilTime(past()) }, "order.until_time")
	s.by(t, "without a number", func(r request) { r.GetOrder().GetDecision().SetNumber("") }, "order.decision")
	s.by(t, "without a date", func(r request) { r.GetOrder().GetDecision().SetDate("") }, "order.decision")
	s.by(t, "to nobody of the agreement", func(r request) { r.GetOrder().SetAddressees([]string{"agencies/molsa", "agencies/nobody"}) }, "order.addressees[1]")
	s.by(t, "that opens and does not disclose", func(r request) {
		r.GetOrder().SetDataClasses([]jisrv1.DataClass{jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY})
	}, "order.data_classes")
	disclose := func(r request) { r.GetOrder().SetKind(jisrv1.Order_KIND_DISCLOSE) }
	s.by(t, "that discloses nothing to nobody", disclose, "order.addressees", "order.data_classes")
	s.by(t, "that assigns somebody to a person", func(r request) {
		r.GetOrder().SetKind(jisrv1.Order_KIND_ASSIGN)
		r.GetOrder().SetAddressees([]string{"agencies/kri-dcoc"})
	}, "order.target")
	s.by(t, "that assigns nobody", func(r request) {
		r.GetOrder().SetKind(jisrv1.Order_KIND_ASSIGN)
		r.GetOrder().SetTarget(p.Case)
	}, "order.addressees")
	if err := s.call(s.sound); err != nil {
		t.Error("the control:", err)
	}
}

func TestWhatIsSentToItsSenderOrToNobodyIsNotSent(t *testing.T) {
	p := baghdad(t)
	police := policeOf(p)
	self, nobody := police.Agency, "agencies/nobody"
	shares := mistaken[*jisrv1.ShareCaseRequest]{
		sound: jisrv1.ShareCaseRequest_builder{Parent: p.Case, Share: jisrv1.Share_builder{Agency: "agencies/kri-dcoc"}.Build()}.Build(),
		call: func(r *jisrv1.ShareCaseRequest) error {
			_, err := police.ShareCase(ctx, r)
			return err
		},
	}
	shares.by(t, "a share with itself", func(r *jisrv1.ShareCaseRequest) { r.GetShare().SetAgency(self) }, "share.agency")
	shares.by(t, "a share with nobody, of yesterday", func(r *jisrv1.ShareCaseRequest) {
		r.GetShare().SetAgency(nobody)
		r.GetShare().SetExpireTime(past())
	}, "share.agency", "share.expire_time")
	referrals := mistaken[*jisrv1.CreateReferralRequest]{
		sound: draftOf(p, jisrv1.Referral_KIND_INTERPRETER, "agencies/iom"),
		call: func(r *jisrv1.CreateReferralRequest) error {
			_, err := police.CreateReferral(ctx, r)
			return err
		},
	}
	for what, receiver := range map[string]string{"itself": self, "nobody": nobody} {
		referrals.by(t, "a referral to "+what, func(r *jisrv1.CreateReferralRequest) { r.GetReferral().SetReceiver(receiver) }, "referral.receiver")
	}
	notices := mistaken[*jisrv1.SendNotificationRequest]{
		sound: jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
			Case: p.Case, Victims: []string{p.First}, Subject: jisrv1.Notification_SUBJECT_UPDATE, Receivers: []string{"agencies/mofa"},
		}.Build()}.Build(),
		call: func(r *jisrv1.SendNotificationRequest) error {
			_, err := police.SendNotification(ctx, r)
			return err
		},
	}
	notices.by(t, "a notification of itself, and of nobody", func(r *jisrv1.SendNotificationRequest) {
		r.GetNotification().SetReceivers([]string{"agencies/mofa", self, nobody})
	}, "notification.receivers[1]", "notification.receivers[2]")
	for what, err := range map[string]error{"share": shares.call(shares.sound), "referral": referrals.call(referrals.sound), "notification": notices.call(notices.sound)} {
		if err != nil {
			t.Errorf("the control, a %s: %v", what, err)
		}
	}
}

// To notify is to let know.
func TestWhoWasToldOrCaresNotifiesNobody(t *testing.T) {
	p := baghdad(t)
	placed(t, p)
	p.Notify(jisrtest.Foreign, jisrtest.NGO)
	share(t, p, jisrv1.Share_builder{Agency: "agencies/kri-dcoc"}.Build())
	notice := func(c *jisrtest.Client) error {
		_, err := c.SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
			Case: p.Case, Victims: []string{p.First}, Subject: jisrv1.Notification_SUBJECT_UPDATE, Receivers: []string{"agencies/moh"},
		}.Build()}.Build())
		return err
	}
	for _, who := range []string{jisrtest.Shelter, jisrtest.NGO, jisrtest.Erbil} {
		if c := p.As(who); jisrtest.Reason(notice(c)) != fault.TransitionNotAllowed {
			t.Errorf("%s notifies another: %v", who, notice(c))
		}
	}
	refused(getCase(p.As(jisrtest.Health), p.Case))(t, fault.NotFound)
	if err := notice(judgeOf(p)); err != nil {
		t.Error("the control, a judge of the territory:", err)
	}
	got(getCase(p.As(jisrtest.Health), p.Case))(t)
}

func TestNobodyAsksWhatWouldBeSeenInARoleThatIsNotHeld(t *testing.T) {
	p := baghdad(t)
	police := policeOf(p)
	for what, c := range map[string]struct {
		r    *jisrv1.ExplainAccessRequest
		want []string
	}{
		"its own agency in another role":     {jisrv1.ExplainAccessRequest_builder{Role: jisrv1.Role_ROLE_SOCIAL_AFFAIRS}.Build(), []string{"role"}},
		"another agency in the asker's role": {jisrv1.ExplainAccessRequest_builder{Agency: "agencies/mofa", Role: jisrv1.Role_ROLE_COUNTER_TRAFFICKING}.Build(), []string{"role"}},
		"an agency of several, in none":      {jisrv1.ExplainAccessRequest_builder{Agency: "agencies/sjc-rusafa-inv"}.Build(), []string{"role"}},
		"for a purpose that is not granted":  {jisrv1.ExplainAccessRequest_builder{Agency: "agencies/mofa", Purpose: jisrv1.Purpose_PURPOSE_INVESTIGATION}.Build(), []string{"purpose"}},
	} {
		c.r.SetName(p.First)
		if _, err := police.ExplainAccess(ctx, c.r); !slices.Equal(mistakes(err), c.want) {
			t.Errorf("%s: %v, which finds fault with %q", what, err, mistakes(err))
		}
	}
	refused(police.ExplainAccess(ctx, jisrv1.ExplainAccessRequest_builder{Name: p.First, Agency: "agencies/nobody"}.Build()))(t, fault.NotFound)
	// An agency of one role is asked about in that.
	got(police.ExplainAccess(ctx, jisrv1.ExplainAccessRequest_builder{Name: p.First, Agency: "agencies/mofa"}.Build()))(t)
}
