package referrals

import (
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/lifecycle"
)

// Who may move a referral.
const (
	bySender   = "sender"
	byReceiver = "receiver"
	byServer   = "server"
)

type state = jisrv1.Referral_State

const (
	draft        = jisrv1.Referral_STATE_DRAFT
	sent         = jisrv1.Referral_STATE_SENT
	received     = jisrv1.Referral_STATE_RECEIVED
	accepted     = jisrv1.Referral_STATE_ACCEPTED
	rejected     = jisrv1.Referral_STATE_REJECTED
	returned     = jisrv1.Referral_STATE_RETURNED
	inProgress   = jisrv1.Referral_STATE_IN_PROGRESS
	completed    = jisrv1.Referral_STATE_COMPLETED
	discontinued = jisrv1.Referral_STATE_DISCONTINUED
	withdrawn    = jisrv1.Referral_STATE_WITHDRAWN
)

// Lifecycle is the referral's state machine: one sender, one receiver (HL7 BSeR
// and IHE 360X in the large; who may do what as the agencies agreed).
var Lifecycle = lifecycle.Table[state]{
	Record: "Referral",
	Steps: []lifecycle.Step[state]{
		{Verb: "Send", By: bySender, From: []state{draft, returned}, To: sent, Because: "a returned referral is sent again with what was missing"},
		{Verb: "Receive", By: byReceiver, From: []state{sent}, To: received, Because: "the receiver has it and evaluates"},
		{Verb: "Accept", By: byReceiver, From: []state{sent, received}, To: accepted, Because: "acceptance implies receipt"},
		{Verb: "Reject", By: byReceiver, From: []state{sent, received, accepted, inProgress}, To: rejected, Because: "a receiver may decline even after acceptance, with a reason (a full shelter)"},
		{Verb: "Return", By: byReceiver, From: []state{sent, received}, To: returned, Because: "information is missing"},
		{Verb: "Start", By: byReceiver, From: []state{accepted}, To: inProgress},
		{Verb: "Complete", By: byReceiver, From: []state{accepted, inProgress}, To: completed},
		{Verb: "Discontinue", By: byReceiver, From: []state{accepted, inProgress}, To: discontinued},
		{Verb: "Withdraw", By: bySender, From: []state{draft, sent, received, returned}, To: withdrawn, Because: "before acceptance the sender may take it back"},
		{Verb: "(consent ended)", By: byServer, From: []state{draft, sent, received, returned}, To: withdrawn, Because: "what rests on consent ends with it"},
		{Verb: "(consent ended)", By: byServer, From: []state{accepted, inProgress}, To: discontinued, Because: "what rests on consent ends with it"},
	},
}

// Open are the states in which a referral has not ended.
var Open = []state{draft, sent, received, returned, accepted, inProgress}

func ended(s state) bool {
	switch s {
	case rejected, completed, discontinued, withdrawn:
		return true
	}
	return false
}

// parties says what a caller is to a referral.
func parties(c *identity.Caller, r *jisrv1.Referral) (ps []string) {
	me := "agencies/" + c.Agency
	if r.GetSender() == me {
		ps = append(ps, bySender)
	}
	if r.GetReceiver() == me {
		ps = append(ps, byReceiver)
	}
	return ps
}
