package notifications

import (
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/lifecycle"
)

const (
	byReceiver = "receiver"
	byServer   = "server"
)

type state = jisrv1.Delivery_State

const (
	pending      = jisrv1.Delivery_STATE_PENDING
	leased       = jisrv1.Delivery_STATE_LEASED
	acknowledged = jisrv1.Delivery_STATE_ACKNOWLEDGED
	recalled     = jisrv1.Delivery_STATE_RECALLED
)

// Lifecycle is the delivery's state machine.
var Lifecycle = lifecycle.Table[state]{
	Record: "Delivery",
	Steps: []lifecycle.Step[state]{
		{Verb: "Pull", By: byReceiver, From: []state{pending, leased}, To: leased, Because: "a lease that ran out is handed out again"},
		{Verb: "Acknowledge", By: byReceiver, From: []state{leased}, To: acknowledged, Because: "received"},
		{Verb: "(nothing to show)", By: byServer, From: []state{pending, leased}, To: recalled, Because: "the receiver may no longer know of the matter"},
	},
}
