package consents

import (
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/lifecycle"
)

// byCollector is whoever may tell a consent's scope: the write lens decides.
const byCollector = "collector"

const byServer = "server"

type state = jisrv1.Consent_State

const (
	requested   = jisrv1.Consent_STATE_REQUESTED
	given       = jisrv1.Consent_STATE_GIVEN
	refused     = jisrv1.Consent_STATE_REFUSED
	notRequired = jisrv1.Consent_STATE_NOT_REQUIRED
	withdrawn   = jisrv1.Consent_STATE_WITHDRAWN
	expired     = jisrv1.Consent_STATE_EXPIRED
)

// Lifecycle is the consent's state machine (IOM data-protection principle 4).
var Lifecycle = lifecycle.Table[state]{
	Record: "Consent",
	Steps: []lifecycle.Step[state]{
		{Verb: "Record", By: byCollector, From: []state{requested}, To: given},
		{Verb: "Record", By: byCollector, From: []state{requested}, To: refused},
		{Verb: "Record", By: byCollector, From: []state{requested}, To: notRequired, Because: "a child, a life in danger, or a duty by law, as recorded"},
		{Verb: "Withdraw", By: byCollector, From: []state{given, notRequired}, To: withdrawn, Because: "withdrawal acts on the next read; a child's basis lapses at adulthood"},
		{Verb: "(term passed)", By: byServer, From: []state{given, notRequired}, To: expired, Because: "what it opened closed with its term"},
	},
}
