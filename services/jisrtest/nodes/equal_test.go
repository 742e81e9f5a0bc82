package nodes_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/disclosure"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// equal is one request as often as it is sent, and all answers to it.
type equal struct {
	method  string
	request proto.Message
	reply   func() proto.Message
}

// at sends it to a node, and returns what was answered under which receipt.
func (e equal) at(n *node) (proto.Message, string, error) {
	var header metadata.MD
	reply := e.reply()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := n.as(jisrtest.Police).Conn.Invoke(ctx, "/jisr.v1."+e.method, e.request, reply, grpc.Header(&header))
	if err != nil {
		return nil, "", err
	}
	return reply, header.Get(disclosure.ReceiptHeader)[0], nil
}

func TestAHundredEqualCallsToTwoNodesHaveOneEffectAndOneAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, throwaway.Durable(t)).open(2)
	m := h.matter()
	draft := h.drafts(m, 1)[0]
	const id = "6f9619ff-8b86-4d01-b42d-00c04fc964ff"
	create := jisrv1.CreateVictimRequest_builder{Parent: m.name, Victim: jisrtest.Person(1), RequestId: id}.Build()
	for _, e := range []equal{
		{"CaseService/CreateVictim", create, func() proto.Message { return &jisrv1.Victim{} }},
		{"ReferralService/SendReferral", jisrv1.SendReferralRequest_builder{Name: draft, RequestId: id}.Build(), func() proto.Message { return &jisrv1.Referral{} }},
		{"NotificationService/SendNotification", jisrv1.SendNotificationRequest_builder{Notification: jisrv1.Notification_builder{
			Case: m.name, Subject: jisrv1.Notification_SUBJECT_NEW_CASE, Receivers: []string{"agencies/sjc-rusafa-inv"},
		}.Build(), RequestId: id}.Build(), func() proto.Message { return &jisrv1.Notification{} }},
	} {
		before := h.changed(e.method)
		const calls = 100
		replies, receipts := make([]proto.Message, calls), make([]string, calls)
		begin := make(chan struct{})
		var all sync.WaitGroup
		for i := range calls {
			all.Go(func() {
				<-begin
				var err error
				if replies[i], receipts[i], err = e.at(h.nodes[i%2]); err != nil {
					t.Errorf("%s: %v", e.method, err)
				}
			})
		}
		close(begin)
		all.Wait()
		if t.Failed() {
			t.Fatal(h.logged())
		}
		for i := range calls {
			if receipts[i] != receipts[0] || !proto.Equal(replies[i], replies[0]) {
				t.Errorf("%s: equal calls were answered under %s and %s", e.method, receipts[0], receipts[i])
			}
		}
		if got := h.changed(e.method) - before; got != 1 {
			t.Errorf("%s: equal calls were done %d times", e.method, got)
		}
	}
	// Control: another body, and another id.
	other := proto.CloneOf(create)
	other.GetVictim().GetRisk().SetAssessment("another")
	e := equal{"CaseService/CreateVictim", other, func() proto.Message { return &jisrv1.Victim{} }}
	for _, n := range h.nodes {
		_, _, err := e.at(n)
		jisrtest.Refused(t, err, fault.RequestIDReused)
	}
	before := h.changed(e.method)
	for i, n := range h.nodes {
		other.SetRequestId("6f9619ff-8b86-4d01-b42d-00c04fc9650" + string(rune('0'+i)))
		if _, _, err := e.at(n); err != nil {
			t.Error(err)
		}
	}
	if got := h.changed(e.method) - before; got != 2 {
		t.Errorf("two requests were done %d times", got)
	}
}

// changed counts the entries of what an rpc has changed.
func (h *house) changed(method string) (count int) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, h.cases)
	h.must(err)
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT leaf FROM log_entries")
	h.must(err)
	leaves, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	h.must(err)
	for _, leaf := range leaves {
		m := &jisrv1.LogLeaf{}
		h.must(proto.Unmarshal(leaf, m))
		if m.GetKind() == jisrv1.LogEntry_KIND_CHANGED && m.GetRpc() == method {
			count++
		}
	}
	return count
}
