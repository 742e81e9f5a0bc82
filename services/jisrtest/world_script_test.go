package jisrtest_test

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/jisrtest/oracle"
	"github.com/jisr-exchange/jisr/services/record"
)

// world is one exchange after the script, and the names of all that is in it.
type world struct {
	t     testing.TB
	x     *jisrtest.Exchange
	stage *stage
	// reader is from whom the second world hides what differs.
	reader onlooker
	// second is the world in which hidden things differ.
	second bool
	// names are the records' names by what they are called in the script.
	names map[string]string
	// chapter tells the texts of one part of a script from those of another.
	chapter string
	// varied are the classes of which the second world told something else.
	varied record.ClassSet
	// tape is what the onlooker of a drawn script sees; known are the names it asks for.
	tape  *tape
	known map[string]string
}

// onlooker is an agency in one of its roles, with what links it to the case in Baghdad.
type onlooker struct {
	who     string
	role    jisrv1.Role
	purpose jisrv1.Purpose
	links   []jisrv1.Link
}

const (
	owner     = jisrv1.Link_LINK_OWNER
	territory = jisrv1.Link_LINK_TERRITORY
	oversight = jisrv1.Link_LINK_OVERSIGHT
	notified  = jisrv1.Link_LINK_NOTIFIED
	assigned  = jisrv1.Link_LINK_ASSIGNED
	// Of these the script makes one each, about the first victim.
	participant = jisrv1.Link_LINK_PARTICIPANT
	receiver    = jisrv1.Link_LINK_RECEIVER
)

// onlookers are one agency for each role. The police own the case, courts and
// prosecution have it in their territory, monitors oversee it, and everybody
// else was notified of it and of the first victim.
var onlookers = []onlooker{
	{"moi-ct/cases", jisrv1.Role_ROLE_COUNTER_TRAFFICKING, jisrv1.Purpose_PURPOSE_INVESTIGATION, []jisrv1.Link{owner, territory}},
	{"sjc-rusafa-inv/court", jisrv1.Role_ROLE_INVESTIGATING_JUDGE, jisrv1.Purpose_PURPOSE_INVESTIGATION, []jisrv1.Link{territory}},
	{"sjc-rusafa-inv/court", jisrv1.Role_ROLE_JUDICIAL_INVESTIGATOR, jisrv1.Purpose_PURPOSE_INVESTIGATION, []jisrv1.Link{territory}},
	{"sjc-rusafa-pp/office", jisrv1.Role_ROLE_PROSECUTOR, jisrv1.Purpose_PURPOSE_PROSECUTION, []jisrv1.Link{territory}},
	{"sjc-rusafa-felony/court", jisrv1.Role_ROLE_TRIAL_COURT, jisrv1.Purpose_PURPOSE_ADJUDICATION, []jisrv1.Link{territory}},
	{"sjc-cassation/court", jisrv1.Role_ROLE_CASSATION_COURT, jisrv1.Purpose_PURPOSE_ADJUDICATION, []jisrv1.Link{notified}},
	{"moi-cp/station", jisrv1.Role_ROLE_COMMUNITY_POLICE, jisrv1.Purpose_PURPOSE_PROTECTION, []jisrv1.Link{notified}},
	{"kri-dcoc/erbil", jisrv1.Role_ROLE_ORGANISED_CRIME, jisrv1.Purpose_PURPOSE_INVESTIGATION, []jisrv1.Link{notified}},
	{"kri-asayish/desk", jisrv1.Role_ROLE_ASAYISH, jisrv1.Purpose_PURPOSE_INVESTIGATION, []jisrv1.Link{notified}},
	{"kri-dcvaw/desk", jisrv1.Role_ROLE_VIOLENCE_AGAINST_WOMEN, jisrv1.Purpose_PURPOSE_PROTECTION, []jisrv1.Link{notified, participant}},
	{"moi-residency/desk", jisrv1.Role_ROLE_RESIDENCY, jisrv1.Purpose_PURPOSE_PROTECTION, []jisrv1.Link{notified}},
	{"molsa/shelter", jisrv1.Role_ROLE_SOCIAL_AFFAIRS, jisrv1.Purpose_PURPOSE_PROTECTION, []jisrv1.Link{notified, receiver}},
	{"mofa/consular", jisrv1.Role_ROLE_FOREIGN_AFFAIRS, jisrv1.Purpose_PURPOSE_CONSULAR, []jisrv1.Link{notified}},
	{"moh/hospital", jisrv1.Role_ROLE_HEALTH, jisrv1.Purpose_PURPOSE_ASSISTANCE, []jisrv1.Link{notified, assigned}},
	{"momd/desk", jisrv1.Role_ROLE_MIGRATION, jisrv1.Purpose_PURPOSE_ASSISTANCE, []jisrv1.Link{notified}},
	{"iom/assistance", jisrv1.Role_ROLE_NGO, jisrv1.Purpose_PURPOSE_ASSISTANCE, []jisrv1.Link{notified, receiver}},
	{"ihchr/monitor", jisrv1.Role_ROLE_HUMAN_RIGHTS, jisrv1.Purpose_PURPOSE_OVERSIGHT, []jisrv1.Link{oversight}},
	{"committee-federal/desk", jisrv1.Role_ROLE_COMMITTEE, jisrv1.Purpose_PURPOSE_OVERSIGHT, []jisrv1.Link{oversight}},
	{"jisr-operations/console", jisrv1.Role_ROLE_OPERATIONS, jisrv1.Purpose_PURPOSE_OPERATIONS, nil},
}

func (o onlooker) is(roles ...jisrv1.Role) bool { return slices.Contains(roles, o.role) }

func (o onlooker) linked(l jisrv1.Link) bool { return slices.Contains(o.links, l) }

// told reports whether the onlooker knows of the case and the first victim alone.
func (o onlooker) told() bool { return o.linked(notified) && !o.linked(assigned) }

// toldOf is what a notification of a new case opens, transcribed from the
// agreement's section on notifications.
var toldOf = map[jisrv1.DataClass]bool{
	jisrv1.DataClass_DATA_CLASS_CASE_STATUS: true, jisrv1.DataClass_DATA_CLASS_CASE_PARTIES: true,
	jisrv1.DataClass_DATA_CLASS_CASE_CORE: true, jisrv1.DataClass_DATA_CLASS_VICTIM_PROFILE: true,
	jisrv1.DataClass_DATA_CLASS_VICTIM_NATIONALITY: true, jisrv1.DataClass_DATA_CLASS_RETURN_RISK: true,
	jisrv1.DataClass_DATA_CLASS_IMMIGRATION_HOLD: true, jisrv1.DataClass_DATA_CLASS_CONSENT_SCOPE: true,
	jisrv1.DataClass_DATA_CLASS_HEARINGS: true,
}

// sees reports whether the domain's matrix lets the onlooker read a class of
// the case, its first victim or its suspect; wrote are the classes it wrote.
func (o onlooker) sees(class jisrv1.DataClass, wrote ...jisrv1.DataClass) bool {
	s := oracle.Standing{Own: make(map[jisrv1.DataClass]bool)}
	for _, l := range o.links {
		link := oracle.Link{Kind: l}
		if l == notified {
			link.Scope = toldOf
		}
		s.Links = append(s.Links, link)
	}
	for _, c := range wrote {
		s.Own[c] = true
	}
	return oracle.Lens(o.role, o.purpose, s)[class]
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err, status.Convert(err).Details())
	}
}

// text fills the sections of a record by canaries: another one for each section
// that differs between the worlds.
func (w *world) text(m proto.Message, differs func(jisrv1.DataClass) bool, skip ...jisrv1.DataClass) *fieldmaskpb.FieldMask {
	w.t.Helper()
	typ := record.TypeOf(m)
	first, _, err := oracle.Canary(typ, "the one text"+w.chapter)
	w.must(err)
	other, _, err := oracle.Canary(typ, "the other text"+w.chapter)
	w.must(err)
	mask := &fieldmaskpb.FieldMask{}
	for _, f := range typ.Sections {
		if slices.Contains(skip, f.Class) {
			continue
		}
		from := first
		if w.second && differs(f.Class) {
			from = other
			w.varied |= record.Classes(f.Class)
		}
		m.ProtoReflect().Set(f.Desc, from.ProtoReflect().Get(f.Desc))
		mask.Paths = append(mask.Paths, string(f.Desc.Name()))
	}
	return mask
}

// except names all classes of a record's sections but those to keep.
func except(typ string, keep ...jisrv1.DataClass) (skip []jisrv1.DataClass) {
	for _, f := range record.ByName(typ).Sections {
		if !slices.Contains(keep, f.Class) {
			skip = append(skip, f.Class)
		}
	}
	return skip
}

func (w *world) judge() *jisrtest.Client {
	return w.x.AsFor(jisrtest.Judge, jisrv1.Role_ROLE_INVESTIGATING_JUDGE, jisrv1.Purpose_PURPOSE_INVESTIGATION)
}

func (w *world) police() *jisrtest.Client { return w.x.As(jisrtest.Police) }

// hidden reports whether the reader may not see a class, so that it may differ.
func (w *world) hidden(wrote ...jisrv1.DataClass) func(jisrv1.DataClass) bool {
	return func(c jisrv1.DataClass) bool { return !w.reader.sees(c, wrote...) }
}

// told are the classes of a victim that the judge does not tell.
var toldByHealth = []jisrv1.DataClass{
	jisrv1.DataClass_DATA_CLASS_VICTIM_HEALTH, jisrv1.DataClass_DATA_CLASS_CARE_INSTRUCTIONS, jisrv1.DataClass_DATA_CLASS_FORENSIC_REPORT,
}

// play plays the common script: a case in Baghdad with two victims and a
// suspect, every section filled, all kinds of dealings about it.
func (w *world) play() {
	w.t.Helper()
	ctx := context.Background()
	w.stage.act("the case is opened")
	p := jisrtest.Opened(w.t, w.x)
	w.names["case"], w.names["first"], w.names["second"], w.names["suspect"] = p.Case, p.First, p.Second, p.Suspect
	w.stage.act("the judge tells of the case")
	c := jisrtest.BaghdadCase()
	c.SetName(p.Case)
	mask := w.text(c, w.hidden())
	_, err := w.judge().UpdateCase(ctx, jisrv1.UpdateCaseRequest_builder{Case: c, UpdateMask: mask}.Build())
	w.must(err)
	w.stage.act("the judge tells of the victims")
	w.tellOf(p.First, w.hidden())
	w.tellOf(p.Second, func(c jisrv1.DataClass) bool { return w.reader.told() || w.hidden()(c) })
	w.stage.act("the judge tells of the suspect")
	s := jisrv1.Suspect_builder{Name: p.Suspect}.Build()
	mask = w.text(s, w.hidden())
	_, err = w.judge().UpdateSuspect(ctx, jisrv1.UpdateSuspectRequest_builder{Suspect: s, UpdateMask: mask}.Build())
	w.must(err)
	w.stage.act("orders")
	w.shelterOrder()
	w.forensic()
	w.stage.act("the judge assigns the hospital")
	p.Order(jisrv1.Order_KIND_ASSIGN, p.Case, func(o *jisrv1.Order) { o.SetAddressees([]string{"agencies/moh"}) })
	w.stage.act("everyone is told of the first victim")
	w.tellAll()
	w.stage.act("health and foreign affairs tell")
	v := jisrtest.Person(0)
	v.SetName(p.First)
	mask = w.text(v, w.hidden(wrote(w.reader)...), except("Victim", toldByHealth...)...)
	_, err = w.x.As(jisrtest.Health).UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask}.Build())
	w.must(err)
	mask = w.text(v, w.hidden(wrote(w.reader)...), except("Victim", jisrv1.DataClass_DATA_CLASS_VICTIM_CONSULAR)...)
	_, err = w.x.AsFor(jisrtest.Foreign, jisrv1.Role_ROLE_FOREIGN_AFFAIRS, jisrv1.Purpose_PURPOSE_CONSULAR).
		UpdateVictim(ctx, jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask}.Build())
	w.must(err)
	w.dealings(p)
}

// tellAll lets the police tell everyone who is to know of the first victim.
func (w *world) tellAll() {
	w.t.Helper()
	n := jisrv1.Notification_builder{Case: w.names["case"], Victims: []string{w.names["first"]}, Subject: jisrv1.Notification_SUBJECT_NEW_CASE}.Build()
	n.SetReceivers([]string{"agencies/ngo-shelter-erbil"}) // as the other organisation is, so that both were told; see dealings
	for _, o := range onlookers {
		if o.linked(notified) {
			n.SetReceivers(append(n.GetReceivers(), w.x.As(o.who).Agency))
		}
	}
	sent, err := w.police().SendNotification(context.Background(), jisrv1.SendNotificationRequest_builder{Notification: n}.Build())
	w.must(err)
	w.names["notification"] = sent.GetName()
}

// tellOf lets the judge tell all that a judge tells of a victim.
func (w *world) tellOf(victim string, differs func(jisrv1.DataClass) bool) {
	w.t.Helper()
	v := jisrtest.Person(0)
	v.SetName(victim)
	mask := w.text(v, differs, append(slices.Clone(toldByHealth), jisrv1.DataClass_DATA_CLASS_VICTIM_CONSULAR)...)
	_, err := w.judge().UpdateVictim(context.Background(), jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask}.Build())
	w.must(err)
}

// dealings are referrals, a consent and a share of the common script.
func (w *world) dealings(p *jisrtest.Play) {
	w.t.Helper()
	ctx := context.Background()
	w.stage.act("the police refer the first victim to the shelter")
	request := "request text"
	if w.second && !w.reader.is(jisrv1.Role_ROLE_COUNTER_TRAFFICKING, jisrv1.Role_ROLE_SOCIAL_AFFAIRS,
		jisrv1.Role_ROLE_INVESTIGATING_JUDGE, jisrv1.Role_ROLE_JUDICIAL_INVESTIGATOR) {
		request = "what only the two and the judge read"
	}
	w.names["referral"] = w.refer(w.police(), jisrv1.Referral_KIND_SHELTER_PLACEMENT, p.First, "agencies/molsa", request)
	w.stage.act("the police share the case")
	share, err := w.police().ShareCase(ctx, jisrv1.ShareCaseRequest_builder{Parent: p.Case, Share: jisrv1.Share_builder{
		Agency: "agencies/kri-dcvaw", Victims: []string{p.First},
	}.Build()}.Build())
	w.must(err)
	w.names["share"] = share.GetName()
	w.stage.act("the judge asks one of two organisations; both read")
	asked, other := w.ngo(jisrtest.NGO), w.ngo("ngo-shelter-erbil/desk")
	if w.second && w.reader.is(police, prosecutor, trial, commission, committee) {
		asked, other = other, asked // not a party: it cannot tell one from another, in the log either
	}
	w.names["interpreter"] = w.refer(w.judge(), jisrv1.Referral_KIND_INTERPRETER, p.First, asked.Agency, "text")
	for _, reads := range []*jisrtest.Client{asked, other} {
		_, err = reads.GetVictim(ctx, jisrv1.GetVictimRequest_builder{Name: p.First}.Build())
		w.must(err)
	}
}

// refer drafts and sends a referral.
func (w *world) refer(by *jisrtest.Client, kind jisrv1.Referral_Kind, victim, receiver, request string) string {
	w.t.Helper()
	ctx := context.Background()
	r, err := by.CreateReferral(ctx, jisrv1.CreateReferralRequest_builder{Parent: victim[:len("cases/")+26], Referral: jisrv1.Referral_builder{
		Kind: kind, Victim: victim, Receiver: receiver, Request: jisrv1.ReferralRequest_builder{Text: request}.Build(),
	}.Build()}.Build())
	w.must(err)
	_, err = by.SendReferral(ctx, jisrv1.SendReferralRequest_builder{Name: r.GetName()}.Build())
	w.must(err)
	return r.GetName()
}

// as is the onlooker's client.
func (w *world) as(o onlooker) *jisrtest.Client { return w.x.AsFor(o.who, o.role, o.purpose) }

// wrote are the classes that an onlooker tells in the common opening.
func wrote(o onlooker) []jisrv1.DataClass {
	switch o.role {
	case jisrv1.Role_ROLE_HEALTH:
		return toldByHealth
	case jisrv1.Role_ROLE_FOREIGN_AFFAIRS:
		return []jisrv1.DataClass{jisrv1.DataClass_DATA_CLASS_VICTIM_CONSULAR}
	}
	return nil
}
