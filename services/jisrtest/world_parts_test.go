package jisrtest_test

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/record"
)

// part is something that may happen in a drawn script, any number of times.
type part struct {
	name string
	// hidden says from whom, by the domain's rules; a common part has none.
	hidden func(onlooker) bool
	// logged: the owner's and the monitor's access log tells of it by design.
	logged bool
	play   func(*world, *rand.Rand)
}

// common parts happen in both worlds, with other words where the onlooker may not read them.
var common = []part{
	{name: "the judge tells of the case anew", play: (*world).tellCase},
	{name: "the judge tells of the first victim anew", play: func(w *world, r *rand.Rand) { w.tellVictim("first", r) }},
	{name: "the judge tells of the second victim anew", play: func(w *world, r *rand.Rand) { w.tellVictim("second", r) }},
	{name: "the judge tells of the suspect anew", play: (*world).tellSuspect},
	{name: "a forensic examination is ordered", play: func(w *world, _ *rand.Rand) { w.forensic() }},
	{name: "a shelter is ordered to take the first victim in", play: func(w *world, _ *rand.Rand) { w.shelterOrder() }},
	{name: "all are told of the first victim again", play: func(w *world, _ *rand.Rand) { w.tellAll() }},
	{name: "the police ask for an interpreter, who comes", play: (*world).interpret},
	{name: "a consent is recorded that opens nothing to who looks on", play: (*world).asideConsent},
	{name: "an hour passes", play: func(w *world, _ *rand.Rand) { w.stage.pass(time.Hour) }},
	{name: "terms are looked at", play: func(w *world, _ *rand.Rand) { w.x.Tick() }},
	{name: "the exchange is started anew", play: (*world).restart},
}

// repeatable parts happen in the second world alone, beside the asides.
var repeatable = []part{
	{name: "a hidden section is told anew", logged: true, hidden: func(o onlooker) bool { return len(retellable(o)) > 0 }, play: (*world).retell},
	{name: "others read", logged: true, hidden: func(onlooker) bool { return true }, play: (*world).othersRead},
	{name: "others ask in vain", logged: true, hidden: func(onlooker) bool { return true }, play: (*world).othersAskInVain},
	{name: "another case in Baghdad", hidden: func(o onlooker) bool { return o.linked(notified) || o.linked(assigned) }, play: (*world).otherCase},
	{name: "the case is shared with others for a while", hidden: func(o onlooker) bool { return !o.is(police, judge, investigator) }, play: (*world).shareForAWhile},
	{name: "another notification of the judge's", hidden: func(o onlooker) bool { return !o.is(judge, investigator) }, play: func(w *world, _ *rand.Rand) { w.judgesNotice() }},
}

// some draws a part of a mask, at least one path.
func some(mask *fieldmaskpb.FieldMask, r *rand.Rand) *fieldmaskpb.FieldMask {
	r.Shuffle(len(mask.Paths), func(i, j int) { mask.Paths[i], mask.Paths[j] = mask.Paths[j], mask.Paths[i] })
	mask.Paths = mask.Paths[:1+r.IntN(len(mask.Paths))]
	return mask
}

func (w *world) tellCase(r *rand.Rand) {
	c := jisrtest.BaghdadCase()
	c.SetName(w.names["case"])
	mask := some(w.text(c, w.hidden()), r)
	_, err := w.judge().UpdateCase(context.Background(), jisrv1.UpdateCaseRequest_builder{Case: c, UpdateMask: mask}.Build())
	w.must(err)
}

func (w *world) tellVictim(called string, r *rand.Rand) {
	v := jisrtest.Person(0)
	v.SetName(w.names[called])
	differs := w.hidden()
	if called == "second" && w.reader.told() {
		differs = func(jisrv1.DataClass) bool { return true }
	}
	mask := some(w.text(v, differs, append(toldByHealth, jisrv1.DataClass_DATA_CLASS_VICTIM_CONSULAR)...), r)
	_, err := w.judge().UpdateVictim(context.Background(), jisrv1.UpdateVictimRequest_builder{Victim: v, UpdateMask: mask}.Build())
	w.must(err)
}

func (w *world) tellSuspect(r *rand.Rand) {
	s := jisrv1.Suspect_builder{Name: w.names["suspect"]}.Build()
	mask := some(w.text(s, w.hidden()), r)
	_, err := w.judge().UpdateSuspect(context.Background(), jisrv1.UpdateSuspectRequest_builder{Suspect: s, UpdateMask: mask}.Build())
	w.must(err)
}

// shelterOrder lets the judge order one of two organisations to take the first
// victim in; which, nobody knows but the two and the judge. It reads its order.
func (w *world) shelterOrder() {
	w.t.Helper()
	shelter := w.ngo(jisrtest.NGO)
	if w.second && !w.reader.is(judge, investigator, jisrv1.Role_ROLE_NGO) {
		shelter = w.ngo("ngo-shelter-erbil/desk")
	}
	w.names["shelter order"] = w.order(jisrv1.Order_KIND_SHELTER, w.names["first"], func(o *jisrv1.Order) { o.SetAddressees([]string{shelter.Agency}) })
	_, err := shelter.GetOrder(context.Background(), jisrv1.GetOrderRequest_builder{Name: w.names["shelter order"]}.Build())
	w.must(err)
}

// forensic lets the judge order an examination by the hospital.
func (w *world) forensic() {
	w.names["forensic order"] = w.order(jisrv1.Order_KIND_FORENSIC_EXAM, w.names["first"], func(o *jisrv1.Order) {
		o.SetAddressees([]string{"agencies/moh"})
		if w.second && !w.reader.is(judge, investigator, prosecutor, trial, jisrv1.Role_ROLE_HEALTH) {
			o.GetDecision().SetText("what only the addressee, prosecution and courts read" + w.chapter)
		}
	})
}

// ngo is an organisation that assists.
func (w *world) ngo(who string) *jisrtest.Client {
	return w.x.AsFor(who, jisrv1.Role_ROLE_NGO, jisrv1.Purpose_PURPOSE_ASSISTANCE)
}

// interpret lets the police refer to an organisation that nobody looks on for.
func (w *world) interpret(r *rand.Rand) {
	ctx := context.Background()
	w.names["interpreting"] = w.refer(w.police(), jisrv1.Referral_KIND_INTERPRETER, w.names["first"], "agencies/ngo-shelter-erbil", w.partiesOnly("request"))
	who := w.ngo("ngo-shelter-erbil/desk")
	name := w.names["interpreting"]
	_, err := who.AcceptReferral(ctx, jisrv1.AcceptReferralRequest_builder{Name: name}.Build())
	w.must(err)
	if r.IntN(2) == 0 {
		return
	}
	_, err = who.CompleteReferral(ctx, jisrv1.CompleteReferralRequest_builder{
		Name: name, Reason: jisrv1.Referral_END_REASON_NEED_MET, Outcome: jisrv1.ReferralOutcome_builder{Text: w.partiesOnly("outcome")}.Build(),
	}.Build())
	w.must(err)
}

// partiesOnly is a text that a referral's two parties and the judge read, and nobody else.
func (w *world) partiesOnly(text string) string {
	if w.second && !w.reader.is(police, judge, investigator) {
		return "what only the two and the judge read" + w.chapter
	}
	return text
}

// asideConsent records a consent to one organisation that nobody looks on for.
func (w *world) asideConsent(*rand.Rand) {
	c := given(jisrv1.Role_ROLE_NGO, jisrv1.Purpose_PURPOSE_ASSISTANCE, jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY)
	c.SetRecipient("agencies/ngo-shelter-erbil")
	note := "note"
	if w.second && !w.reader.is(police) && !w.reader.sees(jisrv1.DataClass_DATA_CLASS_CONSENT_RECORD) {
		note = "what only the collector, the judge and monitors read" + w.chapter
	}
	c.GetRecord().SetNote(note)
	made, err := w.police().RecordConsent(context.Background(), jisrv1.RecordConsentRequest_builder{
		Parent: w.names["first"], Answer: jisrv1.Consent_STATE_GIVEN, Consent: c,
	}.Build())
	w.must(err)
	w.names["first's consent"] = made.GetName()
}

func (w *world) restart(*rand.Rand) {
	w.x.Restart()
	w.tape.client = w.as(w.reader)
}

// retellable are the sections that the judge can tell anew unseen by the onlooker.
func retellable(o onlooker) (paths []string) {
	for _, f := range record.ByName("Victim").Sections {
		if f.Class != jisrv1.DataClass_DATA_CLASS_VICTIM_CONSULAR && !isToldByHealth(f.Class) && !o.sees(f.Class) {
			paths = append(paths, string(f.Desc.Name()))
		}
	}
	return paths
}

func isToldByHealth(class jisrv1.DataClass) bool { return record.Classes(toldByHealth...).Has(class) }

// retell tells sections anew that the onlooker may not read: times, revisions
// and etags of all that it may read stay.
func (w *world) retell(r *rand.Rand) {
	paths := retellable(w.reader)
	called := "first"
	if w.reader.told() && r.IntN(2) == 0 && w.names["seal of the second"] == "" {
		called = "second"
	}
	v := jisrtest.Person(0)
	v.SetName(w.names[called])
	w.text(v, w.hidden(), append(toldByHealth, jisrv1.DataClass_DATA_CLASS_VICTIM_CONSULAR)...)
	_, err := w.judge().UpdateVictim(context.Background(), jisrv1.UpdateVictimRequest_builder{
		Victim: v, UpdateMask: some(&fieldmaskpb.FieldMask{Paths: paths}, r),
	}.Build())
	w.must(err)
}

// othersRead lets agencies other than the onlooker read.
func (w *world) othersRead(r *rand.Rand) {
	for range 1 + r.IntN(3) {
		o := onlookers[r.IntN(len(onlookers))]
		if o.who == w.reader.who || o.links == nil || o.linked(oversight) {
			continue
		}
		// Whether it is let in does not matter: both leave an entry.
		_, _ = w.as(o).GetVictim(context.Background(), jisrv1.GetVictimRequest_builder{Name: w.names["first"]}.Build())
		_, _ = w.as(o).GetCase(context.Background(), jisrv1.GetCaseRequest_builder{Name: w.names["case"]}.Build())
	}
}

// othersAskInVain lets agencies ask for what is not theirs.
func (w *world) othersAskInVain(r *rand.Rand) {
	for range 1 + r.IntN(3) {
		_, err := w.x.As("kri-erbil-felony/court").GetVictim(context.Background(), jisrv1.GetVictimRequest_builder{Name: w.names["first"]}.Build())
		if err == nil {
			w.t.Error("the court of Erbil reads a victim in Baghdad")
		}
	}
}

// otherCase opens another case of the police, with a person and dealings.
func (w *world) otherCase(r *rand.Rand) {
	ctx := context.Background()
	c, err := w.police().CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: jisrtest.BaghdadCase()}.Build())
	w.must(err)
	v, err := w.police().CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: c.GetName(), Victim: jisrtest.Person(1)}.Build())
	w.must(err)
	w.names["other case"], w.names["other case's victim"] = c.GetName(), v.GetName()
	if r.IntN(2) == 0 {
		w.names["other case's referral"] = w.refer(w.police(), jisrv1.Referral_KIND_INTERPRETER, v.GetName(), "agencies/ngo-shelter-erbil", "text")
	}
}

// shareForAWhile shares the case with an agency that nobody looks on for, and ends that.
func (w *world) shareForAWhile(r *rand.Rand) {
	w.otherShare()
	if r.IntN(2) == 0 {
		_, err := w.police().EndShare(context.Background(), jisrv1.EndShareRequest_builder{Name: w.names["other share"]}.Build())
		w.must(err)
	}
}
