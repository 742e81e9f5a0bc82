package agreement

import (
	"regexp"
	"slices"
	"strings"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// The forms of names in an agreement. The slug is the one that certificates
// and resource names allow; the territory is a governorate's p-code.
var (
	slugForm      = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	territoryForm = regexp.MustCompile(`^IQG(0[1-9]|1[0-8])$`)
)

func (p *parser) head() {
	if p.msg.GetTitle() == "" {
		p.wrong("title: missing")
	}
	if _, err := time.Parse(time.DateOnly, p.msg.GetEdition()); err != nil {
		p.wrong("edition: not a date like 2026-11-22")
	}
}

func (p *parser) reasons() {
	for i, r := range p.msg.GetReasons() {
		code := r.GetCode()
		if code <= 0 {
			p.wrong("reasons[%d]: the code must be positive", i)
			continue
		}
		if _, ok := p.law.reasons[code]; ok {
			p.wrong("reason %d: there twice", code)
		}
		if r.GetText() == "" || r.GetSource() == "" {
			p.wrong("reason %d: text or source is missing", code)
		}
		p.law.reasons[code] = reason{r.GetText(), r.GetSource()}
	}
}

func (p *parser) agencies() {
	for i, a := range p.msg.GetAgencies() {
		slug := a.GetAgency()
		if !slugForm.MatchString(slug) {
			p.wrong("agencies[%d]: the slug must be lower-case letters, digits and hyphens, at most 63", i)
			continue
		}
		where := "agency " + slug
		if _, ok := p.law.agencies[slug]; ok {
			p.wrong("%s: there twice", where)
			continue
		}
		if a.GetDisplayName() == "" || a.GetDisplayNameAr() == "" || a.GetDisplayNameCkb() == "" {
			p.wrong("%s: a display name is missing", where)
		}
		if !defined(a.GetJurisdiction()) {
			p.wrong("%s: jurisdiction is missing", where)
		}
		roles := distinct(p, where+": roles", a.GetRoles())
		if len(roles) == 0 {
			p.wrong("%s: no role", where)
		}
		for _, t := range a.GetTerritories() {
			if !territoryForm.MatchString(t) {
				p.wrong("%s: territories: not a governorate's p-code", where)
			}
		}
		slices.Sort(roles)
		agency := &Agency{
			Slug:           slug,
			DisplayName:    a.GetDisplayName(),
			DisplayNameAr:  a.GetDisplayNameAr(),
			DisplayNameCkb: a.GetDisplayNameCkb(),
			Jurisdiction:   a.GetJurisdiction(),
			Roles:          roles,
			Territories:    slices.Clone(a.GetTerritories()),
		}
		p.law.agencies[slug] = agency
		p.law.sorted = append(p.law.sorted, agency)
	}
	slices.SortFunc(p.law.sorted, func(a, b *Agency) int { return strings.Compare(a.Slug, b.Slug) })
}

func (p *parser) roles() {
	var got seen[jisrv1.Role]
	for _, r := range p.msg.GetRoles() {
		role := r.GetRole()
		if !got.once(p, "roles", role) {
			continue
		}
		purposes := distinct(p, role.String()+": purposes", r.GetPurposes())
		if len(purposes) == 0 {
			p.wrong("%s: no purpose", role)
		}
		for _, purpose := range purposes {
			p.law.purposes[role] |= 1 << uint(purpose)
		}
		if r.GetPseudonymous() {
			p.law.pseudonymous |= Roles(role)
		}
		if r.GetOversight() {
			p.law.oversight |= Roles(role)
		}
	}
	got.checkAll(p, "roles")
}

func (p *parser) purposes() {
	var got seen[jisrv1.Purpose]
	for _, t := range p.msg.GetPurposes() {
		purpose := t.GetPurpose()
		if !got.once(p, "purposes", purpose) {
			continue
		}
		reach := p.classSet(purpose.String()+": classes", t.GetClasses())
		if t.GetEveryClass() == (reach != 0) {
			p.wrong("%s: name either every_class or classes", purpose)
		}
		if t.GetEveryClass() {
			reach = record.EveryClass
		}
		p.law.ceilings[purpose] = reach
	}
	got.checkAll(p, "purposes")
}

func (p *parser) referrals() {
	var got seen[jisrv1.Referral_Kind]
	for _, t := range p.msg.GetReferrals() {
		kind := t.GetKind()
		if !got.once(p, "referrals", kind) {
			continue
		}
		where := "referral " + kind.String()
		receivers := Roles(distinct(p, where+": receivers", t.GetReceivers())...)
		if receivers == 0 {
			p.wrong("%s: no receiver", where)
		}
		if t.GetOrder() != 0 && !defined(t.GetOrder()) {
			p.wrong("%s: order: %v is not a value of the contract", where, t.GetOrder())
		}
		p.law.referrals[kind] = Referral{
			Kind:       kind,
			Receivers:  receivers,
			Order:      t.GetOrder(),
			Consent:    t.GetConsent(),
			Purposes:   p.consentPurposes(where, t, receivers),
			Scope:      p.classSet(where+": scope", t.GetScope()),
			Protection: t.GetProtection(),
		}
	}
	got.checkAll(p, "referrals")
}

// consentPurposes reads to what the person must have consented. Each receiver
// must be able to call for one of them, else that consent would open it nothing.
func (p *parser) consentPurposes(where string, t *jisrv1.ReferralTerms, receivers RoleSet) []jisrv1.Purpose {
	purposes := distinct(p, where+": purposes", t.GetPurposes())
	switch {
	case t.GetConsent() && len(purposes) == 0:
		p.gap("%s: purposes: name at least one, since consent is needed", where)
		return nil
	case !t.GetConsent() && len(purposes) > 0:
		p.wrong("%s: purposes: name none, since no consent is needed", where)
		return nil
	}
	for _, role := range receivers.List() {
		may := func(purpose jisrv1.Purpose) bool { return p.law.MayUse(role, purpose) }
		if t.GetConsent() && !slices.ContainsFunc(purposes, may) {
			p.wrong("%s: purposes: %v may call for none of them", where, role)
		}
	}
	return purposes
}

func (p *parser) notifications() {
	var got seen[jisrv1.Notification_Subject]
	for _, t := range p.msg.GetNotifications() {
		if !got.once(p, "notifications", t.GetSubject()) {
			continue
		}
		where := "notification " + t.GetSubject().String()
		p.law.notifications[t.GetSubject()] = Notification{
			Scope:       p.classSet(where+": scope", t.GetScope()),
			WithConsent: p.classSet(where+": with_consent", t.GetWithConsent()),
		}
	}
	got.checkAll(p, "notifications")
	p.law.answers = p.classSet("answers", p.msg.GetAnswers())
	opened := record.ClassSet(0)
	for _, n := range p.law.notifications {
		opened |= n.Scope | n.WithConsent
	}
	for class := range (p.law.answers &^ opened).All() {
		p.wrong("answers: %v is opened by no notification, and nobody answers with more than it reads", class)
	}
}
