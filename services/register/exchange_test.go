package register_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/register"
)

// exchange stands in for the exchange: it keeps what it is sent, answers a
// repeated request id as the first time, and can be told to refuse.
type exchange struct {
	mu     sync.Mutex
	sent   []proto.Message
	bodies map[string][]byte
	made   map[string]*jisrv1.Case // header by request id
	refuse func(proto.Message) error
}

func newExchange() *exchange {
	return &exchange{bodies: make(map[string][]byte), made: make(map[string]*jisrv1.Case)}
}

type identified interface {
	proto.Message
	GetRequestId() string
}

func (x *exchange) create(request identified, name string) (*jisrv1.Case, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sent = append(x.sent, proto.Clone(request))
	if x.refuse != nil {
		if err := x.refuse(request); err != nil {
			return nil, err
		}
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		return nil, err
	}
	if first, ok := x.bodies[request.GetRequestId()]; ok {
		if !bytes.Equal(first, body) {
			return nil, refusal(fault.New(fault.RequestIDReused))
		}
		return x.made[request.GetRequestId()], nil
	}
	x.bodies[request.GetRequestId()] = body
	header := jisrv1.Case_builder{Name: fmt.Sprintf(name, newID(len(x.made))), CreateTime: timestamppb.Now()}.Build()
	x.made[request.GetRequestId()] = header
	return header, nil
}

// newID writes a number as an id of the contract's form.
func newID(n int) string {
	const digits = "abcdefghijklmnop"
	id := []byte(strings.Repeat("a", 26))
	for i := 25; n > 0; i-- {
		id[i] = digits[n%16]
		n /= 16
	}
	return string(id)
}

func (x *exchange) CreateCase(_ context.Context, r *jisrv1.CreateCaseRequest, _ ...grpc.CallOption) (*jisrv1.Case, error) {
	return x.create(r, "cases/%s")
}

func (x *exchange) CreateVictim(_ context.Context, r *jisrv1.CreateVictimRequest, _ ...grpc.CallOption) (*jisrv1.Victim, error) {
	c, err := x.create(r, r.GetParent()+"/victims/%s")
	if err != nil {
		return nil, err
	}
	return jisrv1.Victim_builder{Name: c.GetName(), CreateTime: c.GetCreateTime()}.Build(), nil
}

func (x *exchange) CreateSuspect(_ context.Context, r *jisrv1.CreateSuspectRequest, _ ...grpc.CallOption) (*jisrv1.Suspect, error) {
	c, err := x.create(r, r.GetParent()+"/suspects/%s")
	if err != nil {
		return nil, err
	}
	return jisrv1.Suspect_builder{Name: c.GetName(), CreateTime: c.GetCreateTime()}.Build(), nil
}

func refusal(f *fault.Fault) error { return f.GRPCStatus().Err() }

// requestIDs are the request ids of all calls, in order of arrival.
func (x *exchange) requestIDs() []string {
	var ids []string
	for _, m := range x.sent {
		ids = append(ids, m.(identified).GetRequestId())
	}
	return ids
}

// importer sends one case at a time, so that the order of calls is the register's.
func (x *exchange) importer() *register.Importer {
	return &register.Importer{Cases: x, InFlight: 1, Timeout: time.Minute, Names: register.NewNames()}
}

func mapping(t *testing.T, text string) *register.Mapping {
	t.Helper()
	m, err := register.ReadMapping(strings.NewReader(text))
	if err != nil {
		t.Fatalf("mapping:\n%v", err)
	}
	return m
}

func plan(t *testing.T, m *register.Mapping, csv string) *register.Plan {
	t.Helper()
	p, err := m.Plan(strings.NewReader(csv))
	if err != nil {
		t.Fatalf("plan:\n%v", err)
	}
	return p
}

// small is a mapping of a register with few columns, for one thing at a time.
const small = `register: small
id: id
case: case
not_stated: ["-99", NA]
persons:
  victim: {columns: [role], is: [victim, ضحية]}
  suspect: {columns: [role], is: [suspect]}
  every_row: true
constants:
  case.crime_type: TRAFFICKING_IN_PERSONS
  case.administering_authority: KURDISTAN_REGION
  victim.person_role: VICTIM
fields:
  - {from: place, to: case.governorate, values: {Erbil: IQG11, أربيل: IQG11, Duhok: IQG09}}
  - {from: forms, to: case.core.exploitation_forms, split: ";", values: {labour: FORCED_LABOUR, begging: FORCED_BEGGING}}
  - {from: minor, to: victim.profile.minor, values: {"yes": "YES", "no": "NO"}}
  - {from: born, to: victim.identity.birth_date, date: [D/M/YYYY, YYYY]}
  - {from: name, to: victim.identity.full_name.original}
  - {from: name, to: suspect.identity.full_name.original}
`

const smallHeader = "id,case,place,forms,role,minor,born,name\n"
