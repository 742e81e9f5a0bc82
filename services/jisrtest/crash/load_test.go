package crash_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// inFlight is how many calls a load has in flight at once.
const inFlight = 16

// world is what the load works on: a case with its persons, whose reader beside
// the police is a judge who was notified, and one whose agencies are notified
// again and again.
type world struct {
	book   *book
	seed   uint64
	matter string         // the case of the persons
	knocks string         // the case of the notifications
	desks  [inFlight]desk // one for each call in flight
}

// desk is an officer's: one call at a time.
type desk struct {
	changed   string // a victim that only this desk changes
	consented string // a victim who only at this desk consents
	random    *rand.Rand
}

// settle makes the world's records, each by a call of the book.
func (x *exchange) settle(seed uint64) *world {
	x.t.Helper()
	x.t.Logf("seed %d", seed)
	w := &world{book: &book{}, seed: seed}
	w.matter = x.made(w.book.note(createCase())).Record
	w.knocks = x.made(w.book.note(createCase())).Record
	for i := range w.desks {
		d := &w.desks[i]
		d.changed = x.made(w.createVictim()).Record
		d.consented = x.made(w.createVictim()).Record
		d.random = rand.New(rand.NewPCG(seed, uint64(i)))
	}
	x.made(w.notify(w.matter))
	return w
}

// made makes a call that must be answered.
func (x *exchange) made(c *call) *call {
	x.t.Helper()
	x.must(c.send(context.Background(), x.as(c.Who)))
	return c
}

func createCase() *call {
	return &call{Who: jisrtest.Police, RPC: "CaseService/CreateCase", Request: jisrv1.CreateCaseRequest_builder{
		Case: jisrtest.BaghdadCase(), RequestId: uuid(),
	}.Build()}
}

// text is a text that is told once.
func (w *world) text() string { return "told as " + uuid() }

func (w *world) createVictim() *call {
	c := &call{Who: jisrtest.Police, RPC: "CaseService/CreateVictim", Text: w.text()}
	v := jisrtest.Person(0)
	v.GetRisk().SetAssessment(c.Text)
	c.Request = jisrv1.CreateVictimRequest_builder{Parent: w.matter, Victim: v, RequestId: uuid()}.Build()
	return w.book.note(c)
}

func (w *world) updateVictim(name string) *call {
	c := &call{Who: jisrtest.Police, RPC: "CaseService/UpdateVictim", Text: w.text()}
	c.Request = jisrv1.UpdateVictimRequest_builder{
		Victim:     jisrv1.Victim_builder{Name: name, Risk: jisrv1.VictimRisk_builder{Assessment: c.Text}.Build()}.Build(),
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"risk.assessment"}}, RequestId: uuid(),
	}.Build()
	return w.book.note(c)
}

func (w *world) notify(matter string) *call {
	c := &call{Who: jisrtest.Police, RPC: "NotificationService/SendNotification", Text: w.text()}
	c.Request = jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
		Case: matter, Subject: jisrv1.Notification_SUBJECT_NEW_CASE, Receivers: []string{"agencies/sjc-rusafa-inv"},
		Message: jisrv1.NotificationMessage_builder{Text: c.Text}.Build(),
	}.Build(), RequestId: uuid()}.Build()
	return w.book.note(c)
}

func (w *world) consent(victim string) *call {
	c := &call{Who: jisrtest.Police, RPC: "ConsentService/RecordConsent", Text: w.text()}
	c.Request = jisrv1.RecordConsentRequest_builder{
		Parent: victim, Answer: jisrv1.Consent_STATE_GIVEN, RequestId: uuid(),
		Consent: jisrv1.Consent_builder{
			Purpose: jisrv1.Purpose_PURPOSE_ASSISTANCE, RecipientRole: jisrv1.Role_ROLE_SOCIAL_AFFAIRS,
			DataClasses: []jisrv1.DataClass{jisrv1.DataClass_DATA_CLASS_VICTIM_IDENTITY},
			Record:      jisrv1.ConsentRecord_builder{GivenBy: jisrv1.ConsentRecord_GIVEN_BY_PERSON, Explained: true, Note: c.Text}.Build(),
		}.Build(),
	}.Build()
	return w.book.note(c)
}

func (w *world) read(who, victim string) *call {
	return w.book.note(&call{Who: who, RPC: "CaseService/GetVictim", Request: jisrv1.GetVictimRequest_builder{Name: victim}.Build()})
}

// next is a desk's next call.
func (w *world) next(d *desk) *call {
	switch n := d.random.IntN(10); {
	case n < 2:
		return w.createVictim()
	case n < 5:
		return w.updateVictim(d.changed)
	case n < 6:
		return w.notify(w.knocks)
	case n < 7:
		return w.consent(d.consented)
	case n < 9:
		return w.read(jisrtest.Police, d.changed)
	default:
		return w.read(jisrtest.Judge, d.consented)
	}
}

// load keeps all desks busy until stop is closed or a call is not answered; a
// desk whose call was not answered does no more. It returns when all have ended.
func (x *exchange) load(w *world, stop <-chan struct{}) {
	clients := map[string]*jisrtest.Client{jisrtest.Police: x.as(jisrtest.Police), jisrtest.Judge: x.as(jisrtest.Judge)}
	most := bounded(x.t)
	var wg sync.WaitGroup
	for i := range w.desks {
		wg.Go(func() {
			for range 100_000 { // far more than a load's time lets a desk do
				select {
				case <-stop:
					return
				case <-most.Done():
					x.t.Error("nothing ended the load")
					return
				default:
				}
				c := w.next(&w.desks[i])
				if c.send(context.Background(), clients[c.Who]) != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}

// uuid is a request id.
func uuid() string {
	a, b := rand.Uint64(), rand.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(a), uint16(a>>32), uint16(a>>48)&0xfff, uint16(b)&0xfff, b>>16)
}
