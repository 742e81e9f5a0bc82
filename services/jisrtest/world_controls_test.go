package jisrtest_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// Controls: the comparison of two worlds is worth something only if it fails
// where it must.

func onlookerIn(t testing.TB, role jisrv1.Role) onlooker {
	t.Helper()
	i := slices.IndexFunc(onlookers, func(o onlooker) bool { return o.role == role })
	if i < 0 {
		t.Fatalf("nobody looks on as %s", role)
	}
	return onlookers[i]
}

func TestWhoMaySeeTheDifferenceSeesIt(t *testing.T) {
	hidden := onlookerIn(t, jisrv1.Role_ROLE_RESIDENCY)
	second, first := build(t, hidden, true, true), build(t, hidden, false, true)
	for role, wants := range map[jisrv1.Role][]string{
		judge:                           {"CaseService/GetCase ", "CaseService/GetVictim ", "CaseService/ListVictims ", "OrderService/ListOrders ", "CaseService/GetCaseFile ", "ReferralService/ListReferrals "},
		police:                          {"CaseService/GetCase ", "CaseService/GetVictim ", "CaseService/GetSuspect ", "AuditService/ListLogEntries "},
		jisrv1.Role_ROLE_SOCIAL_AFFAIRS: {"CaseService/GetVictim ", "NotificationService/PullDeliveries "},
		commission:                      {"CaseService/ListVictims ", "CaseService/ListCases "},
	} {
		o := onlookerIn(t, role)
		found := strings.Join(compare(first.read(o, second.names, true), second.read(o, second.names, true)), "\n")
		for _, want := range wants {
			if !strings.Contains(found, want) {
				t.Errorf("%s: the worlds answer %salike, though they differ in what this role sees", role, want)
			}
		}
	}
}

// A server that leaks is made by an agreement that grants one line too much;
// the worlds hide what the domain hides, so the comparison must find it.
func TestALeakOfOneLineTellsTheWorldsApart(t *testing.T) {
	for _, leak := range []struct {
		name   string
		role   jisrv1.Role
		block  string // the line that opens the class's or record's block
		change func(cell string) string
		shows  string
	}{
		{"health reads where the victim is", jisrv1.Role_ROLE_HEALTH, "data_class: DATA_CLASS_VICTIM_LOCATION", reads("CONDITION_LINKED"), "CaseService/GetVictim "},
		{"health reads the account", jisrv1.Role_ROLE_HEALTH, "data_class: DATA_CLASS_CASE_NARRATIVE", reads("CONDITION_LINKED"), "CaseService/GetCase "},
		{"the committee reads what an order says", committee, "data_class: DATA_CLASS_COURT_ORDERS", reads("CONDITION_ALWAYS"), "OrderService/ListOrders "},
		{"residency reads the case's state", jisrv1.Role_ROLE_RESIDENCY, "data_class: DATA_CLASS_CASE_STATUS", reads("CONDITION_LINKED"), "CaseService/ListCases "},
		{"the prosecutor reads whom an order is addressed to", prosecutor, "data_class: DATA_CLASS_CASE_PERSONS", reads("CONDITION_TERRITORY"), "OrderService/ListOrders "},
		{"the prosecutor knows of every share", prosecutor, `record: "Share"`, knowsBy("LINK_TERRITORY"), "CaseService/ListShares "},
		{"the police know of the judge's referrals", police, `record: "Referral"`, knowsBy("LINK_TERRITORY"), "ReferralService/ListReferrals "},
	} {
		t.Run(leak.name, func(t *testing.T) {
			o := onlookerIn(t, leak.role)
			leaky := jisrtest.WithAgreement(amend(t, leak.block, leak.role, leak.change))
			second, first := build(t, o, true, !o.audits(), leaky), build(t, o, false, !o.audits(), leaky)
			found := strings.Join(compare(first.read(o, second.names, true), second.read(o, second.names, true)), "\n")
			if !strings.Contains(found, leak.shows) {
				t.Errorf("the leak did not show in %s", leak.shows)
			}
		})
	}
}

func reads(condition string) func(string) string {
	read := regexp.MustCompile(`read: (\[[^\]]*\]|\w+)`)
	return func(cell string) string { return read.ReplaceAllString(cell, "read: "+condition) }
}

func knowsBy(link string) func(string) string {
	return func(cell string) string { return strings.Replace(cell, "links: [", "links: ["+link+", ", 1) }
}

// amend returns the shipped agreement with one role's cell of one block changed.
func amend(t testing.TB, block string, role jisrv1.Role, change func(string) string) []byte {
	t.Helper()
	text := jisrtest.Agreement(t)
	at := bytes.Index(text, []byte(block))
	if at < 0 {
		t.Fatalf("the agreement has no %s", block)
	}
	line := regexp.MustCompile(`(?m)^  cells \{ role: ` + role.String() + ` .*$`)
	span := line.FindIndex(text[at:])
	if span == nil {
		t.Fatalf("%s has no cell for %s", block, role)
	}
	old := string(text[at+span[0] : at+span[1]])
	changed := change(old)
	if changed == old {
		t.Fatalf("the cell stays as it is: %s", old)
	}
	return slices.Concat(text[:at+span[0]], []byte(changed), text[at+span[1]:])
}

// A leak may be as small as an etag that counts a hidden revision, a page that
// counts hidden rows, or an id drawn too many.
func TestTheComparisonFindsTheSmallestLeak(t *testing.T) {
	o := onlookerIn(t, jisrv1.Role_ROLE_FOREIGN_AFFAIRS)
	w := build(t, o, false, true)
	takes := w.read(o, w.names, false)
	if found := compare(takes, takes); len(found) > 0 {
		t.Fatal(found)
	}
	at := func(label string) int {
		i := slices.IndexFunc(takes, func(k take) bool { return strings.HasPrefix(k.label, label) && len(k.messages) > 0 })
		if i < 0 {
			t.Fatalf("nothing answered %s", label)
		}
		return i
	}
	refused := slices.IndexFunc(takes, func(k take) bool { return len(k.status) > 0 })
	for name, leak := range map[string]func([]take) []take{
		"an etag that counts a hidden revision": func(k []take) []take {
			return alter(t, k, at("CaseService/GetVictim"), &jisrv1.Victim{}, func(v *jisrv1.Victim) { v.SetEtag(v.GetEtag()[:15] + "A") })
		},
		"an update time of a hidden change": func(k []take) []take {
			return alter(t, k, at("CaseService/GetVictim"), &jisrv1.Victim{}, func(v *jisrv1.Victim) { v.GetUpdateTime().Nanos += 1000 })
		},
		"a class withheld because it is filled in": func(k []take) []take {
			return alter(t, k, at("CaseService/GetCase"), &jisrv1.Case{}, func(c *jisrv1.Case) { c.SetWithheld(c.GetWithheld()[1:]) })
		},
		"a next page behind which all is hidden": func(k []take) []take {
			return alter(t, k, at("CaseService/ListVictims"), &jisrv1.ListVictimsResponse{}, func(r *jisrv1.ListVictimsResponse) { r.SetNextPageToken("more") })
		},
		"a hidden row on the page": func(k []take) []take {
			return alter(t, k, at("CaseService/ListVictims"), &jisrv1.ListVictimsResponse{}, func(r *jisrv1.ListVictimsResponse) {
				r.SetVictims(append(r.GetVictims(), &jisrv1.Victim{}))
			})
		},
		"one more record on a stream": func(k []take) []take {
			i := at("CaseService/GetCaseFile")
			k[i].messages = append(slices.Clone(k[i].messages), nil)
			return k
		},
		"another word in an error": func(k []take) []take {
			k[refused].status = append(slices.Clone(k[refused].status), ' ')
			return k
		},
		"another receipt": func(k []take) []take {
			i := at("CaseService/GetCase")
			k[i].header = k[i].header.Copy()
			k[i].header.Set("jisr-log-receipt", "logEntries/another")
			return k
		},
		"a trailer": func(k []take) []take {
			k[0].trailer = k[0].trailer.Copy()
			k[0].trailer.Append("hidden", "3")
			return k
		},
		"a call more": func(k []take) []take { return append(k, k[0]) },
	} {
		if found := compare(takes, leak(slices.Clone(takes))); len(found) != 1 {
			t.Errorf("%s: found %q", name, found)
		}
	}
}

func alter[M proto.Message](t *testing.T, takes []take, i int, m M, change func(M)) []take {
	t.Helper()
	if err := proto.Unmarshal(takes[i].messages[0], m); err != nil {
		t.Fatal(err)
	}
	change(m)
	takes[i].messages = append([][]byte{encode(t, m)}, takes[i].messages[1:]...)
	return takes
}
