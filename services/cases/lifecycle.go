package cases

import (
	"slices"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/lifecycle"
)

// Who may move a case, beside the server.
const (
	byOwner     = "owner"
	byRecipient = "linked investigator" // a body that must act: judge, prosecutor, counter-trafficking police
	byJudge     = "investigating judge"
	byServer    = "server"
)

// Lifecycle is the case's state machine, as far as the end of the investigation
// (Code of Criminal Procedure 23 of 1971).
var Lifecycle = lifecycle.Table[jisrv1.Case_State]{
	Record: "Case",
	Steps: []lifecycle.Step[jisrv1.Case_State]{
		{Verb: "Advance", By: byOwner, From: []jisrv1.Case_State{jisrv1.Case_STATE_DRAFT}, To: jisrv1.Case_STATE_NOTIFIED,
			Because: "whoever opened the case tells it to the body that must act"},
		{Verb: "(first notification)", By: byServer, From: []jisrv1.Case_State{jisrv1.Case_STATE_DRAFT}, To: jisrv1.Case_STATE_NOTIFIED,
			Because: "a notified case is notified"},
		{Verb: "Advance", By: byRecipient, From: []jisrv1.Case_State{jisrv1.Case_STATE_NOTIFIED}, To: jisrv1.Case_STATE_ACKNOWLEDGED,
			Because: "the body that must act has received it"},
		{Verb: "(acknowledgement)", By: byServer, From: []jisrv1.Case_State{jisrv1.Case_STATE_NOTIFIED}, To: jisrv1.Case_STATE_ACKNOWLEDGED,
			Because: "a body that must act acknowledged its delivery"},
		{Verb: "Advance", By: byJudge, From: []jisrv1.Case_State{jisrv1.Case_STATE_NOTIFIED, jisrv1.Case_STATE_ACKNOWLEDGED, jisrv1.Case_STATE_REOPENED}, To: jisrv1.Case_STATE_UNDER_INVESTIGATION,
			Because: "the initial investigation is the investigating judge's (article 51)"},
		{Verb: "Advance", By: byJudge, From: []jisrv1.Case_State{jisrv1.Case_STATE_UNDER_INVESTIGATION}, To: jisrv1.Case_STATE_REFERRED_TO_TRIAL,
			Because: "article 130"},
		{Verb: "Advance", By: byJudge, From: []jisrv1.Case_State{jisrv1.Case_STATE_UNDER_INVESTIGATION}, To: jisrv1.Case_STATE_CLOSED_INSUFFICIENT_EVIDENCE,
			Because: "article 130"},
		{Verb: "Advance", By: byJudge, From: []jisrv1.Case_State{jisrv1.Case_STATE_UNDER_INVESTIGATION}, To: jisrv1.Case_STATE_CLOSED_UNKNOWN_OFFENDER,
			Because: "article 130"},
		{Verb: "Advance", By: byJudge, From: []jisrv1.Case_State{jisrv1.Case_STATE_UNDER_INVESTIGATION}, To: jisrv1.Case_STATE_DISMISSED,
			Because: "article 130"},
		{Verb: "Advance", By: byJudge, From: []jisrv1.Case_State{jisrv1.Case_STATE_CLOSED_INSUFFICIENT_EVIDENCE, jisrv1.Case_STATE_CLOSED_UNKNOWN_OFFENDER, jisrv1.Case_STATE_DISMISSED}, To: jisrv1.Case_STATE_REOPENED,
			Because: "new facts; the judge alone reopens"},
	},
}

// mustAct are the roles whose receipt of a case moves it to ACKNOWLEDGED.
var mustAct = []jisrv1.Role{
	jisrv1.Role_ROLE_INVESTIGATING_JUDGE, jisrv1.Role_ROLE_PROSECUTOR,
	jisrv1.Role_ROLE_COUNTER_TRAFFICKING, jisrv1.Role_ROLE_ORGANISED_CRIME,
}

// MustAct reports whether a role's receipt of a case acknowledges it.
func MustAct(r jisrv1.Role) bool { return slices.Contains(mustAct, r) }

// working are the links that let a party act on a case.
var working = agreement.Links(jisrv1.Link_LINK_OWNER, jisrv1.Link_LINK_PARTICIPANT, jisrv1.Link_LINK_ASSIGNED,
	jisrv1.Link_LINK_NOTIFIED, jisrv1.Link_LINK_TERRITORY)

// parties says what a caller is to a case.
func parties(c *identity.Caller, s agreement.Standing) (ps []string) {
	for _, l := range s.Links {
		if l.Link == jisrv1.Link_LINK_OWNER {
			ps = append(ps, byOwner)
		}
		if !working.Has(l.Link) {
			continue
		}
		if MustAct(c.Role) && l.Link != jisrv1.Link_LINK_OWNER {
			ps = append(ps, byRecipient)
		}
		// A judge acts in the judge's own territory or where assigned, never as a mere participant.
		if c.Role == jisrv1.Role_ROLE_INVESTIGATING_JUDGE &&
			(l.Link == jisrv1.Link_LINK_TERRITORY || l.Link == jisrv1.Link_LINK_ASSIGNED) {
			ps = append(ps, byJudge)
		}
	}
	return ps
}

// progressOf is the three-value status of a state.
func progressOf(s jisrv1.Case_State) jisrv1.Case_Progress {
	switch s {
	case jisrv1.Case_STATE_DRAFT, jisrv1.Case_STATE_NOTIFIED, jisrv1.Case_STATE_ACKNOWLEDGED:
		return jisrv1.Case_PROGRESS_RECEIVED
	case jisrv1.Case_STATE_UNDER_INVESTIGATION, jisrv1.Case_STATE_REFERRED_TO_TRIAL, jisrv1.Case_STATE_REOPENED:
		return jisrv1.Case_PROGRESS_ACTED_ON
	}
	return jisrv1.Case_PROGRESS_CLOSED
}

// Notified moves a draft to NOTIFIED when it is first notified, and reports whether it moved.
func Notified(c *jisrv1.Case) bool { return serverStep(c, "(first notification)") }

// Acknowledged moves a notified case to ACKNOWLEDGED when a body that must act has received it.
func Acknowledged(c *jisrv1.Case) bool { return serverStep(c, "(acknowledgement)") }

func serverStep(c *jisrv1.Case, verb string) bool {
	next, err := Lifecycle.Go(c.GetState(), verb, []string{byServer}, nil, false)
	if err != nil {
		return false // another state: there is nothing to move
	}
	c.SetState(next)
	c.SetProgress(progressOf(next))
	return true
}

// ShareLifecycle is the share's state machine.
var ShareLifecycle = lifecycle.Table[jisrv1.Share_State]{
	Record: "Share",
	Steps: []lifecycle.Step[jisrv1.Share_State]{
		{Verb: "End", By: byOwner, From: []jisrv1.Share_State{jisrv1.Share_STATE_ACTIVE}, To: jisrv1.Share_STATE_ENDED,
			Because: "whoever shared a case may end the share"},
		{Verb: "(term passed)", By: byServer, From: []jisrv1.Share_State{jisrv1.Share_STATE_ACTIVE}, To: jisrv1.Share_STATE_ENDED,
			Because: "what it opened closed with its term"},
	},
}
