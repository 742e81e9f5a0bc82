package jisrtest_test

import (
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

func TestALostEtagIsAConflictAndAHiddenChangeIsNone(t *testing.T) {
	p := baghdad(t)
	mofa := consular(p)
	p.Notify(jisrtest.Foreign)
	seen, before := got(getVictim(policeOf(p), p.First))(t), got(getVictim(mofa, p.First))(t)
	update := func(section string, etag string) error {
		v := jisrtest.Person(0)
		v.SetName(p.First)
		v.SetEtag(etag)
		_, err := policeOf(p).UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask(section)}.Build())
		return err
	}
	if err := update("risk", seen.GetEtag()); err != nil {
		t.Fatal(err)
	}
	jisrtest.Refused(t, update("risk", seen.GetEtag()), fault.Conflict)
	after := got(getVictim(mofa, p.First))(t)
	if !proto.Equal(before, after) {
		t.Errorf("a change of the risk shows abroad:\n%v\n%v", before, after)
	}
	// The judge writes where the victim is: the police, who do not see it, lose no race by it.
	current := got(getVictim(policeOf(p), p.First))(t)
	housed(t, p)
	if again := got(getVictim(policeOf(p), p.First))(t); again.GetEtag() != current.GetEtag() || !proto.Equal(again.GetUpdateTime(), current.GetUpdateTime()) {
		t.Error("a change of the location shows to the police")
	}
	if err := update("risk", current.GetEtag()); err != nil {
		t.Errorf("a hidden change is a conflict: %v", err)
	}
	// A change that it does see moves the etag.
	if err := update("nationality", ""); err != nil {
		t.Fatal(err)
	}
	if moved := got(getVictim(mofa, p.First))(t); moved.GetEtag() == after.GetEtag() {
		t.Error("a change of the nationality does not show abroad")
	}
}

func TestAForbiddenWriteNamesThePathAndNoValueAndChangesNothing(t *testing.T) {
	p := baghdad(t)
	p.Notify(jisrtest.Foreign)
	before := got(getVictim(judgeOf(p), p.First))(t)
	v := jisrtest.Person(1)
	v.SetName(p.First)
	v.SetLocation(jisrv1.VictimLocation_builder{Address: "canary street"}.Build())
	v.SetConsular(jisrv1.VictimConsular_builder{Request: "a passport, please"}.Build())
	v.GetIdentity().SetBirthPlace("canary town")
	for _, try := range []struct {
		by    *jisrtest.Client
		paths []string
		named []string
	}{
		{consular(p), []string{"consular", "location", "identity.birth_place"}, []string{"victim.location", "victim.identity"}},
		{policeOf(p), []string{"risk", "location", "health"}, []string{"victim.location", "victim.health"}},
	} {
		_, err := try.by.UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask(try.paths...)}.Build())
		jisrtest.Refused(t, err, fault.ClassNotWritable)
		var named []string
		for _, d := range status.Convert(err).Details() {
			if bad, ok := d.(*errdetails.BadRequest); ok {
				for _, f := range bad.GetFieldViolations() {
					named = append(named, f.GetField())
				}
			}
		}
		if len(named) != len(try.named) {
			t.Errorf("%s: the refusal names %q", try.by.Agency, named)
		}
		for _, want := range try.named {
			if !strings.Contains(strings.Join(named, " "), want) {
				t.Errorf("%s: the refusal names %q and not %s", try.by.Agency, named, want)
			}
		}
		if text := string(encode(t, status.Convert(err).Proto())); strings.Contains(text, "canary") {
			t.Error("the refusal repeats a value")
		}
	}
	if after := got(getVictim(judgeOf(p), p.First))(t); !proto.Equal(before, after) {
		t.Error("half of a refused write was kept")
	}
	// A new record that tells too much is refused before anything is made.
	c := jisrtest.BaghdadCase()
	refused(p.As(jisrtest.Shelter).CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: c}.Build()))(t, fault.ClassNotWritable)
	if n := len(got(p.As(jisrtest.Shelter).ListCases(ctx, &jisrv1.ListCasesRequest{}))(t).GetCases()); n != 0 {
		t.Errorf("the refused case is there: %d", n)
	}
}

func TestAPageTokenIsGoodForItsOwnAgencyRolePurposeAndListAlone(t *testing.T) {
	p := baghdad(t)
	list := func(c *jisrtest.Client, parent, token string) (*jisrv1.ListVictimsResponse, error) {
		return c.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: parent, PageSize: 1, PageToken: token}.Build())
	}
	mine := policeOf(p)
	token := got(list(mine, p.Case, ""))(t).GetNextPageToken()
	if token == "" {
		t.Fatal("two victims on pages of one, and no next page")
	}
	if next := got(list(mine, p.Case, token))(t); len(next.GetVictims()) != 1 || next.GetVictims()[0].GetName() != p.Second || next.GetNextPageToken() != "" {
		t.Errorf("the second page: %v", next)
	}
	refused(list(judgeOf(p), p.Case, token))(t, fault.InvalidRequest)
	refused(list(p.AsFor(jisrtest.Police, jisrv1.Role_ROLE_COUNTER_TRAFFICKING, jisrv1.Purpose_PURPOSE_PROTECTION), p.Case, token))(t, fault.InvalidRequest)
	refused(list(mine, "cases/-", token))(t, fault.InvalidRequest)
	refused(mine.ListSuspects(ctx, jisrv1.ListSuspectsRequest_builder{Parent: p.Case, PageToken: token}.Build()))(t, fault.InvalidRequest)
	for _, bent := range []string{token[:len(token)-1], token[1:], "A" + token[1:], "nonsense", strings.ToUpper(token)} {
		if bent != token {
			refused(list(mine, p.Case, bent))(t, fault.InvalidRequest)
		}
	}
	of := func(c *jisrtest.Client) string { return got(list(c, p.Case, ""))(t).GetNextPageToken() }
	inv := p.AsFor(jisrtest.Judge, jisrv1.Role_ROLE_JUDICIAL_INVESTIGATOR, jisrv1.Purpose_PURPOSE_INVESTIGATION)
	refused(list(inv, p.Case, of(judgeOf(p))))(t, fault.InvalidRequest)
	// The same role, purpose and list: what is left is the agency.
	ours := got(list(judgeOf(p), "cases/-", ""))(t).GetNextPageToken()
	got(list(judgeOf(p), "cases/-", ours))(t)
	refused(list(p.AsFor("sjc-ninewa-inv/court", jisrv1.Role_ROLE_INVESTIGATING_JUDGE, jisrv1.Purpose_PURPOSE_INVESTIGATION), "cases/-", ours))(t, fault.InvalidRequest)
	if a, b := of(mine), of(judgeOf(p)); len(a) != len(b) {
		t.Errorf("tokens of %d and %d characters: the length tells of the place in the list", len(a), len(b))
	}
}

func TestMonitorsSeePseudonymsOfTheirOwnAndMonthsAlone(t *testing.T) {
	p := baghdad(t)
	placed(t, p)
	commission, committee := p.As(jisrtest.Monitor), p.As("committee-federal/desk")
	names := make(map[string]string) // by pseudonym: whose
	for _, monitor := range []*jisrtest.Client{commission, committee} {
		cases := got(monitor.ListCases(ctx, &jisrv1.ListCasesRequest{}))(t).GetCases()
		if len(cases) != 1 {
			t.Fatalf("%s lists %d cases", monitor.Agency, len(cases))
		}
		c := cases[0]
		if c.GetName() == p.Case || names[c.GetName()] != "" {
			t.Errorf("%s: %s is the case's own name or another's pseudonym", monitor.Agency, c.GetName())
		}
		names[c.GetName()] = monitor.Agency
		if c.GetOwner() != "" || c.HasNarrative() || c.HasPlan() {
			t.Errorf("%s sees parties or the investigation: %v", monitor.Agency, c)
		}
		for what, at := range map[string]*timestamppb.Timestamp{"created": c.GetCreateTime(), "updated": c.GetUpdateTime()} {
			if d := at.AsTime().UTC(); d.Day() != 1 || d.Hour() != 0 || d.Minute() != 0 || d.Second() != 0 || d.Nanosecond() != 0 {
				t.Errorf("%s: %s at %v, finer than a month", monitor.Agency, what, d)
			}
		}
		for _, r := range got(monitor.ListReferrals(ctx, jisrv1.ListReferralsRequest_builder{Parent: "cases/-"}.Build()))(t).GetReferrals() {
			if r.GetReceiver() != "" || r.GetSender() != "" || r.GetVictim() != "" {
				t.Errorf("%s sees the parties of a referral: %v", monitor.Agency, r)
			}
		}
		refused(getCase(monitor, p.Case))(t, fault.NotFound)
	}
	for name, whose := range names {
		for _, c := range []*jisrtest.Client{commission, committee, policeOf(p), judgeOf(p)} {
			_, err := getCase(c, name)
			if c.Agency == whose && err != nil {
				t.Errorf("%s cannot follow its own pseudonym: %v", whose, err)
			} else if c.Agency != whose {
				jisrtest.Refused(t, err, fault.NotFound)
			}
		}
	}
	victims := got(commission.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: "cases/-"}.Build()))(t).GetVictims()
	if len(victims) != 2 {
		t.Fatalf("the commission lists %d victims", len(victims))
	}
	for _, v := range victims {
		if v.HasIdentity() || v.HasProfile() || v.HasNationality() || v.HasAlias() || v.HasLocation() || v.GetName() == p.First || v.GetName() == p.Second {
			t.Errorf("the commission sees the person: %v", v)
		}
	}
}
