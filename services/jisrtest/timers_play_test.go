package jisrtest_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// What a term ends closes at the term itself; the state says so soon after.
func TestATermThatPassesClosesAtOnceAndThenSaysSo(t *testing.T) {
	var ahead atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	x := jisrtest.Start(t, jisrtest.WithClock(clock))
	p := jisrtest.Opened(t, x)
	p.Notify(jisrtest.Foreign)
	ctx, police := context.Background(), x.As(jisrtest.Police)
	term := timestamppb.New(clock().Add(time.Hour))

	consent, err := police.RecordConsent(ctx, jisrv1.RecordConsentRequest_builder{Parent: p.First, Answer: jisrv1.Consent_STATE_GIVEN, Consent: jisrv1.Consent_builder{
		Purpose: jisrv1.Purpose_PURPOSE_CONSULAR, RecipientRole: jisrv1.Role_ROLE_FOREIGN_AFFAIRS, ExpireTime: term,
		DataClasses: []jisrv1.DataClass{jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY},
		Record:      jisrv1.ConsentRecord_builder{GivenBy: jisrv1.ConsentRecord_GIVEN_BY_PERSON, Explained: true}.Build(),
	}.Build()}.Build())
	if err != nil {
		t.Fatal(err)
	}
	share, err := police.ShareCase(ctx, jisrv1.ShareCaseRequest_builder{Parent: p.Case, Share: jisrv1.Share_builder{
		Agency: "agencies/kri-dcoc", ExpireTime: term,
	}.Build()}.Build())
	if err != nil {
		t.Fatal(err)
	}
	order := p.Order(jisrv1.Order_KIND_DISCLOSE, p.First, func(o *jisrv1.Order) {
		o.SetAddressees([]string{"agencies/kri-asayish"})
		o.SetDataClasses([]jisrv1.DataClass{jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY})
		o.SetUntilTime(term)
	})
	foreign := x.AsFor(jisrtest.Foreign, jisrv1.Role_ROLE_FOREIGN_AFFAIRS, jisrv1.Purpose_PURPOSE_CONSULAR)
	named := func() bool {
		v, err := foreign.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: p.First}.Build())
		if err != nil {
			t.Fatal(err)
		}
		return v.HasIdentity()
	}
	asayish := x.As("kri-asayish/desk")
	if _, err := asayish.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: p.First}.Build()); err != nil || !named() {
		t.Fatalf("before the term both must read: %v", err)
	}
	if _, err := x.As(jisrtest.Erbil).GetCase(ctx, jisrv1.GetCaseRequest_builder{Name: p.Case}.Build()); err != nil {
		t.Fatal(err)
	}
	x.Tick()
	states := func() (jisrv1.Consent_State, jisrv1.Share_State, jisrv1.Order_State) {
		c, err := police.GetConsent(ctx, jisrv1.GetConsentRequest_builder{Name: consent.GetName()}.Build())
		if err != nil {
			t.Fatal(err)
		}
		ss, err := police.ListShares(ctx, jisrv1.ListSharesRequest_builder{Parent: p.Case}.Build())
		if err != nil || len(ss.GetShares()) != 1 || ss.GetShares()[0].GetName() != share.GetName() {
			t.Fatal(err, ss)
		}
		judge := x.AsFor(jisrtest.Judge, jisrv1.Role_ROLE_INVESTIGATING_JUDGE, jisrv1.Purpose_PURPOSE_INVESTIGATION)
		o, err := judge.GetOrder(ctx, jisrv1.GetOrderRequest_builder{Name: order.GetName()}.Build())
		if err != nil {
			t.Fatal(err)
		}
		return c.GetState(), ss.GetShares()[0].GetState(), o.GetState()
	}
	if c, s, o := states(); c != jisrv1.Consent_STATE_GIVEN || s != jisrv1.Share_STATE_ACTIVE || o != jisrv1.Order_STATE_IN_FORCE {
		t.Fatalf("a tick before the term moved something: %v %v %v", c, s, o)
	}

	ahead.Store(int64(2 * time.Hour))
	if named() {
		t.Error("foreign affairs reads the name past the consent's term")
	}
	_, err = asayish.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: p.First}.Build())
	jisrtest.Refused(t, err, fault.NotFound)
	_, err = x.As(jisrtest.Erbil).GetCase(ctx, jisrv1.GetCaseRequest_builder{Name: p.Case}.Build())
	jisrtest.Refused(t, err, fault.NotFound)
	x.Tick()
	if c, s, o := states(); c != jisrv1.Consent_STATE_EXPIRED || s != jisrv1.Share_STATE_ENDED || o != jisrv1.Order_STATE_LAPSED {
		t.Errorf("after the tick the states are %v, %v and %v", c, s, o)
	}
	x.Tick() // a second tick finds nothing to do
}

// Nobody has to call for it: the server notes by itself that a term has passed.
func TestTheServerNotesPassedTermsByItself(t *testing.T) {
	var ahead atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	p := jisrtest.Opened(t, jisrtest.Start(t, jisrtest.WithClock(clock), jisrtest.WithTick(time.Millisecond)))
	share := got(policeOf(p).ShareCase(ctx, jisrv1.ShareCaseRequest_builder{Parent: p.Case, Share: jisrv1.Share_builder{
		Agency: "agencies/kri-dcoc", ExpireTime: timestamppb.New(clock().Add(time.Hour)),
	}.Build()}.Build()))(t)
	ahead.Store(int64(2 * time.Hour))
	for until := time.Now().Add(30 * time.Second); ; {
		shares := got(policeOf(p).ListShares(ctx, jisrv1.ListSharesRequest_builder{Parent: p.Case}.Build()))(t).GetShares()
		if shares[0].GetState() == jisrv1.Share_STATE_ENDED {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("%s is still %s", share.GetName(), shares[0].GetState())
		}
	}
	// The log says that it happened, by nobody's call, under the agreement in force.
	entries := got(policeOf(p).ListLogEntries(ctx, jisrv1.ListLogEntriesRequest_builder{Record: share.GetName()}.Build()))(t).GetLogEntries()
	own := 0
	for _, e := range entries {
		if e.GetKind() == jisrv1.LogEntry_KIND_CHANGED && e.GetRpc() == "" {
			own++
		}
	}
	if own != 1 {
		t.Errorf("%d entries of the exchange's own act on the share, want 1", own)
	}
}

func TestAPageTokenIsGoodForADay(t *testing.T) {
	var ahead atomic.Int64
	x := jisrtest.Start(t, jisrtest.WithClock(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }))
	p := jisrtest.Opened(t, x)
	police := x.As(jisrtest.Police)
	list := func(token string) (*jisrv1.ListVictimsResponse, error) {
		return police.ListVictims(t.Context(), jisrv1.ListVictimsRequest_builder{Parent: p.Case, PageSize: 1, PageToken: token}.Build())
	}
	first, err := list("")
	if err != nil || first.GetNextPageToken() == "" {
		t.Fatalf("two victims on pages of one, and no next page: %v", err)
	}
	ahead.Store(int64(23 * time.Hour))
	if _, err := list(first.GetNextPageToken()); err != nil {
		t.Errorf("within the day: %v", err)
	}
	ahead.Store(int64(25 * time.Hour))
	_, err = list(first.GetNextPageToken())
	jisrtest.Refused(t, err, fault.InvalidRequest)
}
