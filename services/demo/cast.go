package demo

import (
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/certs"
)

// party is one system of one agency, with the officer for whom it calls, the
// role it calls in and the purpose for which it does.
type party struct {
	short          string
	agency, system string
	officer        string
	role           jisrv1.Role
	purpose        jisrv1.Purpose
	// several: the certificate holds several roles, so the call has to say which.
	several bool
}

// The cast. Officers are opaque ids of their agency's own.
var (
	police = party{short: "MoI", agency: "moi-ct", system: "cases", officer: "ct-0214",
		role: jisrv1.Role_ROLE_COUNTER_TRAFFICKING, purpose: jisrv1.Purpose_PURPOSE_INVESTIGATION}
	judge = party{short: "Judge", agency: "sjc-rusafa-inv", system: "court", officer: "judge-03",
		role: jisrv1.Role_ROLE_INVESTIGATING_JUDGE, purpose: jisrv1.Purpose_PURPOSE_INVESTIGATION, several: true}
	prosecutor = party{short: "Prosc", agency: "sjc-rusafa-pp", system: "office", officer: "pp-17",
		role: jisrv1.Role_ROLE_PROSECUTOR, purpose: jisrv1.Purpose_PURPOSE_PROSECUTION}
	shelter = party{short: "MoLSA", agency: "molsa", system: "shelter", officer: "sw-0042",
		role: jisrv1.Role_ROLE_SOCIAL_AFFAIRS, purpose: jisrv1.Purpose_PURPOSE_PROTECTION}
	foreign = party{short: "MoFA", agency: "mofa", system: "consular", officer: "cons-8",
		role: jisrv1.Role_ROLE_FOREIGN_AFFAIRS, purpose: jisrv1.Purpose_PURPOSE_CONSULAR}
	hospital = party{short: "MoH", agency: "moh", system: "hospital", officer: "dr-311",
		role: jisrv1.Role_ROLE_HEALTH, purpose: jisrv1.Purpose_PURPOSE_ASSISTANCE}
	community = party{short: "CP", agency: "moi-cp", system: "station", officer: "cp-96",
		role: jisrv1.Role_ROLE_COMMUNITY_POLICE, purpose: jisrv1.Purpose_PURPOSE_IDENTIFICATION}
	monitor = party{short: "IHCHR", agency: "ihchr", system: "monitor", officer: "hr-5",
		role: jisrv1.Role_ROLE_HUMAN_RIGHTS, purpose: jisrv1.Purpose_PURPOSE_OVERSIGHT}
	erbil = party{short: "KRI", agency: "kri-dcoc", system: "erbil", officer: "oc-1203",
		role: jisrv1.Role_ROLE_ORGANISED_CRIME, purpose: jisrv1.Purpose_PURPOSE_INVESTIGATION}
	operations = party{short: "Ops", agency: "jisr-operations", system: "desk", officer: "op-1",
		role: jisrv1.Role_ROLE_OPERATIONS, purpose: jisrv1.Purpose_PURPOSE_OPERATIONS}
)

// cast is everybody, in the order of the story.
var cast = []party{police, judge, prosecutor, shelter, foreign, hospital, community, monitor, erbil, operations}

func clientsOf(cast []party) []certs.Client {
	clients := make([]certs.Client, len(cast))
	for i, p := range cast {
		clients[i] = certs.Client{Agency: p.agency, System: p.system}
	}
	return clients
}

// name is the agency's resource name.
func (p party) name() string { return "agencies/" + p.agency }
