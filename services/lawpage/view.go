package lawpage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/jisr-exchange/jisr/gen/jisr/sentences"
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/matrix"
	"github.com/jisr-exchange/jisr/services/record"
)

// View is the law as the page shows it, in no language yet.
type View struct {
	// Title, Edition and Hash are the agreement's.
	Title, Edition, Hash string
	// Roles, Records, Classes, Agencies and Reasons are what the page lists.
	Roles    []Role
	Records  []Record
	Classes  []Class
	Agencies []Agency
	Reasons  []Reason
	// Purposes, Referrals and Notifications say how far dealings reach.
	Purposes      []Purpose
	Referrals     []Referral
	Notifications []Referral
	// Answers are the classes that whoever was merely notified may tell.
	Answers []string
}

// Role is a role.
type Role struct {
	// Index is the role's column in the chart.
	Index                 int
	Name, Title, Sentence string
	Purposes              []string
	Pseudonymous          bool
	Oversight             bool
	Agencies              []Agency
}

// Agency is an agency; Roles are their names.
type Agency struct {
	Slug, English, Arabic, Kurdish, Authority string
	Roles                                     []string
	Territories                               []string
}

// Record is a kind of record, with the links by which each role may know of one.
type Record struct {
	Name, Title string
	Shelf       []Known
}

// Known is who may know of a record by the same links.
type Known struct {
	Links []string
	Roles []Role
}

// Reason is a reason of the agreement.
type Reason struct {
	Code         int32
	Text, Source string
}

// Purpose is a purpose and its reach.
type Purpose struct {
	Title, Sentence string
	Every           bool
	Classes         []string
	Roles           []string
}

// Referral is a kind of referral, or a subject of notification.
type Referral struct {
	Title     string
	Receivers []string
	Order     string
	Consent   bool
	Purposes  []string // to one of which the person must have consented
	Scope     []string
	Besides   []string // a notification's, with consent
}

func newView(law *agreement.Law) *View {
	v := &View{Title: law.Title(), Edition: law.Edition(), Hash: law.Hash()}
	for _, a := range law.Agencies() {
		v.Agencies = append(v.Agencies, Agency{
			Slug: a.Slug, English: a.DisplayName, Arabic: a.DisplayNameAr, Kurdish: a.DisplayNameCkb,
			Authority: authority(a.Jurisdiction), Roles: words(a.Roles, agreement.RoleName), Territories: a.Territories,
		})
	}
	slices.SortStableFunc(v.Agencies, func(a, b Agency) int { return cmp.Compare(a.Authority, b.Authority) })
	for r := jisrv1.Role(1); int(r) < len(jisrv1.Role_name); r++ {
		v.Roles = append(v.Roles, v.role(law, r))
	}
	for _, t := range record.Types() {
		v.Records = append(v.Records, Record{Name: t.Name, Title: recordTitle(t.Name), Shelf: v.shelf(law, t.Name)})
	}
	contract := matrix.Current()
	for c := jisrv1.DataClass(1); int(c) < len(jisrv1.DataClass_name); c++ {
		v.Classes = append(v.Classes, v.class(law, contract, c))
	}
	for _, code := range law.Reasons() {
		text, source := law.Reason(code)
		v.Reasons = append(v.Reasons, Reason{code, text, source})
	}
	v.dealings(law)
	v.Answers = words(law.Answers().List(), classTitle)
	return v
}

func (v *View) role(law *agreement.Law, role jisrv1.Role) Role {
	name := agreement.RoleName(role)
	r := Role{
		Index: len(v.Roles) + 1, Name: name, Title: roleTitle(name), Sentence: sentenceOf(role.String()),
		Purposes: words(law.Purposes(role), purposeTitle), Pseudonymous: law.Pseudonymous(role), Oversight: law.Oversight(role),
	}
	for _, a := range v.Agencies {
		if slices.Contains(a.Roles, name) {
			r.Agencies = append(r.Agencies, a)
		}
	}
	return r
}

// shelf puts together the roles that know of a record by the same links.
func (v *View) shelf(law *agreement.Law, name string) []Known {
	var list []Known
	for _, role := range v.Roles {
		links := words(law.Shelf(roleValue(role.Name), name).List(), linkTitle)
		i := slices.IndexFunc(list, func(k Known) bool { return slices.Equal(k.Links, links) })
		if i < 0 {
			list = append(list, Known{Links: links})
			i = len(list) - 1
		}
		list[i].Roles = append(list[i].Roles, role)
	}
	// Whoever never knows comes last.
	slices.SortStableFunc(list, func(a, b Known) int { return cmp.Compare(len(b.Links), len(a.Links)) })
	return list
}

func (v *View) dealings(law *agreement.Law) {
	for p := jisrv1.Purpose(1); int(p) < len(jisrv1.Purpose_name); p++ {
		reach := law.Reach(p)
		purpose := Purpose{Title: purposeTitle(p), Sentence: sentenceOf(p.String()), Every: reach == record.EveryClass}
		if !purpose.Every {
			purpose.Classes = words(reach.List(), classTitle)
		}
		for _, role := range v.Roles {
			if slices.Contains(role.Purposes, purpose.Title) {
				purpose.Roles = append(purpose.Roles, role.Title)
			}
		}
		v.Purposes = append(v.Purposes, purpose)
	}
	for k := jisrv1.Referral_Kind(1); int(k) < len(jisrv1.Referral_Kind_name); k++ {
		terms, ok := law.Referral(k)
		if !ok {
			continue
		}
		r := Referral{
			Title: sentenceOf("Referral." + k.String()), Consent: terms.Consent, Scope: words(terms.Scope.List(), classTitle),
			Purposes:  words(terms.Purposes, purposeTitle),
			Receivers: words(terms.Receivers.List(), func(r jisrv1.Role) string { return roleTitle(agreement.RoleName(r)) }),
		}
		if terms.Order != 0 {
			r.Order = sentenceOf("Order." + terms.Order.String())
		}
		v.Referrals = append(v.Referrals, r)
	}
	for s := jisrv1.Notification_Subject(1); int(s) < len(jisrv1.Notification_Subject_name); s++ {
		terms := law.Notification(s)
		v.Notifications = append(v.Notifications, Referral{
			Title: sentenceOf("Notification." + s.String()), Scope: words(terms.Scope.List(), classTitle), Besides: words(terms.WithConsent.List(), classTitle),
		})
	}
}

func sentenceOf(name string) string { return sentences.Of("jisr.v1." + name) }

func words[E any](list []E, word func(E) string) []string {
	said := make([]string, len(list))
	for i, e := range list {
		said[i] = word(e)
	}
	return said
}

func roleValue(name string) jisrv1.Role {
	return jisrv1.Role(jisrv1.Role_value["ROLE_"+strings.ToUpper(name)])
}

// title turns a name of the contract into words: "VICTIM_LOCATION" into "Victim location".
func title(name string) string {
	said := strings.ReplaceAll(strings.ToLower(name), "_", " ")
	return strings.ToUpper(said[:1]) + said[1:]
}

func classTitle(c jisrv1.DataClass) string { return title(agreement.ClassName(c)) }
func purposeTitle(p jisrv1.Purpose) string { return title(agreement.PurposeName(p)) }
func linkTitle(l jisrv1.Link) string       { return sentenceOf(l.String()) }
func authority(j jisrv1.Jurisdiction) string {
	return title(strings.TrimPrefix(j.String(), "JURISDICTION_"))
}

// roleTitles are what the roles are called where their bare names would mislead.
var roleTitles = map[string]string{
	"counter_trafficking":    "Counter-trafficking police",
	"organised_crime":        "Organised-crime police",
	"violence_against_women": "Combating violence against women",
	"residency":              "Residency directorate",
	"prosecutor":             "Public prosecution",
	"cassation_court":        "Court of Cassation",
	"social_affairs":         "Labour and Social Affairs",
	"migration":              "Migration and Displacement",
	"ngo":                    "IOM and licensed organisations",
	"human_rights":           "Human-rights commission",
	"committee":              "Committee secretariat",
	"operations":             "Operations of the exchange",
}

func roleTitle(name string) string {
	if said, ok := roleTitles[name]; ok {
		return said
	}
	return title(name)
}

// recordTitle writes "LogEntry" as "Log entry".
func recordTitle(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			fmt.Fprintf(&b, " %c", r+'a'-'A')
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// RoleIndex is the column of a role.
func (v *View) RoleIndex(name string) int {
	return 1 + slices.IndexFunc(v.Roles, func(r Role) bool { return r.Name == name })
}

// Authorities are the authorities under which agencies act.
func (v *View) Authorities() []string {
	var list []string
	for _, a := range v.Agencies {
		if !slices.Contains(list, a.Authority) {
			list = append(list, a.Authority)
		}
	}
	return list
}
