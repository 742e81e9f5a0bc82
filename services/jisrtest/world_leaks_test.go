package jisrtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/record"
)

// Controls of the drawn worlds: servers that leak. Each leak takes something
// from the exchange's own database, as a careless line of the server would, and
// puts it into what the onlooker gets. It is the same in both worlds; only what
// is hidden makes it show, so the scripts must have varied just that.

// leak is one careless line.
type leak struct {
	name string
	role jisrv1.Role
	// in is the rpc whose answers it spoils.
	in string
	// spoil changes what an answer holds.
	spoil func(inside, *take)
}

// inside is the exchange's database, read past all gates.
type inside struct {
	t testing.TB
	x *jisrtest.Exchange
}

func (w *world) inside() inside { return inside{w.t, w.x} }

func (i inside) number(query string, args ...any) (n int64) {
	i.t.Helper()
	for _, row := range i.x.Rows(query, args...) {
		n = row.Number(0)
	}
	return n
}

// told is when a section of a record was told last.
func (i inside) told(name string, section string) (last int64) {
	i.t.Helper()
	n, _ := record.ParseName(name)
	field := n.Type.New().ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(section))
	for _, row := range i.x.Rows("SELECT envelope FROM records WHERE name = ?", name) {
		e, err := record.ParseEnvelope(row.Bytes(0))
		if err != nil {
			i.t.Fatal(err)
		}
		for _, part := range e.Sections {
			if part.Number == field.Number() {
				last = part.Time
			}
		}
	}
	return last
}

// reply spoils an answer's first message.
func reply[M proto.Message](m M, spoil func(inside, M)) func(inside, *take) {
	return func(i inside, k *take) {
		if len(k.messages) == 0 {
			return
		}
		got := proto.Clone(m).(M)
		if err := proto.Unmarshal(k.messages[0], got); err != nil {
			i.t.Fatal(err)
		}
		spoil(i, got)
		k.messages = append([][]byte{encode(i.t, got)}, k.messages[1:]...)
	}
}

// refusal spoils the refusal of a record that is there.
func refusal(spoil func(*statuspb.Status, int64)) func(inside, *take) {
	return func(i inside, k *take) {
		_, name, _ := strings.Cut(k.label, "name=")
		if len(k.messages) > 0 || i.number("SELECT count(*) FROM records WHERE name = ?", name) == 0 {
			return
		}
		s := &statuspb.Status{}
		if err := proto.Unmarshal(k.status, s); err != nil {
			i.t.Fatal(err)
		}
		spoil(s, i.number("SELECT state FROM records WHERE name = ?", name))
		k.status = encode(i.t, s)
	}
}

const revision = "SELECT revision FROM records WHERE name = ?"

var leaks = []leak{
	{"an etag over hidden sections", jisrv1.Role_ROLE_FOREIGN_AFFAIRS, "CaseService/GetVictim ", reply(&jisrv1.Victim{}, func(i inside, v *jisrv1.Victim) {
		v.SetEtag(fmt.Sprint(i.number(revision, v.GetName())))
	})},
	{"a count of all rows", jisrv1.Role_ROLE_FOREIGN_AFFAIRS, "CaseService/ListVictims ", func(i inside, k *take) {
		k.header.Set("x-total-size", fmt.Sprint(i.number("SELECT count(*) FROM records WHERE type = 'Victim'")))
	}},
	{"a sort by the last change of a hidden section", prosecutor, "CaseService/ListVictims ", reply(&jisrv1.ListVictimsResponse{}, func(i inside, r *jisrv1.ListVictimsResponse) {
		slices.SortStableFunc(r.GetVictims(), func(a, b *jisrv1.Victim) int {
			return int(i.told(a.GetName(), "location") - i.told(b.GetName(), "location"))
		})
	})},
	{"a reason of its own for what is there", jisrv1.Role_ROLE_FOREIGN_AFFAIRS, "CaseService/GetCase ", refusal(func(s *statuspb.Status, _ int64) {
		s.Code = int32(codes.PermissionDenied)
	})},
	{"a time of the last hidden change", jisrv1.Role_ROLE_FOREIGN_AFFAIRS, "CaseService/GetVictim ", reply(&jisrv1.Victim{}, func(i inside, v *jisrv1.Victim) {
		v.SetUpdateTime(&timestamppb.Timestamp{Seconds: i.told(v.GetName(), "location") / 1e6})
	})},
	{"an error that tells the state", jisrv1.Role_ROLE_FOREIGN_AFFAIRS, "OrderService/RevokeOrder ", refusal(func(s *statuspb.Status, state int64) {
		s.Message += fmt.Sprintf(" (state %d)", state)
	})},
	{"a token as long as what is hidden", prosecutor, "CaseService/ListVictims ", reply(&jisrv1.ListVictimsResponse{}, func(i inside, r *jisrv1.ListVictimsResponse) {
		r.SetNextPageToken(r.GetNextPageToken() + strings.Repeat("A", int(i.number("SELECT count(*) FROM records"))))
	})},
	{"a header field that is not the role's", jisrv1.Role_ROLE_RESIDENCY, "CaseService/GetCase ", reply(&jisrv1.Case{}, func(i inside, c *jisrv1.Case) {
		c.SetState(jisrv1.Case_State(i.number("SELECT state FROM records WHERE name = ?", c.GetName())))
	})},
	{"a log entry about another matter", police, "AuditService/ListLogEntries ", reply(&jisrv1.ListLogEntriesResponse{}, func(i inside, r *jisrv1.ListLogEntriesResponse) {
		for range i.number("SELECT count(*) FROM log_entries") {
			r.SetLogEntries(append(r.GetLogEntries(), &jisrv1.LogEntry{}))
		}
	})},
	{"a withheld reason that tells of a change", jisrv1.Role_ROLE_FOREIGN_AFFAIRS, "CaseService/GetVictim ", reply(&jisrv1.Victim{}, func(i inside, v *jisrv1.Victim) {
		for _, h := range v.GetWithheld() {
			h.SetReason(jisrv1.Withholding_Reason(i.number(revision, v.GetName())))
		}
	})},
	{"a receipt that counts the log", jisrv1.Role_ROLE_RESIDENCY, "CaseService/GetCase ", func(i inside, k *take) {
		k.header.Set("jisr-log-receipt", fmt.Sprint(i.number("SELECT count(*) FROM log_entries")))
	}},
	{"a message for each hidden record of a file", prosecutor, "CaseService/GetCaseFile ", func(i inside, k *take) {
		for range i.number("SELECT count(*) FROM records WHERE type = 'Share'") {
			k.messages = append(k.messages, nil)
		}
	}},
	{"an id in order", police, "CaseService/CreateCase ", reply(&jisrv1.Case{}, func(i inside, c *jisrv1.Case) {
		c.SetName(fmt.Sprintf("cases/%d", i.number("SELECT count(*) FROM records WHERE type = 'Case'")))
	})},
	{"a filter by a hidden state", jisrv1.Role_ROLE_RESIDENCY, "CaseService/ListCases state=", reply(&jisrv1.ListCasesResponse{}, func(i inside, r *jisrv1.ListCasesResponse) {
		r.SetCases(make([]*jisrv1.Case, i.number("SELECT count(*) FROM records WHERE type = 'Case' AND state = ?", int(jisrv1.Case_STATE_UNDER_INVESTIGATION))))
	})},
	{"a delivery's number that counts everybody's", jisrv1.Role_ROLE_RESIDENCY, "NotificationService/PullDeliveries ", reply(&jisrv1.PullDeliveriesResponse{}, func(i inside, r *jisrv1.PullDeliveriesResponse) {
		for _, d := range r.GetDeliveries() {
			d.GetDelivery().SetNumber(i.number("SELECT count(*) FROM deliveries"))
		}
	})},
}

// drip keeps, beside what came, what would have come from servers that leak.
type drip struct {
	leaks   []leak
	inside  inside
	spoiled [][]take // by leak
}

func (d *drip) keep(got take) {
	for n, l := range d.leaks {
		spoiled := got
		if strings.HasPrefix(got.label+" ", l.in) {
			spoiled.header = got.header.Copy()
			l.spoil(d.inside, &spoiled)
		}
		d.spoiled[n] = append(d.spoiled[n], spoiled)
	}
}

func TestEveryKindOfLeakShowsInDrawnWorlds(t *testing.T) {
	if len(leaks) < 10 {
		t.Fatal("too few kinds of leaks are tried")
	}
	for _, role := range []jisrv1.Role{jisrv1.Role_ROLE_FOREIGN_AFFAIRS, jisrv1.Role_ROLE_RESIDENCY, prosecutor, police} {
		var of []leak
		for _, l := range leaks {
			if l.role == role {
				of = append(of, l)
			}
		}
		t.Run(agreement.RoleName(role), func(t *testing.T) {
			o := onlookerIn(t, role)
			for seed := uint64(1); len(of) > 0 && seed <= 6; seed++ {
				of = unnoticedLeaks(t, draw(seed, o, !o.audits()), of)
			}
			for _, l := range of {
				t.Errorf("%s: nobody noticed", l.name)
			}
		})
	}
}

// unnoticedLeaks returns those of some leaks that one script does not show.
func unnoticedLeaks(t *testing.T, s *script, of []leak) (left []leak) {
	t.Helper()
	second, secondDrip := s.drip(t, true, of)
	first, firstDrip := s.drip(t, false, of)
	if found := compare(first.tape.takes, second.tape.takes); len(found) > 0 {
		t.Fatalf("the worlds can be told apart without a leak: %v", found)
	}
	for n, l := range of {
		found := compare(firstDrip.spoiled[n], secondDrip.spoiled[n])
		if len(found) == 0 {
			left = append(left, l)
		}
		for _, d := range found {
			if !strings.HasPrefix(d, strings.TrimSpace(l.in)) {
				t.Errorf("%s: noticed in %q", l.name, d)
			}
		}
	}
	return left
}

// drip plays the script in one world whose server has those leaks.
func (s *script) drip(t *testing.T, second bool, leaks []leak) (*world, *drip) {
	t.Helper()
	d := &drip{leaks: leaks, spoiled: make([][]take, len(leaks))}
	return s.play(t, second, true, func(w *world) {
		d.inside = w.inside()
		w.tape.aside = d.keep
	}), d
}
