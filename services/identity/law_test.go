package identity_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/record"
)

// granted is what the test's agreement grants; all other rpcs are nobody's.
var granted = map[string][]jisrv1.Role{
	"CaseService/GetCase":                 {jisrv1.Role_ROLE_COUNTER_TRAFFICKING, jisrv1.Role_ROLE_INVESTIGATING_JUDGE},
	"CaseService/CreateCase":              {jisrv1.Role_ROLE_TRIAL_COURT},
	"NotificationService/GetNotification": {jisrv1.Role_ROLE_COUNTER_TRAFFICKING},
	"AgreementService/WhoAmI":             every[jisrv1.Role](),
	"DirectoryService/ListAgencies":       {jisrv1.Role_ROLE_COUNTER_TRAFFICKING, jisrv1.Role_ROLE_TRIAL_COURT},
	agreement.Reflection:                  {jisrv1.Role_ROLE_OPERATIONS, jisrv1.Role_ROLE_TRIAL_COURT},
}

// used are the purposes of the test's agreement; all other roles assist.
var used = map[jisrv1.Role][]jisrv1.Purpose{
	jisrv1.Role_ROLE_COUNTER_TRAFFICKING: {jisrv1.Purpose_PURPOSE_INVESTIGATION, jisrv1.Purpose_PURPOSE_IDENTIFICATION},
	jisrv1.Role_ROLE_INVESTIGATING_JUDGE: {jisrv1.Purpose_PURPOSE_INVESTIGATION},
	jisrv1.Role_ROLE_TRIAL_COURT:         {jisrv1.Purpose_PURPOSE_ADJUDICATION},
}

// theLaw is an agreement of the police, a shelter and a court of several
// roles, under which nobody sees any class. Edits change it first.
func theLaw(t testing.TB, edits ...func(*jisrv1.Agreement)) *agreement.Law {
	t.Helper()
	a := jisrv1.Agreement_builder{
		Title: "Agreement of a test", Edition: "2026-01-01",
		Reasons: []*jisrv1.ReasonText{jisrv1.ReasonText_builder{Code: 1, Text: "test", Source: "test"}.Build()},
		Agencies: []*jisrv1.AgencyTerms{
			agencyTerms("police", jisrv1.Role_ROLE_COUNTER_TRAFFICKING),
			agencyTerms("shelter", jisrv1.Role_ROLE_SOCIAL_AFFAIRS),
			agencyTerms("court", jisrv1.Role_ROLE_INVESTIGATING_JUDGE, jisrv1.Role_ROLE_TRIAL_COURT),
		},
	}.Build()
	roles := every[jisrv1.Role]()
	for _, r := range roles {
		purposes := used[r]
		if purposes == nil {
			purposes = []jisrv1.Purpose{jisrv1.Purpose_PURPOSE_ASSISTANCE}
		}
		a.SetRoles(append(a.GetRoles(), jisrv1.RoleTerms_builder{Role: r, Purposes: purposes}.Build()))
	}
	for _, p := range every[jisrv1.Purpose]() {
		a.SetPurposes(append(a.GetPurposes(), jisrv1.PurposeTerms_builder{Purpose: p, EveryClass: true}.Build()))
	}
	for _, rpc := range agreement.Rpcs() {
		a.SetRpcs(append(a.GetRpcs(), jisrv1.RpcTerms_builder{Rpc: rpc, Roles: granted[rpc], Nobody: granted[rpc] == nil}.Build()))
	}
	for _, kind := range record.Types() {
		var cells []*jisrv1.RecordCell
		for _, r := range roles {
			cells = append(cells, jisrv1.RecordCell_builder{Role: r, Reasons: []int32{1}}.Build())
		}
		a.SetRecords(append(a.GetRecords(), jisrv1.RecordTerms_builder{Record: kind.Name, Cells: cells}.Build()))
	}
	never := []jisrv1.Condition{jisrv1.Condition_CONDITION_NEVER}
	for _, class := range every[jisrv1.DataClass]() {
		terms := jisrv1.ClassTerms_builder{DataClass: class}.Build()
		for _, j := range every[jisrv1.Jurisdiction]() {
			terms.SetAsk(append(terms.GetAsk(), jisrv1.AskTerms_builder{Jurisdiction: j, Agency: "court"}.Build()))
		}
		for _, r := range roles {
			terms.SetCells(append(terms.GetCells(), jisrv1.ClassCell_builder{Role: r, Read: never, Write: never, Reasons: []int32{1}}.Build()))
		}
		a.SetClasses(append(a.GetClasses(), terms))
	}
	for _, kind := range every[jisrv1.Referral_Kind]() {
		a.SetReferrals(append(a.GetReferrals(), jisrv1.ReferralTerms_builder{Kind: kind, Receivers: roles[:1]}.Build()))
	}
	for _, subject := range every[jisrv1.Notification_Subject]() {
		a.SetNotifications(append(a.GetNotifications(), jisrv1.NotificationTerms_builder{Subject: subject}.Build()))
	}
	for _, edit := range edits {
		edit(a)
	}
	text, err := prototext.Marshal(a)
	must(t, err)
	law, err := agreement.Parse(text)
	must(t, err)
	return law
}

func agencyTerms(slug string, roles ...jisrv1.Role) *jisrv1.AgencyTerms {
	return jisrv1.AgencyTerms_builder{
		Agency: slug, DisplayName: slug, DisplayNameAr: slug, DisplayNameCkb: slug,
		Jurisdiction: jisrv1.Jurisdiction_JURISDICTION_FEDERAL, Roles: roles, Territories: []string{"IQG15"},
	}.Build()
}

// without is an edit that strikes an agency out.
func without(slug string) func(*jisrv1.Agreement) {
	return func(a *jisrv1.Agreement) {
		a.SetAgencies(slices.DeleteFunc(a.GetAgencies(), func(t *jisrv1.AgencyTerms) bool { return t.GetAgency() == slug }))
	}
}

// striking is an edit that grants an rpc to nobody any more.
func striking(rpc string) func(*jisrv1.Agreement) {
	return func(a *jisrv1.Agreement) {
		for _, t := range a.GetRpcs() {
			if t.GetRpc() == rpc {
				t.SetRoles(nil)
				t.SetNobody(true)
			}
		}
	}
}

// every returns all values of an enum but the unspecified one.
func every[E interface {
	~int32
	protoreflect.Enum
}]() []E {
	var none E
	var all []E
	values := none.Descriptor().Values()
	for i := range values.Len() {
		if n := values.Get(i).Number(); n != 0 {
			all = append(all, E(n))
		}
	}
	return all
}
