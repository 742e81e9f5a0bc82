package agreement

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

func TestShippedAgreementHolds(t *testing.T) {
	l := shippedLaw(t)
	sum := sha256.Sum256(shippedText(t))
	if got, want := l.Hash(), hex.EncodeToString(sum[:]); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	if string(l.Text()) != string(shippedText(t)) {
		t.Error("the law does not keep its text")
	}
	if l.Title() == "" || l.Edition() == "" {
		t.Error("no title or edition")
	}
}

// without returns the list less its i-th element, and a way back.
func without[T any](list []T, i int) []T {
	return append(slices.Clone(list[:i]), list[i+1:]...)
}

// mustMiss demands that the agreement is refused and every word is in one of its mistakes.
func mustMiss(t *testing.T, msg *jisrv1.Agreement, words ...string) {
	t.Helper()
	_, err := read(msg, nil)
	var mistakes Mistakes
	if !errors.As(err, &mistakes) {
		t.Errorf("accepted, although %s is missing", strings.Join(words, " "))
		return
	}
	for _, m := range mistakes {
		found := true
		for _, w := range words {
			found = found && strings.Contains(m, w)
		}
		if found {
			return
		}
	}
	t.Errorf("no mistake names %s:\n%v", strings.Join(words, " "), err)
}

func TestNoCellMayBeMissing(t *testing.T) {
	msg := shippedMessage(t)
	for _, terms := range msg.GetClasses() {
		cells := terms.GetCells()
		for i, c := range cells {
			terms.SetCells(without(cells, i))
			mustMiss(t, msg, terms.GetDataClass().String(), c.GetRole().String())
		}
		terms.SetCells(cells)
	}
	for _, terms := range msg.GetRecords() {
		cells := terms.GetCells()
		for i, c := range cells {
			terms.SetCells(without(cells, i))
			mustMiss(t, msg, "record "+terms.GetRecord(), c.GetRole().String())
		}
		terms.SetCells(cells)
	}
	// The control: what was taken out is back, and the agreement holds.
	if _, err := read(msg, nil); err != nil {
		t.Fatal(err)
	}
}

func TestNoPartMayBeMissing(t *testing.T) {
	msg := shippedMessage(t)
	each(msg.GetClasses(), msg.SetClasses, func(c *jisrv1.ClassTerms) { mustMiss(t, msg, c.GetDataClass().String()) })
	each(msg.GetRecords(), msg.SetRecords, func(r *jisrv1.RecordTerms) { mustMiss(t, msg, "record "+r.GetRecord()) })
	each(msg.GetRpcs(), msg.SetRpcs, func(r *jisrv1.RpcTerms) { mustMiss(t, msg, "rpc "+r.GetRpc()) })
	each(msg.GetRoles(), msg.SetRoles, func(r *jisrv1.RoleTerms) { mustMiss(t, msg, "roles", r.GetRole().String()) })
	each(msg.GetPurposes(), msg.SetPurposes, func(p *jisrv1.PurposeTerms) { mustMiss(t, msg, "purposes", p.GetPurpose().String()) })
	each(msg.GetReferrals(), msg.SetReferrals, func(r *jisrv1.ReferralTerms) { mustMiss(t, msg, "referrals", r.GetKind().String()) })
	// Every reason is one that something rests on, so none can go unnoticed.
	each(msg.GetReasons(), msg.SetReasons, func(r *jisrv1.ReasonText) {
		mustMiss(t, msg, fmt.Sprintf("reason %d does not exist", r.GetCode()))
	})
	for _, terms := range msg.GetClasses() {
		each(terms.GetAsk(), terms.SetAsk, func(a *jisrv1.AskTerms) {
			mustMiss(t, msg, terms.GetDataClass().String(), "ask", a.GetJurisdiction().String())
		})
	}
	if _, err := read(msg, nil); err != nil {
		t.Fatal(err)
	}
}

// each takes out one element after the other and lets a check look.
func each[T any](list []T, set func([]T), check func(T)) {
	for i, e := range list {
		set(without(list, i))
		check(e)
	}
	set(list)
}

func TestEveryMistakeIsNamedAtOnce(t *testing.T) {
	msg := shippedMessage(t)
	msg.SetTitle("")
	msg.SetEdition("soon")
	msg.SetRpcs(append(msg.GetRpcs(), jisrv1.RpcTerms_builder{Rpc: "CaseService/BurnCase", Nobody: true}.Build()))
	msg.GetRpcs()[0].SetRoles(nil)
	msg.GetAgencies()[0].SetAgency("No Slug")
	msg.GetAgencies()[1].SetRoles(nil)
	msg.GetAgencies()[2].SetJurisdiction(0)
	msg.GetAgencies()[3].SetTerritories([]string{"Baghdad"})
	msg.GetClasses()[0].GetCells()[0].SetReasons([]int32{999})
	_, err := read(msg, nil)
	var mistakes Mistakes
	if !errors.As(err, &mistakes) {
		t.Fatalf("error of type %T", err)
	}
	for _, want := range []string{
		"title", "edition", "rpc CaseService/BurnCase", "rpc " + msg.GetRpcs()[0].GetRpc(), "agencies[0]",
		"agency " + msg.GetAgencies()[1].GetAgency() + ": no role", "jurisdiction is missing", "territories", "reason 999",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no mistake says %q", want)
		}
	}
	if strings.Contains(err.Error(), "No Slug") || strings.Contains(err.Error(), "Baghdad") {
		t.Error("a mistake repeats a value")
	}
}

func TestSyntaxIsNamedByLine(t *testing.T) {
	text := shippedText(t)
	for name, c := range map[string]struct{ old, new string }{
		"unknown field": {"edition:", "editio:"},
		"unknown class": {"DATA_CLASS_VICTIM_LOCATION\n", "DATA_CLASS_VICTIM_ADDRESS\n"},
		"unclosed":      {"reasons {", "reasons {{"},
	} {
		at := strings.Index(string(text), c.old)
		line := strings.Count(string(text[:at]), "\n") + 1
		_, err := Parse([]byte(strings.Replace(string(text), c.old, c.new, 1)))
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("agreement: 1 mistake:\n  line %d, column ", line)) {
			t.Errorf("%s: not named by line %d: %v", name, line, err)
		}
	}
	if _, err := Parse([]byte("title: \"t\"\n\nreasons {\n")); err == nil || err.Error() != "agreement: 1 mistake:\n  line 4: unexpected EOF; what follows was not read" {
		t.Errorf("a block without an end: %v", err)
	}
	if text := (Mistakes{"one", "another"}).Error(); text != "agreement: 2 mistakes:\n  one\n  another" {
		t.Errorf("two mistakes are told as %q", text)
	}
	if _, err := Parse(nil); err == nil {
		t.Error("an empty agreement is accepted")
	}
}

func TestEveryReasonIsRestedOn(t *testing.T) {
	l := shippedLaw(t)
	used := make(map[int32]bool)
	for _, rule := range Matrix(l) {
		for _, code := range rule.Reasons {
			used[code] = true
		}
	}
	for _, r := range shippedMessage(t).GetReasons() {
		if !used[r.GetCode()] {
			t.Errorf("nothing rests on reason %d", r.GetCode())
		}
		if text, source := l.Reason(r.GetCode()); text != r.GetText() || source != r.GetSource() {
			t.Errorf("reason %d is not the one that was written", r.GetCode())
		}
	}
}

// The tables are arrays; an enum that outgrew one would be answered as not granted.
func TestTablesHoldTheContract(t *testing.T) {
	for _, c := range []struct {
		name     string
		last, of int
	}{
		{"roles", int(slices.Max(every[jisrv1.Role]())), maxRoles},
		{"purposes", int(slices.Max(every[jisrv1.Purpose]())), maxPurposes},
		{"links", int(slices.Max(every[jisrv1.Link]())), maxLinks},
		{"classes", int(slices.Max(every[jisrv1.DataClass]())), maxClasses},
		{"jurisdictions", int(slices.Max(every[jisrv1.Jurisdiction]())), maxJurisdictions},
		{"referral kinds", int(slices.Max(every[jisrv1.Referral_Kind]())), 64},
		{"conditions", int(slices.Max(every[jisrv1.Condition]())), 32},
	} {
		if c.last >= c.of {
			t.Errorf("%s reach %d, beyond a table of %d", c.name, c.last, c.of)
		}
	}
}
