package jisrtest_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

const asayish = "kri-asayish/desk"

// orderIn is an order as somebody would issue it.
func orderIn(p *jisrtest.Play, kind jisrv1.Order_Kind, target string) *jisrv1.IssueOrderRequest {
	return jisrv1.IssueOrderRequest_builder{Parent: p.Case, Order: jisrv1.Order_builder{
		Kind: kind, Target: target, Decision: jisrv1.Decision_builder{Court: "somewhere", Number: "1", Date: "2026-11-22"}.Build(),
	}.Build()}.Build()
}

func TestACourtOutsideTheTerritoryDecidesNothing(t *testing.T) {
	p := baghdad(t)
	p.Notify("kri-erbil-inv/court", "sjc-cassation/court")
	order := orderIn(p, jisrv1.Order_KIND_SHELTER, p.First)
	erbil := p.AsFor("kri-erbil-inv/court", jisrv1.Role_ROLE_INVESTIGATING_JUDGE, jisrv1.Purpose_PURPOSE_INVESTIGATION)
	refused(erbil.IssueOrder(ctx, order))(t, fault.TransitionNotAllowed)
	refused(p.As("sjc-cassation/court").IssueOrder(ctx, order))(t, fault.TransitionNotAllowed)
	refused(p.As("sjc-ninewa-inv/court").IssueOrder(ctx, order))(t, fault.NotFound)
	advance := jisrv1.AdvanceCaseRequest_builder{Name: p.Case, State: jisrv1.Case_STATE_UNDER_INVESTIGATION}.Build()
	refused(erbil.AdvanceCase(ctx, advance))(t, fault.TransitionNotAllowed)
	got(judgeOf(p).IssueOrder(ctx, order))(t)
	got(judgeOf(p).AdvanceCase(ctx, advance))(t)
	// An assignment by the judge of the case is what lets another court decide.
	p.Order(jisrv1.Order_KIND_ASSIGN, p.Case, func(o *jisrv1.Order) { o.SetAddressees([]string{"agencies/kri-erbil-inv"}) })
	got(erbil.IssueOrder(ctx, order))(t)
}

func TestPoliceCannotDoWhatOnlyAJudgeDoesAndTheAttemptIsLogged(t *testing.T) {
	p := baghdad(t)
	police := p.As(jisrtest.Police)
	refused(police.IssueOrder(ctx, orderIn(p, jisrv1.Order_KIND_SHELTER, p.First)))(t, fault.MethodNotGranted)
	log := got(police.ListLogEntries(ctx, jisrv1.ListLogEntriesRequest_builder{Record: p.Case}.Build()))(t)
	if !slices.ContainsFunc(log.GetLogEntries(), func(e *jisrv1.LogEntry) bool {
		return e.GetKind() == jisrv1.LogEntry_KIND_REFUSED && e.GetRpc() == "OrderService/IssueOrder" && e.GetRole() == police.Role
	}) {
		t.Error("the refused attempt is not in the log")
	}
	// To identify a victim is the judge's alone: no field of an update does it.
	v := jisrtest.Person(0)
	v.SetName(p.First)
	v.SetState(jisrv1.Victim_STATE_IDENTIFIED)
	refused(police.UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask("state")}.Build()))(t, fault.InvalidRequest)
	got(police.UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask("profile")}.Build()))(t)
	if state := got(getVictim(police, p.First))(t).GetState(); state != jisrv1.Victim_STATE_POSSIBLE {
		t.Errorf("the police made the victim %s", state)
	}
	advance := jisrv1.AdvanceCaseRequest_builder{Name: p.Case, State: jisrv1.Case_STATE_UNDER_INVESTIGATION}.Build()
	refused(police.AdvanceCase(ctx, advance))(t, fault.TransitionNotAllowed)
}

func TestADisclosingOrderOpensExactlyItsClassesUntilItIsRevoked(t *testing.T) {
	p := baghdad(t)
	housed(t, p)
	desk := p.As(asayish)
	refused(getVictim(desk, p.First))(t, fault.NotFound)
	o := p.Order(jisrv1.Order_KIND_DISCLOSE, p.First, func(o *jisrv1.Order) {
		o.SetAddressees([]string{"agencies/kri-asayish"})
		o.SetDataClasses([]jisrv1.DataClass{identity})
	})
	v := got(getVictim(desk, p.First))(t)
	if !v.HasIdentity() {
		t.Error("the order does not open what it names")
	}
	if v.HasNationality() || v.HasProfile() || v.HasDocuments() || v.HasLocation() || v.HasRisk() {
		t.Errorf("the order opens more than it names: %v", v)
	}
	refused(getVictim(desk, p.Second))(t, fault.NotFound)
	if c := got(getCase(desk, p.Case))(t); c.HasNarrative() || c.HasPlan() {
		t.Error("an order about a person opens the file")
	}
	v.SetIdentity(jisrv1.VictimIdentity_builder{BirthPlace: "elsewhere"}.Build())
	v.SetPersonRole(jisrv1.Victim_PERSON_ROLE_VICTIM)
	refused(desk.UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask("identity")}.Build()))(t, fault.ClassNotWritable)
	got(judgeOf(p).RevokeOrder(ctx, jisrv1.RevokeOrderRequest_builder{Name: o.GetName()}.Build()))(t)
	refused(getVictim(desk, p.First))(t, fault.NotFound)
	refused(getCase(desk, p.Case))(t, fault.NotFound)
}

func TestADisclosingOrderEndsAtItsTerm(t *testing.T) {
	s := newStage()
	p := jisrtest.Opened(t, s.start(t))
	p.Order(jisrv1.Order_KIND_DISCLOSE, p.First, func(o *jisrv1.Order) {
		o.SetAddressees([]string{"agencies/kri-asayish"})
		o.SetDataClasses([]jisrv1.DataClass{identity})
		o.SetUntilTime(timestamppb.New(noon.Add(time.Hour)))
	})
	s.pass(time.Hour - time.Microsecond)
	got(getVictim(p.As(asayish), p.First))(t)
	s.pass(time.Microsecond)
	refused(getVictim(p.As(asayish), p.First))(t, fault.NotFound)
	list := got(p.As(asayish).ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: "cases/-"}.Build()))(t)
	if len(list.GetVictims()) > 0 {
		t.Error("a list still shows what the order opened")
	}
}

func TestAnOrderWidensOnlyWhereTheAgreementLetsIt(t *testing.T) {
	p := baghdad(t)
	for agency, class := range map[string]jisrv1.DataClass{
		"agencies/kri-asayish":   jisrv1.DataClass_DATA_CLASS_VICTIM_LOCATION,
		"agencies/mofa":          jisrv1.DataClass_DATA_CLASS_VICTIM_LOCATION,
		"agencies/moi-cp":        jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY,
		"agencies/moi-residency": jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY,
		"agencies/molsa":         jisrv1.DataClass_DATA_CLASS_COURT_SEALED,
	} {
		order := orderIn(p, jisrv1.Order_KIND_DISCLOSE, p.First)
		order.GetOrder().SetAddressees([]string{agency})
		order.GetOrder().SetDataClasses([]jisrv1.DataClass{class})
		refused(judgeOf(p).IssueOrder(ctx, order))(t, fault.InvalidRequest)
	}
}

func TestASealedMatterIsThereForTheNamedAloneUntilItIsUnsealed(t *testing.T) {
	s := newStage()
	p := jisrtest.Opened(t, s.start(t))
	p.Notify(jisrtest.NGO, jisrtest.Erbil)
	ref := placed(t, p)
	s.act("the judge seals")
	seal := p.Order(jisrv1.Order_KIND_SEAL, p.Case, func(o *jisrv1.Order) {
		o.SetAddressees([]string{"agencies/moi-ct"})
		o.SetSeal(jisrv1.SealReason_builder{Text: "the accused has friends in the office"}.Build())
		o.SetUntilTime(timestamppb.New(noon.Add(time.Hour)))
	})
	closed := func() {
		t.Helper()
		for _, who := range []string{jisrtest.NGO, jisrtest.Erbil, jisrtest.Shelter, jisrtest.Prosecutor, "sjc-rusafa-felony/court"} {
			c := p.As(who)
			refused(getCase(c, p.Case))(t, fault.NotFound)
			refused(c.GetOrder(ctx, jisrv1.GetOrderRequest_builder{Name: seal.GetName()}.Build()))(t, fault.NotFound)
			if n := len(got(c.ListCases(ctx, &jisrv1.ListCasesRequest{}))(t).GetCases()); n != 0 {
				t.Errorf("%s lists %d cases", who, n)
			}
			if n := len(got(c.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: "cases/-"}.Build()))(t).GetVictims()); n != 0 {
				t.Errorf("%s lists %d victims", who, n)
			}
			if n := len(got(c.PullDeliveries(ctx, jisrv1.PullDeliveriesRequest_builder{Parent: c.Agency}.Build()))(t).GetDeliveries()); n != 0 {
				t.Errorf("%s is handed %d deliveries", who, n)
			}
		}
		refused(getReferral(p.As(jisrtest.Shelter), ref.GetName()))(t, fault.NotFound)
	}
	closed()
	got(getCase(p.As(jisrtest.Police), p.Case))(t)
	got(getVictim(judgeOf(p), p.First))(t)
	s.pass(2 * time.Hour)
	closed() // a seal past its date asks for a review and stays
	refused(judgeOf(p).RevokeOrder(ctx, jisrv1.RevokeOrderRequest_builder{Name: seal.GetName()}.Build()))(t, fault.TransitionNotAllowed)
	p.Order(jisrv1.Order_KIND_UNSEAL, p.Case, nil)
	for _, who := range []string{jisrtest.NGO, jisrtest.Erbil, jisrtest.Shelter, jisrtest.Prosecutor} {
		got(getCase(p.As(who), p.Case))(t)
	}
}
