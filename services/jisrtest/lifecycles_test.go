package jisrtest_test

import (
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/cases"
	"github.com/jisr-exchange/jisr/services/consents"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/notifications"
	"github.com/jisr-exchange/jisr/services/orders"
	"github.com/jisr-exchange/jisr/services/referrals"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestLifeCyclesAreWhatTheyWereAgreedToBe(t *testing.T) {
	printed := strings.Join([]string{
		cases.Lifecycle.Print(), cases.ShareLifecycle.Print(), referrals.Lifecycle.Print(),
		consents.Lifecycle.Print(), orders.Lifecycle.Print(), notifications.Lifecycle.Print(),
	}, "\n")
	golden := filepath.Join("testdata", "lifecycles.golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(printed), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if printed != string(want) {
		t.Errorf("a life cycle has changed; if it was meant to, run this test with -update and argue it in review.\n%s", printed)
	}
}

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

// move is what the domain lets a party do with a referral.
type move struct {
	verb, by string
	from     []jisrv1.Referral_State
	to       jisrv1.Referral_State
}

// moves are the referral's machine as the domain describes it: the sender has
// it until acceptance, the receiver from then on, and may decline even then.
// Whoever declines or returns what was only sent has received it by that.
var moves = []move{
	{"Send", "sender", []jisrv1.Referral_State{draft, returned}, sent},
	{"Withdraw", "sender", []jisrv1.Referral_State{draft, sent, received, returned}, withdrawn},
	{"Receive", "receiver", []jisrv1.Referral_State{sent}, received},
	{"Accept", "receiver", []jisrv1.Referral_State{sent, received}, accepted},
	{"Reject", "receiver", []jisrv1.Referral_State{sent, received, accepted, inProgress}, rejected},
	{"Return", "receiver", []jisrv1.Referral_State{sent, received}, returned},
	{"Start", "receiver", []jisrv1.Referral_State{accepted}, inProgress},
	{"Complete", "receiver", []jisrv1.Referral_State{accepted, inProgress}, completed},
	{"Discontinue", "receiver", []jisrv1.Referral_State{accepted, inProgress}, discontinued},
}

func next(state jisrv1.Referral_State, verb, by string) (jisrv1.Referral_State, bool) {
	for _, m := range moves {
		if m.verb == verb && m.by == by && slices.Contains(m.from, state) {
			return m.to, true
		}
	}
	return state, false
}

func verbs() (all []string) {
	for _, m := range moves {
		all = append(all, m.verb)
	}
	return all
}

// TestWhateverAnybodyTriesAReferralStaysOnItsTracks lets sender, receiver, the
// judge and a bystander try any verb in any order on real referrals.
func TestWhateverAnybodyTriesAReferralStaysOnItsTracks(t *testing.T) {
	p := baghdad(t)
	p.Notify("momd/desk")
	parties := map[string]*jisrtest.Client{
		"sender": policeOf(p), "receiver": p.As(jisrtest.NGO), "judge": judgeOf(p), "bystander": p.As("momd/desk"),
	}
	who := rapid.SampledFrom([]string{"sender", "sender", "receiver", "receiver", "receiver", "judge", "bystander"})
	rapid.Check(t, func(rt *rapid.T) {
		r := got(policeOf(p).CreateReferral(ctx, draftOf(p, jisrv1.Referral_KIND_INTERPRETER, "agencies/iom")))(t)
		at, everSent := draft, false
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			by, verb := who.Draw(rt, "by"), rapid.SampledFrom(verbs()).Draw(rt, "verb")
			state, err := step(t, parties[by], verb, r.GetName())
			to, may := next(at, verb, by)
			switch {
			case may && (err != nil || state != to):
				rt.Fatalf("%s by %s from %s: %s, %v; want %s", verb, by, at, state, err, to)
			case may:
				at, everSent = to, everSent || to == sent
			case err == nil:
				rt.Fatalf("%s by %s from %s led to %s", verb, by, at, state)
			default:
				want := fault.TransitionNotAllowed
				if by == "bystander" || by == "receiver" && !everSent {
					want = fault.NotFound
				}
				if reason := jisrtest.Reason(err); reason != want {
					rt.Fatalf("%s by %s from %s: %s, want %s", verb, by, at, reason, want)
				}
			}
			if now := got(getReferral(parties["sender"], r.GetName()))(t); now.GetState() != at || now.HasEndTime() != terminal(at) {
				rt.Fatalf("after %s by %s: %s, ended %v; want %s", verb, by, now.GetState(), now.HasEndTime(), at)
			}
		}
	})
}

func terminal(s jisrv1.Referral_State) bool {
	return slices.Contains([]jisrv1.Referral_State{rejected, completed, discontinued, withdrawn}, s)
}

// step takes one step by its verb.
func step(t testing.TB, c *jisrtest.Client, verb, name string) (jisrv1.Referral_State, error) {
	in, _, _ := methodTypes(t, "ReferralService/"+verb+"Referral")
	request, reply := in.New(), &jisrv1.Referral{}
	set(request, "name", name)
	set(request, "reason", jisrv1.Referral_END_REASON_OTHER)
	err := c.Conn.Invoke(ctx, "/jisr.v1.ReferralService/"+verb+"Referral", request.Interface(), reply)
	return reply.GetState(), err
}

// TestEveryTransitionOfBSeRHasItsCounterpart holds the referral's machine
// against the transitions of HL7 BSeR as harmonised with IHE 360X.
func TestEveryTransitionOfBSeRHasItsCounterpart(t *testing.T) {
	file, err := os.Open(filepath.Join(jisrtest.Root(), "..", "shared", "data", "bser_harmonized_transitions.csv"))
	if os.IsNotExist(err) {
		t.Skip("the table of BSeR's transitions is not beside this repository")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	party := map[string]string{"initiator": "sender", "recipient": "receiver"}
	for _, row := range rows[1:] {
		id, actor, event := row[0], party[row[1]], row[2]
		from, to := bser(row[3]), bser(row[4])
		switch {
		case argued(from, to, event) != "":
			t.Logf("%s %s, %s -> %s: %s", id, event, row[3], row[4], argued(from, to, event))
		case !led(actor, from, to):
			t.Errorf("%s: %s by the %s leads BSeR from %s to %s, and nothing does here", id, event, actor, row[3], row[4])
		}
	}
	if len(rows) != 35 {
		t.Errorf("%d rows, not 34 and a header", len(rows))
	}
}

const cancelling = "cancellation"

// bser are our states for one of BSeR's; its inner ones of a visit are all IN_PROGRESS.
func bser(status string) []string {
	code, _, _ := strings.Cut(status, " ")
	switch {
	case code == "1":
		return []string{"DRAFT"}
	case code == "2":
		return []string{"SENT", "RECEIVED"}
	case code == "3":
		return []string{"ACCEPTED"}
	case code == "4":
		return []string{"REJECTED"}
	case strings.HasPrefix(code, "5.1"):
		return []string{"IN_PROGRESS"}
	case code == "5.2", code == "6":
		return []string{cancelling}
	}
	return []string{"COMPLETED"}
}

// argued says why a transition of BSeR has no counterpart of its own here.
func argued(from, to []string, event string) string {
	if slices.Equal(from, to) && from[0] == "IN_PROGRESS" {
		return "visits, no-shows and notes inside a referral are told in its outcome and logistics; the state stays"
	}
	if _, offered := jisrv1.Referral_State_value["STATE_CANCELLATION_REQUESTED"]; offered {
		return "" // once the state is in the contract, its transitions must be too
	}
	switch {
	case from[0] == "SENT" && to[0] == cancelling:
		return "before acceptance the sender needs nobody's leave: Withdraw"
	case to[0] == cancelling || from[0] == cancelling:
		return "after acceptance the receiver, in whose care the person is, ends a referral: Discontinue; to ask for it is not in this contract yet"
	}
	return ""
}

// led reports whether one verb of the party, or two of which the first is only receipt, leads there.
func led(by string, from, to []string) bool {
	for _, s := range referrals.Lifecycle.Steps {
		starts := slices.ContainsFunc(s.From, func(f jisrv1.Referral_State) bool {
			return slices.Contains(from, strings.TrimPrefix(f.String(), "STATE_"))
		})
		if s.By == by && starts && slices.Contains(to, strings.TrimPrefix(s.To.String(), "STATE_")) {
			return true
		}
	}
	return false
}
