package matrix

import (
	"fmt"
	"io"
	"slices"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/record"
)

// Sheet is everything that decides who sees what, each in one line.
type Sheet []Line

// Line is one decision: a kind, what it is about, and the words of the decision.
type Line struct {
	// Kind is one of the kinds below; it says what About and Words are.
	Kind string
	// About is what is decided about, such as a class and a role.
	About string
	// Words are the decision.
	Words []string
}

// The kinds of lines, in the order of a sheet.
const (
	kindField        = "field"        // a field: its class
	kindCell         = "cell"         // a class for a role: read … tell … consent because …
	kindShelf        = "shelf"        // a record for a role: the links by which it may know of it
	kindDoor         = "door"         // an rpc: the roles that may call it
	kindRole         = "role"         // a role: for which purposes it calls, and what it is besides
	kindPurpose      = "purpose"      // a purpose: the classes that it can open
	kindAgency       = "agency"       // an agency: authority, roles and territories
	kindReferral     = "referral"     // a kind of referral, a part of its terms: the part
	kindNotification = "notification" // a subject of notification, a part of its terms: the part
	kindAnswers      = "answers"      // a link, and what may be told by it at the most
)

// aboutWords is how many words say what a line is about.
var aboutWords = map[string]int{
	kindField: 1, kindCell: 2, kindShelf: 2, kindDoor: 1, kindRole: 1, kindPurpose: 1, kindAgency: 1, kindReferral: 2, kindNotification: 2, kindAnswers: 1,
}

// NewSheet writes down a law over a contract.
func NewSheet(law *agreement.Law, contract Contract) Sheet {
	var s Sheet
	add := func(kind, about string, words ...string) { s = append(s, Line{kind, about, words}) }
	for _, f := range contract {
		add(kindField, f.Path, agreement.ClassName(f.Class))
	}
	for class := range values[jisrv1.DataClass]() {
		for role := range values[jisrv1.Role]() {
			add(kindCell, agreement.ClassName(class)+" "+agreement.RoleName(role), cellWords(law.Cell(role, class))...)
		}
	}
	for _, t := range record.Types() {
		for role := range values[jisrv1.Role]() {
			add(kindShelf, t.Name+" "+agreement.RoleName(role), names(law.Shelf(role, t.Name).List(), agreement.LinkName)...)
		}
	}
	for _, rpc := range agreement.Rpcs() {
		add(kindDoor, rpc, names(law.RolesFor(rpc), agreement.RoleName)...)
	}
	for role := range values[jisrv1.Role]() {
		words := names(law.Purposes(role), agreement.PurposeName)
		if law.Pseudonymous(role) {
			words = append(words, wordPseudonymous)
		}
		if law.Oversight(role) {
			words = append(words, wordOversight)
		}
		add(kindRole, agreement.RoleName(role), words...)
	}
	for purpose := range values[jisrv1.Purpose]() {
		add(kindPurpose, agreement.PurposeName(purpose), reachWords(law.Reach(purpose))...)
	}
	for _, a := range law.Agencies() {
		words := []string{authorityName(a.Jurisdiction)}
		words = append(words, names(a.Roles, agreement.RoleName)...)
		add(kindAgency, a.Slug, append(words, a.Territories...)...)
	}
	for kind := range values[jisrv1.Referral_Kind]() {
		terms, ok := law.Referral(kind)
		if !ok {
			continue
		}
		name := referralName(kind)
		add(kindReferral, name+" receivers", names(terms.Receivers.List(), agreement.RoleName)...)
		add(kindReferral, name+" needs", needWords(terms)...)
		add(kindReferral, name+" protection", map[bool]string{true: "yes", false: "no"}[terms.Protection])
		add(kindReferral, name+" purposes", names(terms.Purposes, agreement.PurposeName)...)
		add(kindReferral, name+" scope", names(terms.Scope.List(), agreement.ClassName)...)
	}
	for subject := range values[jisrv1.Notification_Subject]() {
		terms, name := law.Notification(subject), subjectName(subject)
		add(kindNotification, name+" scope", names(terms.Scope.List(), agreement.ClassName)...)
		add(kindNotification, name+" with_consent", names(terms.WithConsent.List(), agreement.ClassName)...)
	}
	add(kindAnswers, agreement.LinkName(jisrv1.Link_LINK_NOTIFIED), names(law.Answers().List(), agreement.ClassName)...)
	return s
}

const (
	wordPseudonymous = "PSEUDONYMOUS"
	wordOversight    = "OVERSIGHT"
	wordEveryClass   = "EVERY_CLASS"
	wordConsent      = "consent"
	wordNothing      = "-"
)

func cellWords(c agreement.Cell) []string {
	words := append([]string{"read"}, names(c.Read.List(), agreement.ConditionName)...)
	words = append(append(words, "tell"), names(c.Write.List(), agreement.ConditionName)...)
	if c.Consent {
		words = append(words, wordConsent)
	}
	words = append(words, "because")
	for _, code := range c.Reasons {
		words = append(words, fmt.Sprint(code))
	}
	return words
}

func reachWords(reach record.ClassSet) []string {
	if reach == record.EveryClass {
		return []string{wordEveryClass}
	}
	return names(reach.List(), agreement.ClassName)
}

func needWords(terms agreement.Referral) []string {
	var words []string
	if terms.Order != 0 {
		words = append(words, "order", orderName(terms.Order))
	}
	if terms.Consent {
		words = append(words, wordConsent)
	}
	return words
}

// Write prints a sheet, a line for each decision, with room between parts.
func (s Sheet) Write(w io.Writer) error {
	part := ""
	for _, line := range s {
		first, rest, _ := strings.Cut(line.About, " ")
		// Fields go by record, cells by class and the shelf by record; of the others each is a part.
		if line.Kind == kindField {
			first, _, _ = strings.Cut(line.About, ".")
		}
		if rest == "" && line.Kind != kindField {
			first = ""
		}
		if now := line.Kind + first; now != part {
			if part != "" {
				if _, err := fmt.Fprintln(w); err != nil {
					return err
				}
			}
			part = now
		}
		words := strings.Join(line.Words, " ")
		if words == "" {
			words = wordNothing
		}
		if _, err := fmt.Fprintf(w, "%s %s: %s\n", line.Kind, line.About, words); err != nil {
			return err
		}
	}
	return nil
}

// ReadSheet reads what Write printed.
func ReadSheet(text string) (Sheet, error) {
	var s Sheet
	n := 0
	for row := range strings.Lines(text) {
		n++
		if strings.TrimSpace(row) == "" {
			continue
		}
		head, words, ok := strings.Cut(row, ": ")
		kind, about, _ := strings.Cut(head, " ")
		if !ok || aboutWords[kind] == 0 || len(strings.Fields(about)) != aboutWords[kind] {
			return nil, fmt.Errorf("line %d is none of a sheet", n)
		}
		line := Line{Kind: kind, About: about, Words: strings.Fields(words)}
		if slices.Equal(line.Words, []string{wordNothing}) {
			line.Words = nil
		}
		s = append(s, line)
	}
	return s, nil
}
