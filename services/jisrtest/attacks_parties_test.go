package jisrtest_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

const location = jisrv1.DataClass_DATA_CLASS_VICTIM_LOCATION

// about asks what an agency, in a role, may see of a record.
func about(c *jisrtest.Client, name, agency string, role jisrv1.Role) (*jisrv1.ExplainAccessResponse, error) {
	return c.ExplainAccess(ctx, jisrv1.ExplainAccessRequest_builder{Name: name, Agency: agency, Role: role}.Build())
}

// decided are the decisions alone, without whom to ask, which differs with the agency's jurisdiction.
func decided(r *jisrv1.ExplainAccessResponse) *jisrv1.ExplainAccessResponse {
	for _, d := range r.GetDecisions() {
		d.SetAskAgency("")
	}
	return r
}

func readable(r *jisrv1.ExplainAccessResponse, class jisrv1.DataClass) bool {
	return slices.ContainsFunc(r.GetDecisions(), func(d *jisrv1.AccessDecision) bool { return d.GetDataClass() == class && d.GetReadable() })
}

// quietly lets the judge place a victim in the shelter of Erbil, of which the
// owner of the case is told nothing; the shelter tells where the person is.
func quietly(t testing.TB, p *jisrtest.Play, caseName, victim string) *jisrtest.Client {
	t.Helper()
	judge, shelter := judgeOf(p), p.As(shelterOfErbil)
	order := orderIn(p, jisrv1.Order_KIND_SHELTER, victim)
	order.SetParent(caseName)
	got(judge.IssueOrder(ctx, order))(t)
	r := got(judge.CreateReferral(ctx, jisrv1.CreateReferralRequest_builder{Parent: caseName, Referral: jisrv1.Referral_builder{
		Kind: jisrv1.Referral_KIND_SHELTER_PLACEMENT, Victim: victim, Receiver: shelter.Agency,
	}.Build()}.Build()))(t)
	got(send(judge, r))(t)
	got(accept(shelter, r.GetName()))(t)
	where(t, shelter, victim)
	return shelter
}

// where lets a shelter tell where a person is, and how the person is.
func where(t testing.TB, shelter *jisrtest.Client, victim string) {
	t.Helper()
	got(tell(shelter, jisrv1.Victim_builder{
		Name: victim, Location: jisrv1.VictimLocation_builder{Address: "the house behind the mill"}.Build(), Health: jisrv1.VictimHealth_builder{Text: "how she is"}.Build(),
	}.Build(), "location", "health"))(t)
}

// By asking about one agency after the other a monitor would learn who cares for whom.
func TestAMonitorDoesNotAskWhatOtherAgenciesMaySee(t *testing.T) {
	p := baghdad(t)
	placed(t, p)
	commission, committee := p.As(jisrtest.Monitor), p.As("committee-federal/desk")
	person := got(commission.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: "cases/-"}.Build()))(t).GetVictims()[0].GetName()
	matter := got(committee.ListCases(ctx, &jisrv1.ListCasesRequest{}))(t).GetCases()[0].GetName()
	asked := 0
	for _, a := range p.Law().Agencies() {
		for _, role := range a.Roles {
			if other := "agencies/" + a.Slug; other != commission.Agency && other != committee.Agency {
				refused(about(commission, person, other, role))(t, fault.NotFound)
				refused(about(committee, matter, other, role))(t, fault.NotFound)
				asked++
			}
		}
	}
	if asked < 20 {
		t.Errorf("only %d agencies and roles were asked about", asked)
	}
	// Each asks about itself, and whoever answers for the person about the shelter.
	if !got(about(commission, person, "", 0))(t).GetOnShelf() || !got(about(committee, matter, "", 0))(t).GetOnShelf() {
		t.Error("a monitor does not learn what it may see itself")
	}
	if r := got(about(judgeOf(p), p.First, "agencies/molsa", jisrv1.Role_ROLE_SOCIAL_AFFAIRS))(t); !r.GetOnShelf() || !readable(r, location) {
		t.Error("there is no shelter that a monitor could have found")
	}
}

// named returns the agencies that the log of a record names to a reader, and in how many entries it names none.
func named(t testing.TB, c *jisrtest.Client, name string) (agencies map[string]bool, nobody int) {
	t.Helper()
	agencies = make(map[string]bool)
	for _, e := range got(c.ListLogEntries(ctx, jisrv1.ListLogEntriesRequest_builder{Record: name, PageSize: 100}.Build()))(t).GetLogEntries() {
		if e.GetAgency() == "" {
			nobody++
		}
		agencies[e.GetAgency()] = true
	}
	return agencies, nobody
}

func TestACoReceiverIsNotNamedToTheOwner(t *testing.T) {
	p := baghdad(t)
	police, shelter := policeOf(p), p.As(shelterOfErbil)
	got(judgeOf(p).SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
		Case: p.Case, Victims: []string{p.First}, Subject: jisrv1.Notification_SUBJECT_PROTECTION_NEED, Receivers: []string{police.Agency, shelter.Agency},
	}.Build()}.Build()))(t)
	p.Notify(jisrtest.NGO)
	for _, c := range []*jisrtest.Client{shelter, p.As(jisrtest.NGO), p.As(jisrtest.Prosecutor)} {
		got(getVictim(c, p.First))(t)
	}
	names, nobody := named(t, police, p.First)
	if names[shelter.Agency] || nobody == 0 {
		t.Errorf("the log names %v, and nobody in %d entries", names, nobody)
	}
	if got(about(police, p.First, shelter.Agency, ngoRole))(t).GetOnShelf() {
		t.Error("the owner is explained that the other receiver was told")
	}
	// Of whom the police told themselves it is explained; and the judge knows whom it told.
	if !names["agencies/sjc-rusafa-pp"] || !got(about(police, p.First, "agencies/iom", ngoRole))(t).GetOnShelf() {
		t.Error("nobody is named at all, so that nothing was hidden")
	}
	if !got(about(judgeOf(p), p.First, shelter.Agency, ngoRole))(t).GetOnShelf() {
		t.Error("the other receiver was not told, so that nothing was hidden")
	}
}

// Who owns a case could notify every carer there is and then watch which of them
// reads or tells more than a notification opens, or whom the log leaves unnamed,
// in the log or by asking.
func TestAnOwnerThatNotifiesEveryoneDoesNotLearnWhoCares(t *testing.T) {
	p := baghdad(t)
	station := p.As(jisrtest.Community)
	c, v := opened(t, station, "IQG08", jisrv1.Jurisdiction_JURISDICTION_FEDERAL)
	for _, own := range []struct {
		owner            *jisrtest.Client
		caseName, victim string
	}{{policeOf(p), p.Case, p.First}, {station, c, v}} {
		shelter := quietly(t, p, own.caseName, own.victim)
		if names, nobody := named(t, own.owner, own.victim); names[shelter.Agency] || nobody == 0 {
			t.Errorf("before, the log names %v, and nobody in %d entries", names, nobody)
		}
		if got(about(own.owner, own.victim, shelter.Agency, ngoRole))(t).GetOnShelf() {
			t.Error("before, the owner is explained who cares")
		}
		var carers []string
		for _, a := range p.Law().Agencies() {
			if slices.ContainsFunc(a.Roles, func(r jisrv1.Role) bool {
				return r == ngoRole || r == jisrv1.Role_ROLE_SOCIAL_AFFAIRS || r == jisrv1.Role_ROLE_VIOLENCE_AGAINST_WOMEN
			}) {
				carers = append(carers, "agencies/"+a.Slug)
			}
		}
		got(own.owner.SendNotification(ctx, jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
			Case: own.caseName, Victims: []string{own.victim}, Subject: jisrv1.Notification_SUBJECT_UPDATE, Receivers: carers,
		}.Build()}.Build()))(t)
		where(t, shelter, own.victim)
		for _, reader := range []*jisrtest.Client{shelter, p.As(jisrtest.Shelter), p.As(jisrtest.NGO), p.As(jisrtest.Prosecutor)} {
			got(getVictim(reader, own.victim))(t)
		}
		names, nobody := named(t, own.owner, own.victim)
		if names[shelter.Agency] || names["agencies/iom"] || names["agencies/molsa"] || nobody < 3 {
			t.Errorf("of those who were told the log names some and others not: %v, and nobody in %d entries", names, nobody)
		}
		if !names["agencies/sjc-rusafa-pp"] {
			t.Error("the log names nobody at all, so that nothing was hidden")
		}
		// Asked about the shelter, the exchange answers as about any organisation that was told.
		cares := decided(got(about(own.owner, own.victim, shelter.Agency, ngoRole))(t))
		told := decided(got(about(own.owner, own.victim, "agencies/iom", ngoRole))(t))
		if !told.GetOnShelf() || !proto.Equal(cares, told) {
			t.Errorf("the shelter is explained as %v, another organisation as %v", cares, told)
		}
		if !readable(got(about(judgeOf(p), own.victim, shelter.Agency, ngoRole))(t), location) {
			t.Error("the shelter does not read where the person is, so that nothing was hidden")
		}
	}
}

func TestAddresseesOfAnOrderDoNotLearnOfEachOther(t *testing.T) {
	p := baghdad(t)
	order := p.Order(jisrv1.Order_KIND_NO_CONTACT, p.First, func(o *jisrv1.Order) { o.SetAddressees([]string{"agencies/mofa", "agencies/ngo-shelter-erbil"}) })
	for _, who := range []string{jisrtest.Foreign, shelterOfErbil} {
		seen := got(p.As(who).GetOrder(ctx, jisrv1.GetOrderRequest_builder{Name: order.GetName()}.Build()))(t)
		listed := got(p.As(who).ListOrders(ctx, jisrv1.ListOrdersRequest_builder{Parent: "cases/-"}.Build()))(t).GetOrders()
		if len(listed) != 1 || len(listed[0].GetAddressees())+len(seen.GetAddressees()) > 0 {
			t.Errorf("%s reads the addressees %v, and of %d orders in the list", who, seen.GetAddressees(), len(listed))
		}
		if seen.GetKind() != jisrv1.Order_KIND_NO_CONTACT || seen.GetTarget() != p.First {
			t.Errorf("%s does not read what it is ordered: %v", who, seen)
		}
	}
	if own := got(judgeOf(p).GetOrder(ctx, jisrv1.GetOrderRequest_builder{Name: order.GetName()}.Build()))(t); len(own.GetAddressees()) != 2 {
		t.Errorf("the judge reads the addressees %v", own.GetAddressees())
	}
}

// The shelter learns from the judge himself whom it is to take in and let go.
// Whom an order about a shelter is addressed to is where the person is, so nobody
// else learns it: not from the order, not from the log, not by asking around.
func TestAnOrderAboutAShelterReachesTheShelterAndNamesItToTheJudgeAlone(t *testing.T) {
	p := baghdad(t)
	judge, police, prosecutor, shelter := judgeOf(p), policeOf(p), p.As(jisrtest.Prosecutor), p.As(shelterOfErbil)
	p.Order(jisrv1.Order_KIND_SHELTER, p.First, func(o *jisrv1.Order) { o.SetAddressees([]string{shelter.Agency}) })
	refused(getVictim(shelter, p.First))(t, fault.NotFound) // the referral opens the person, not the order
	p.Notify(jisrtest.NGO, shelterOfErbil)
	for _, kind := range []jisrv1.Order_Kind{jisrv1.Order_KIND_SHELTER, jisrv1.Order_KIND_SHELTER_EXIT} {
		o := p.Order(kind, p.First, func(o *jisrv1.Order) { o.SetAddressees([]string{shelter.Agency}) })
		get := jisrv1.GetOrderRequest_builder{Name: o.GetName()}.Build()
		if seen := got(shelter.GetOrder(ctx, get))(t); seen.GetKind() != kind || seen.GetTarget() != p.First {
			t.Errorf("the shelter does not read what it is ordered: %v", seen)
		}
		if seen := got(judge.GetOrder(ctx, get))(t); !slices.Equal(seen.GetAddressees(), []string{shelter.Agency}) {
			t.Errorf("the judge reads the addressees %v", seen.GetAddressees())
		}
		// Who follows the case by its territory reads that there is an order, and not to whom.
		if seen := got(prosecutor.GetOrder(ctx, get))(t); seen.GetKind() != kind || len(seen.GetAddressees()) > 0 {
			t.Errorf("the prosecutor reads %v", seen)
		}
		for _, seen := range got(p.As(jisrtest.Monitor).ListOrders(ctx, jisrv1.ListOrdersRequest_builder{Parent: "cases/-"}.Build()))(t).GetOrders() {
			if len(seen.GetAddressees()) > 0 {
				t.Errorf("the monitor reads the addressees %v", seen.GetAddressees())
			}
		}
		for _, who := range []string{jisrtest.Police, jisrtest.NGO, jisrtest.Shelter, jisrtest.Foreign} {
			refused(p.As(who).GetOrder(ctx, get))(t, fault.NotFound)
		}
		refused(prosecutor.ListLogEntries(ctx, jisrv1.ListLogEntriesRequest_builder{Record: o.GetName()}.Build()))(t, fault.NotFound)
		refused(about(prosecutor, o.GetName(), shelter.Agency, ngoRole))(t, fault.NotFound)
	}
	got(getVictim(shelter, p.First))(t)
	if names, nobody := named(t, police, p.First); names[shelter.Agency] || nobody == 0 {
		t.Errorf("the log names %v, and nobody in %d entries", names, nobody)
	}
	addressed, told := decided(got(about(police, p.First, shelter.Agency, ngoRole))(t)), decided(got(about(police, p.First, "agencies/iom", ngoRole))(t))
	if !told.GetOnShelf() || !proto.Equal(addressed, told) {
		t.Errorf("the shelter is explained as %v, another organisation as %v", addressed, told)
	}
}

// A consent may name one organisation; it does not tell the others where a person is to go.
func TestAConsentNamesItsRecipientToWhoTookItAndTheJudgeAlone(t *testing.T) {
	p := baghdad(t)
	placed(t, p)
	p.Notify(jisrtest.NGO, jisrtest.Foreign, jisrtest.Health)
	taken := answered(p, ngoRole, assisting, jisrv1.ConsentRecord_GIVEN_BY_PERSON)
	taken.GetConsent().SetRecipient("agencies/ngo-shelter-erbil")
	c := got(p.As(jisrtest.Shelter).RecordConsent(ctx, taken))(t)
	for who, reads := range map[string]bool{
		jisrtest.Shelter: true, jisrtest.Judge: true,
		jisrtest.Police: false, jisrtest.Prosecutor: false, jisrtest.NGO: false, jisrtest.Foreign: false, jisrtest.Health: false,
	} {
		seen, err := p.As(who).GetConsent(ctx, jisrv1.GetConsentRequest_builder{Name: c.GetName()}.Build())
		if err != nil && jisrtest.Reason(err) != fault.NotFound && jisrtest.Reason(err) != fault.MethodNotGranted {
			t.Fatal(err)
		}
		if (seen.GetRecipient() != "") != reads {
			t.Errorf("%s reads the recipient %q", who, seen.GetRecipient())
		}
	}
}
