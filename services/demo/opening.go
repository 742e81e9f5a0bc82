package demo

import (
	"fmt"
	"time"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/register"
)

// register brings a register in, as the police of the authority that
// administers most of its cases would.
func (s *story) register(plan *register.Plan) {
	own, other := police, erbil
	federal, region := administered(plan)
	routed := region
	if region > federal {
		own, other, routed = erbil, police, federal
	}
	s.t.chapter("1. A register comes in")
	var sum register.Summary
	if !s.quietly(own, "imports its register", func(c *client) (err error) {
		im := register.Importer{Cases: c, InFlight: 16, Timeout: patience, Names: register.NewNames()}
		sum, _, err = im.Run(s.ctx, plan)
		return err
	}) {
		return
	}
	s.t.did(own.short, fmt.Sprintf("imports its own register: %s read, %d in, %d rejected", counted(sum.Rows, "row"), sum.Imported, sum.Rejected))
	s.t.note("%s, %s, %s; names stay in the script of the register.", counted(sum.Cases, "case"), counted(sum.Victims, "victim"), counted(sum.Suspects, "suspect"))
	seen := ""
	for _, p := range []party{own, other} {
		var listed *jisrv1.ListCasesResponse
		if !s.quietly(p, "lists cases", func(c *client) (err error) {
			listed, err = c.ListCases(s.ctx, jisrv1.ListCasesRequest_builder{PageSize: 100}.Build())
			if err == nil && p == other {
				err = expect(len(listed.GetCases()) <= routed, "it sees cases of another jurisdiction")
			}
			return err
		}) {
			return
		}
		seen = fmt.Sprint(len(listed.GetCases()))
		if listed.GetNextPageToken() != "" {
			seen += " and more"
		}
		s.t.did(p.short, "asks for every case that it may know of: "+seen)
	}
	switch {
	case seen == "0":
		s.t.note("Federal police do not see the Kurdistan Region's cases, nor the reverse.")
	case other == erbil:
		s.t.note("The Kurdistan Region administers %s of the %d, which is why its police see that much: Aqra lies in Ninewa, but under the Region. "+
			"MoI sees what it owns, wherever it is; of the rest KRI learns nothing.", seen, sum.Cases)
	default:
		s.t.note("Federal Iraq administers %s of the %d, which is why its police see that much. KRI sees what it owns, wherever it is; of the rest MoI learns nothing.", seen, sum.Cases)
	}
}

// administered counts a plan's cases by the authority that administers them.
func administered(plan *register.Plan) (federal, region int) {
	for _, g := range plan.Groups {
		r, ok := g.Case.Request.(*jisrv1.CreateCaseRequest)
		if ok && r.GetCase().GetAdministeringAuthority() == jisrv1.Jurisdiction_JURISDICTION_KURDISTAN_REGION {
			region++
		} else {
			federal++
		}
	}
	return federal, region
}

// opening opens the case and tells those who must know.
func (s *story) opening() {
	s.t.chapter("2. A case is opened in Baghdad, and told to whom it concerns")
	s.step(police, "opens a case: trafficking in persons, domestic servitude", func(c *client) error {
		made, err := c.CreateCase(s.ctx, jisrv1.CreateCaseRequest_builder{Case: baghdadCase()}.Build())
		s.matter = made.GetName()
		return err
	})
	for i, into := range []*string{&s.first, &s.second} {
		v := person(i)
		s.step(police, fmt.Sprintf("adds victim %s: %s", [...]string{"one", "two"}[i], isolate(v.GetIdentity().GetFullName().GetOriginal())), func(c *client) error {
			made, err := c.CreateVictim(s.ctx, jisrv1.CreateVictimRequest_builder{Parent: s.matter, Victim: v}.Build())
			*into = made.GetName()
			return err
		})
	}
	accused := theSuspect(s.first)
	s.step(police, "adds a suspect, who endangers victim one: "+isolate(accused.GetIdentity().GetFullName().GetOriginal()), func(c *client) error {
		made, err := c.CreateSuspect(s.ctx, jisrv1.CreateSuspectRequest_builder{Parent: s.matter, Suspect: accused}.Build())
		s.suspect = made.GetName()
		return err
	})
	note := ""
	s.step(police, "notifies the judge, and MoFA since victim one is Ethiopian", func(c *client) error {
		sent, err := c.SendNotification(s.ctx, jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
			Case: s.matter, Victims: []string{s.first, s.second}, Subject: jisrv1.Notification_SUBJECT_NEW_CASE,
			Receivers: []string{judge.name(), foreign.name()},
			Message:   jisrv1.NotificationMessage_builder{Text: "Two women found in a house in Karrada; one needs shelter tonight."}.Build(),
		}.Build()}.Build())
		note = sent.GetName()
		return err
	})
	s.receive(judge)
	s.receive(foreign)
	s.step(police, "sees both receipts: ACKNOWLEDGED, ACKNOWLEDGED", func(c *client) error {
		n, err := c.GetNotification(s.ctx, jisrv1.GetNotificationRequest_builder{Name: note}.Build())
		for _, r := range n.GetReceipts() {
			if r.GetState() != jisrv1.Delivery_STATE_ACKNOWLEDGED {
				return fmt.Errorf("the receipt of %s is %s", r.GetAgency(), r.GetState())
			}
		}
		if err == nil {
			err = expect(len(n.GetReceipts()) == 2, "there are %d receipts", len(n.GetReceipts()))
		}
		return err
	})
	s.t.note("A receiver does not learn who else was told.")
}

// receive pulls a party's deliveries and acknowledges them.
func (s *story) receive(p party) {
	s.step(p, "pulls the notification, and what it may see with it; acknowledges", func(c *client) error {
		pulled, err := c.PullDeliveries(s.ctx, jisrv1.PullDeliveriesRequest_builder{Parent: p.name()}.Build())
		if err != nil {
			return err
		}
		if err := expect(len(pulled.GetDeliveries()) == 1, "there are %d deliveries", len(pulled.GetDeliveries())); err != nil {
			return err
		}
		_, err = c.AcknowledgeDeliveries(s.ctx, jisrv1.AcknowledgeDeliveriesRequest_builder{
			Parent: p.name(), Names: []string{pulled.GetDeliveries()[0].GetDelivery().GetName()},
		}.Build())
		return err
	})
}

// today and soon are dates of the story: near enough to the day it is played.
func today() string              { return time.Now().UTC().Format(time.DateOnly) }
func soon(days int) time.Time    { return time.Now().UTC().Truncate(time.Hour).AddDate(0, 0, days) }
func month(monthsAgo int) string { return time.Now().UTC().AddDate(0, -monthsAgo, 0).Format("2006-01") }
