package jisrtest_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// Noninterference by two worlds: two exchanges play the same script and differ
// only in what one role may not see. Whatever that role asks, both answer byte
// for byte alike. What hides from whom comes from the domain's matrix, not from
// the agreement in force.

// build plays the script in a world that hides its differences from the reader.
func build(t testing.TB, reader onlooker, second, logged bool, opts ...jisrtest.Option) *world {
	t.Helper()
	s := newStage()
	w := &world{t: t, x: s.start(t, opts...), stage: s, reader: reader, second: second, names: make(map[string]string)}
	w.play()
	w.differ(logged)
	return w
}

// read lets an onlooker read all it can of a world, and ask for all that anybody
// could name: what is there, what is hidden, and what never was.
func (w *world) read(o onlooker, names map[string]string, log bool) []take {
	w.t.Helper()
	p := &tape{t: w.t, stage: w.stage, client: w.as(o)}
	w.readOn(p, o, names, log)
	return p.takes
}

// readOn is read, on a tape that goes on.
func (w *world) readOn(p *tape, o onlooker, names map[string]string, log bool) {
	w.t.Helper()
	asks := w.asks(o, names)
	p.call("AgreementService/WhoAmI")
	p.pages("CaseService/ListCases", "")
	p.call("CaseService/ListCases", "state", jisrv1.Case_STATE_NOTIFIED)
	p.call("CaseService/ListCases", "state", jisrv1.Case_STATE_UNDER_INVESTIGATION)
	in := asks["case"]
	for _, method := range []string{"CaseService/ListVictims", "CaseService/ListSuspects", "ReferralService/ListReferrals", "OrderService/ListOrders"} {
		p.pages(method, in)
		p.pages(method, "cases/-")
	}
	p.call("CaseService/ListVictims", "parent", in)
	p.pages("CaseService/ListShares", in)
	p.pages("ConsentService/ListConsents", asks["first"])
	p.pages("ConsentService/ListConsents", asks["second"])
	p.pages("NotificationService/ListNotifications", "")
	for _, called := range slices.Sorted(maps.Keys(asks)) {
		name := asks[called]
		if method := getter(name); method != "" {
			p.call(method, "name", name)
			p.call(method, "name", name) // from what was read before
		}
		p.call("AgreementService/ExplainAccess", "name", name)
	}
	p.call("CaseService/GetCaseFile", "name", in)
	p.call("CaseService/GetCaseFile", "name", asks["sealed case"])
	p.call("AgreementService/ExplainAccess", "name", asks["first"], "agency", "agencies/kri-molsa")
	p.call("AgreementService/ExplainAccess", "name", in, "agency", "agencies/kri-erbil-pp")
	for _, organisation := range []string{"agencies/iom", "agencies/ngo-shelter-erbil"} {
		p.call("AgreementService/ExplainAccess", "name", asks["first"], "agency", organisation)
		p.call("AgreementService/ExplainAccess", "name", asks["shelter order"], "agency", organisation)
	}
	p.deliveries()
	p.tries(asks)
	if log {
		p.pages("AuditService/ListLogEntries", "")
		p.call("AuditService/ListLogEntries", "record", in)
		p.call("AuditService/ListLogEntries", "record", asks["first"])
		p.call("AuditService/ListLogEntries", "record", asks["shelter order"])
		p.call("AuditService/ListLogEntries", "record", asks["sealed case"])
	}
}

// deliveries pulls, acknowledges and pulls again.
func (p *tape) deliveries() {
	p.t.Helper()
	agency := p.client.Agency
	reply := p.call("NotificationService/PullDeliveries", "parent", agency)
	p.call("NotificationService/PullDeliveries", "parent", "agencies/kri-moh")
	if reply == nil {
		return
	}
	pulled := reply.Interface().(*jisrv1.PullDeliveriesResponse).GetDeliveries()
	for _, d := range pulled {
		p.call("NotificationService/AcknowledgeDeliveries", "parent", agency, "names", []string{d.GetDelivery().GetName()})
	}
	p.call("NotificationService/PullDeliveries", "parent", agency)
}

// tries are steps on what is hidden, absent or not the caller's to take: refusals must be alike too.
func (p *tape) tries(asks map[string]string) {
	p.t.Helper()
	for _, called := range []string{"referral", "judge's referral", "Erbil referral", "no referral"} {
		p.call("ReferralService/AcceptReferral", "name", asks[called])
		p.call("ReferralService/WithdrawReferral", "name", asks[called], "etag", "stale", "reason", jisrv1.Referral_END_REASON_NOT_NEEDED)
	}
	for _, called := range []string{"shelter order", "quiet order", "seal", "no order"} {
		p.call("OrderService/RevokeOrder", "name", asks[called], "etag", "stale")
	}
	p.call("CaseService/EndShare", "name", asks["other share"], "etag", "stale")
	p.call("ConsentService/WithdrawConsent", "name", asks["consent"], "etag", "stale")
	p.call("CaseService/AdvanceCase", "name", asks["case"], "state", jisrv1.Case_STATE_REOPENED)
	p.call("CaseService/AdvanceCase", "name", asks["sealed case"], "state", jisrv1.Case_STATE_NOTIFIED)
}

// asks are all names of the script as the onlooker would have to write them,
// those that a monitor cannot know among them, and one of each kind that never was.
func (w *world) asks(o onlooker, names map[string]string) map[string]string {
	const id = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
	asks := maps.Clone(names)
	in := names["case"]
	for called, name := range map[string]string{
		"no case": "cases/" + id, "no victim": in + "/victims/" + id, "no suspect": in + "/suspects/" + id, "no referral": in + "/referrals/" + id,
		"no order": in + "/orders/" + id, "no consent": names["first"] + "/consents/" + id, "no notification": "notifications/" + id,
		"sealed case": "cases/" + id[:25] + "e", "judge's referral": in + "/referrals/" + id[:25] + "e", "Erbil referral": in + "/referrals/" + id[:25] + "i",
		"quiet order": in + "/orders/" + id[:25] + "e", "seal": in + "/orders/" + id[:25] + "i", "other share": in + "/shares/" + id, "consent": names["first"] + "/consents/" + id[:25] + "e",
	} {
		if asks[called] == "" {
			asks[called] = name
		}
	}
	if o.linked(oversight) {
		pseudonym := hide(w.t)
		agency, _, _ := strings.Cut(o.who, "/")
		for called, name := range asks {
			asks[called] = pseudonym(agency, name)
		}
	}
	return asks
}

// getter is the rpc that gets a record of that name.
func getter(name string) string {
	parts := strings.Split(name, "/")
	switch parts[len(parts)-2] {
	case "cases":
		return "CaseService/GetCase"
	case "victims":
		return "CaseService/GetVictim"
	case "suspects":
		return "CaseService/GetSuspect"
	case "referrals":
		return "ReferralService/GetReferral"
	case "orders":
		return "OrderService/GetOrder"
	case "consents":
		return "ConsentService/GetConsent"
	case "notifications":
		return "NotificationService/GetNotification"
	}
	return ""
}

func TestEachRoleCannotTellTwoWorldsApartThatDifferInWhatItMayNotSee(t *testing.T) {
	for _, o := range onlookers {
		t.Run(agreement.RoleName(o.role), func(t *testing.T) {
			twoWorlds(t, o, !o.audits())
			if o.audits() {
				t.Run("also in what its log tells", func(t *testing.T) { twoWorlds(t, o, true) })
			}
		})
	}
}

// twoWorlds compares what the onlooker reads in both. With logged the worlds
// differ also by changes of hidden sections, which the log tells an owner and a
// monitor by design: to these two the log is then not compared.
func twoWorlds(t *testing.T, o onlooker, logged bool) {
	t.Helper()
	second := build(t, o, true, logged)
	first := build(t, o, false, logged)
	for called, name := range first.names {
		if second.names[called] != name {
			t.Fatalf("the worlds gave %q two names: nothing below would mean anything", called)
		}
	}
	log := !o.audits() || !logged
	a, b := first.read(o, second.names, log), second.read(o, second.names, log)
	for _, d := range compare(a, b) {
		t.Error(d)
	}
	answered := 0
	for _, k := range a {
		if len(k.messages) > 0 {
			answered++
		}
	}
	if answered < 1 || o.role != jisrv1.Role_ROLE_OPERATIONS && answered < 10 {
		t.Errorf("only %d of %d calls were answered: the comparison proves little", answered, len(a))
	}
	t.Logf("%d calls, %d answered", len(a), answered)
}
