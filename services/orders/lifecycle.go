package orders

import (
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/lifecycle"
)

// byJudge is a judge or court that may decide in the case.
const byJudge = "deciding judge"

const byServer = "server"

type state = jisrv1.Order_State

const (
	inForce = jisrv1.Order_STATE_IN_FORCE
	revoked = jisrv1.Order_STATE_REVOKED
	lapsed  = jisrv1.Order_STATE_LAPSED
)

// Lifecycle is the order's state machine.
var Lifecycle = lifecycle.Table[state]{
	Record: "Order",
	Steps: []lifecycle.Step[state]{
		{Verb: "Revoke", By: byJudge, From: []state{inForce}, To: revoked, Because: "a seal is lifted by an UNSEAL order instead, with its own reason"},
		{Verb: "(term passed)", By: byServer, From: []state{inForce}, To: lapsed, Because: "what it opened closed with its term; a seal never lapses"},
		{Verb: "(seal lifted)", By: byServer, From: []state{inForce}, To: revoked, Because: "an UNSEAL order ends the seal"},
		{Verb: "(seal replaced)", By: byServer, From: []state{inForce}, To: revoked, Because: "a new SEAL order names others in its place, with no moment between"},
	},
}
