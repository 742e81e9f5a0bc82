package jisrtest_test

import (
	"strings"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// TestAStepOfWhatHasMovedSinceItWasReadIsNotTaken takes each kind of step by an etag
// of before, which is refused, and by that of now.
func TestAStepOfWhatHasMovedSinceItWasReadIsNotTaken(t *testing.T) {
	p := baghdad(t)
	police, judge, ngo := policeOf(p), judgeOf(p), p.As(jisrtest.NGO)
	step := func(what string, take func(etag string) error, now string) {
		t.Helper()
		jisrtest.Refused(t, take("stale"), fault.Conflict)
		if err := take(now); err != nil {
			t.Errorf("%s by the etag of now: %v", what, err)
		}
	}
	got(police.AdvanceCase(ctx, jisrv1.AdvanceCaseRequest_builder{Name: p.Case, State: jisrv1.Case_STATE_NOTIFIED}.Build()))(t)
	step("a case", func(etag string) error {
		_, err := judge.AdvanceCase(ctx, jisrv1.AdvanceCaseRequest_builder{Name: p.Case, State: jisrv1.Case_STATE_UNDER_INVESTIGATION, Etag: etag}.Build())
		return err
	}, got(getCase(judge, p.Case))(t).GetEtag())
	r := got(police.CreateReferral(ctx, draftOf(p, jisrv1.Referral_KIND_INTERPRETER, ngo.Agency)))(t)
	step("a referral that is sent", func(etag string) error {
		_, err := police.SendReferral(ctx, jisrv1.SendReferralRequest_builder{Name: r.GetName(), Etag: etag}.Build())
		return err
	}, r.GetEtag())
	step("a referral that is accepted", func(etag string) error {
		_, err := ngo.AcceptReferral(ctx, jisrv1.AcceptReferralRequest_builder{Name: r.GetName(), Etag: etag}.Build())
		return err
	}, got(getReferral(ngo, r.GetName()))(t).GetEtag())
	s := share(t, p, jisrv1.Share_builder{Agency: "agencies/kri-dcoc"}.Build())
	step("a share", func(etag string) error {
		_, err := police.EndShare(ctx, jisrv1.EndShareRequest_builder{Name: s.GetName(), Etag: etag}.Build())
		return err
	}, s.GetEtag())
	o := got(judge.IssueOrder(ctx, orderIn(p, jisrv1.Order_KIND_REMOVAL_HOLD, p.First)))(t)
	step("an order", func(etag string) error {
		_, err := judge.RevokeOrder(ctx, jisrv1.RevokeOrderRequest_builder{Name: o.GetName(), Etag: etag}.Build())
		return err
	}, o.GetEtag())
	c := p.Consent(jisrtest.Police, jisrv1.Role_ROLE_FOREIGN_AFFAIRS, jisrv1.Purpose_PURPOSE_CONSULAR, jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY)
	step("a consent", func(etag string) error {
		_, err := police.WithdrawConsent(ctx, jisrv1.WithdrawConsentRequest_builder{Name: c.GetName(), Etag: etag}.Build())
		return err
	}, c.GetEtag())
}

func TestWhoFollowsACaseByThreeWordsIsToldByEachStep(t *testing.T) {
	p := baghdad(t)
	judge := judgeOf(p)
	advance := func(c *jisrtest.Client, to jisrv1.Case_State, want jisrv1.Case_Progress) {
		t.Helper()
		if is := got(c.AdvanceCase(ctx, jisrv1.AdvanceCaseRequest_builder{Name: p.Case, State: to}.Build()))(t); is.GetState() != to || is.GetProgress() != want {
			t.Errorf("to %s: %s and %s, want %s", to, is.GetState(), is.GetProgress(), want)
		}
	}
	advance(policeOf(p), jisrv1.Case_STATE_NOTIFIED, jisrv1.Case_PROGRESS_RECEIVED)
	advance(judge, jisrv1.Case_STATE_UNDER_INVESTIGATION, jisrv1.Case_PROGRESS_ACTED_ON)
	advance(judge, jisrv1.Case_STATE_DISMISSED, jisrv1.Case_PROGRESS_CLOSED)
	advance(judge, jisrv1.Case_STATE_REOPENED, jisrv1.Case_PROGRESS_ACTED_ON)
	if is := got(getCase(judge, p.Case))(t); is.GetState() != jisrv1.Case_STATE_REOPENED || is.GetProgress() != jisrv1.Case_PROGRESS_ACTED_ON {
		t.Errorf("read afterwards: %s, %s", is.GetState(), is.GetProgress())
	}
}

func TestAnOrderThatWasRevokedSaysSoAndIsNotRevokedAgain(t *testing.T) {
	p := baghdad(t)
	judge := judgeOf(p)
	o := got(judge.IssueOrder(ctx, orderIn(p, jisrv1.Order_KIND_REMOVAL_HOLD, p.First)))(t)
	revoke := jisrv1.RevokeOrderRequest_builder{Name: o.GetName()}.Build()
	if is := got(judge.RevokeOrder(ctx, revoke))(t); is.GetState() != jisrv1.Order_STATE_REVOKED {
		t.Errorf("revoking it answers %s", is.GetState())
	}
	if is := got(judge.GetOrder(ctx, jisrv1.GetOrderRequest_builder{Name: o.GetName()}.Build()))(t); is.GetState() != jisrv1.Order_STATE_REVOKED {
		t.Errorf("read afterwards it is %s", is.GetState())
	}
	refused(judge.RevokeOrder(ctx, revoke))(t, fault.TransitionNotAllowed)
	refused(judge.RevokeOrder(ctx, jisrv1.RevokeOrderRequest_builder{Name: p.Case + "/orders/" + strings.Repeat("a", 26)}.Build()))(t, fault.NotFound)
}

func TestASealHasItsReasonInWriting(t *testing.T) {
	p := baghdad(t)
	judge := judgeOf(p)
	seal := orderIn(p, jisrv1.Order_KIND_SEAL, p.First)
	refused(judge.IssueOrder(ctx, seal))(t, fault.InvalidRequest)
	seal.GetOrder().SetSeal(jisrv1.SealReason_builder{Text: "the reason"}.Build())
	got(judge.IssueOrder(ctx, seal))(t)
}

func TestAConsentIsAnsweredUnderItsOwnPersonAlone(t *testing.T) {
	p := baghdad(t)
	police := policeOf(p)
	asked := got(police.RequestConsent(ctx, jisrv1.RequestConsentRequest_builder{Parent: p.First, Consent: jisrv1.Consent_builder{
		Purpose: jisrv1.Purpose_PURPOSE_CONSULAR, RecipientRole: jisrv1.Role_ROLE_FOREIGN_AFFAIRS, DataClasses: []jisrv1.DataClass{jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY},
	}.Build()}.Build()))(t)
	answer := func(c *jisrtest.Client, person string) error {
		_, err := c.RecordConsent(ctx, jisrv1.RecordConsentRequest_builder{Parent: person, Answer: jisrv1.Consent_STATE_GIVEN, Consent: jisrv1.Consent_builder{
			Name: asked.GetName(), Purpose: asked.GetPurpose(), RecipientRole: asked.GetRecipientRole(), DataClasses: asked.GetDataClasses(),
			Record: jisrv1.ConsentRecord_builder{GivenBy: jisrv1.ConsentRecord_GIVEN_BY_PERSON, Explained: true}.Build(),
		}.Build()}.Build())
		return err
	}
	jisrtest.Refused(t, answer(police, p.Second), fault.NotFound)
	// Who does not know of it is told the same of every step.
	ngo := p.As(jisrtest.NGO)
	jisrtest.Refused(t, answer(ngo, p.First), fault.NotFound)
	refused(withdraw(ngo, asked.GetName()))(t, fault.NotFound)
	if err := answer(police, p.First); err != nil {
		t.Error(err)
	}
}

func TestAReferralGoesToNobodyWhomItsKindIsNotFor(t *testing.T) {
	p := baghdad(t)
	police := policeOf(p)
	for _, receiver := range []string{jisrtest.Foreign, jisrtest.Health, jisrtest.Prosecutor, jisrtest.Judge, jisrtest.Operations, jisrtest.Monitor} {
		refused(police.CreateReferral(ctx, draftOf(p, jisrv1.Referral_KIND_SHELTER_PLACEMENT, p.As(receiver).Agency)))(t, fault.InvalidRequest)
	}
	got(police.CreateReferral(ctx, draftOf(p, jisrv1.Referral_KIND_SHELTER_PLACEMENT, p.As(jisrtest.Shelter).Agency)))(t)
}

// A suspect is shown to whoever cares for those it endangers. So nobody names as
// endangered whom it does not know of, or a person of another case.
func TestASuspectEndangersNobodyWhomItsTellerDoesNotKnowOf(t *testing.T) {
	p := baghdad(t)
	other := jisrtest.Opened(t, p.Exchange)
	police := policeOf(p)
	suspect := func(endangers ...string) *jisrv1.Suspect {
		return jisrv1.Suspect_builder{Endangers: endangers, Alert: jisrv1.SuspectAlert_builder{Relation: "employer"}.Build()}.Build()
	}
	absent := p.Case + "/victims/" + strings.Repeat("a", 26)
	for what, victim := range map[string]string{"of another case": other.First, "who is not there": absent} {
		_, err := police.CreateSuspect(ctx, jisrv1.CreateSuspectRequest_builder{Parent: p.Case, Suspect: suspect(p.First, victim)}.Build())
		jisrtest.Refused(t, err, fault.InvalidRequest)
		s := suspect(victim)
		s.SetName(p.Suspect)
		_, err = police.UpdateSuspect(ctx, jisrv1.UpdateSuspectRequest_builder{Suspect: s, UpdateMask: mask("endangers")}.Build())
		if jisrtest.Reason(err) != fault.InvalidRequest {
			t.Errorf("a person %s: %v", what, err)
		}
	}
	// A person of the case whom a seal hides from the police is as one who is not there.
	seal := orderIn(p, jisrv1.Order_KIND_SEAL, p.Second)
	seal.GetOrder().SetSeal(jisrv1.SealReason_builder{Text: "the reason"}.Build())
	got(judgeOf(p).IssueOrder(ctx, seal))(t)
	hidden, gone := police.CreateSuspect(ctx, jisrv1.CreateSuspectRequest_builder{Parent: p.Case, Suspect: suspect(p.Second)}.Build())
	_, none := police.CreateSuspect(ctx, jisrv1.CreateSuspectRequest_builder{Parent: p.Case, Suspect: suspect(absent)}.Build())
	if hidden.GetName() != "" || gone == nil || none == nil || gone.Error() != none.Error() {
		t.Errorf("a person who is hidden: %v; who is not there: %v", gone, none)
	}
	got(police.CreateSuspect(ctx, jisrv1.CreateSuspectRequest_builder{Parent: p.Case, Suspect: suspect(p.First)}.Build()))(t)
}

func TestWhoAmINamesThePurposesThatTheAgreementGrantsAndNoOthers(t *testing.T) {
	p := baghdad(t)
	for _, who := range []string{jisrtest.Police, jisrtest.Foreign, jisrtest.Shelter, jisrtest.Monitor, jisrtest.Operations} {
		c := p.As(who)
		granted := make(map[jisrv1.Purpose]bool)
		for _, purpose := range got(c.WhoAmI(ctx, &jisrv1.WhoAmIRequest{}))(t).GetPurposes() {
			granted[purpose] = true
		}
		if len(granted) == 0 {
			t.Errorf("%s is told of no purpose", who)
		}
		for n := range jisrv1.Purpose_name {
			purpose := jisrv1.Purpose(n)
			if purpose == jisrv1.Purpose_PURPOSE_UNSPECIFIED {
				if granted[purpose] {
					t.Errorf("%s is told of none as a purpose", who)
				}
				continue
			}
			_, err := p.AsFor(who, jisrv1.Role_ROLE_UNSPECIFIED, purpose).WhoAmI(ctx, &jisrv1.WhoAmIRequest{})
			if granted[purpose] != (err == nil) || err != nil && jisrtest.Reason(err) != fault.PurposeNotGranted {
				t.Errorf("%s is told of %s: %v, and calling for it gives %v", who, purpose, granted[purpose], err)
			}
		}
	}
}

func TestTheMatrixOfOneRoleIsThatRolesAlone(t *testing.T) {
	p := baghdad(t)
	rules := got(p.As(jisrtest.NGO).GetDisclosureMatrix(ctx, jisrv1.GetDisclosureMatrixRequest_builder{Role: jisrv1.Role_ROLE_NGO}.Build()))(t).GetRules()
	if len(rules) != len(jisrv1.DataClass_name)-1 {
		t.Errorf("%d rules for %d classes", len(rules), len(jisrv1.DataClass_name)-1)
	}
	for _, r := range rules {
		if r.GetRole() != jisrv1.Role_ROLE_NGO {
			t.Errorf("a rule of %s is among them", r.GetRole())
		}
	}
}
