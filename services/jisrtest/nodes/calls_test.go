package nodes_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

// call asks a party's node for one thing.
func call(ctx context.Context, c *jisrtest.Client, a asked, id string, o ...grpc.CallOption) (*jisrv1.Referral, error) {
	const why = jisrv1.Referral_END_REASON_NOT_NEEDED
	name, etag := a.referral, a.etag
	switch a.verb {
	case "":
		return c.GetReferral(ctx, jisrv1.GetReferralRequest_builder{Name: name}.Build(), o...)
	case "Send":
		return c.SendReferral(ctx, jisrv1.SendReferralRequest_builder{Name: name, Etag: etag, RequestId: id}.Build(), o...)
	case "Receive":
		return c.ReceiveReferral(ctx, jisrv1.ReceiveReferralRequest_builder{Name: name, Etag: etag, RequestId: id}.Build(), o...)
	case "Accept":
		return c.AcceptReferral(ctx, jisrv1.AcceptReferralRequest_builder{Name: name, Etag: etag, RequestId: id}.Build(), o...)
	case "Start":
		return c.StartReferral(ctx, jisrv1.StartReferralRequest_builder{Name: name, Etag: etag, RequestId: id}.Build(), o...)
	case "Return":
		return c.ReturnReferral(ctx, jisrv1.ReturnReferralRequest_builder{Name: name, Etag: etag, RequestId: id, Reason: jisrv1.Referral_END_REASON_INFORMATION_MISSING}.Build(), o...)
	case "Reject":
		return c.RejectReferral(ctx, jisrv1.RejectReferralRequest_builder{Name: name, Etag: etag, RequestId: id, Reason: jisrv1.Referral_END_REASON_NO_CAPACITY}.Build(), o...)
	case "Complete":
		return c.CompleteReferral(ctx, jisrv1.CompleteReferralRequest_builder{Name: name, Etag: etag, RequestId: id, Reason: jisrv1.Referral_END_REASON_NEED_MET}.Build(), o...)
	case "Discontinue":
		return c.DiscontinueReferral(ctx, jisrv1.DiscontinueReferralRequest_builder{Name: name, Etag: etag, RequestId: id, Reason: why}.Build(), o...)
	case "Withdraw":
		return c.WithdrawReferral(ctx, jisrv1.WithdrawReferralRequest_builder{Name: name, Etag: etag, RequestId: id, Reason: why}.Build(), o...)
	}
	return nil, fmt.Errorf("there is no verb %s", a.verb)
}

// uncertain reports whether an answer says that nobody knows: the exchange's own
// word, or that a connection broke or time ran out on the way.
func uncertain(err error, reason fault.Reason) bool {
	switch reason {
	case fault.OutcomeUnknown, fault.DeadlineExceeded, fault.Cancelled:
		return true
	case "":
		code := status.Code(err)
		return code == codes.Unavailable || code == codes.DeadlineExceeded || code == codes.Canceled
	}
	return false
}

// matter is a case with a person whom a judge lets be referred to the shelter.
type matter struct{ name, victim string }

func (h *house) matter() (m matter) {
	h.t.Helper()
	police, judge := h.nodes[0].as(jisrtest.Police), h.nodes[0].as(jisrtest.Judge)
	h.insist(func(ctx context.Context) error {
		c, err := police.CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: jisrtest.BaghdadCase()}.Build())
		m.name = c.GetName()
		return err
	})
	h.insist(func(ctx context.Context) error {
		v, err := police.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: m.name, Victim: jisrtest.Person(0)}.Build())
		m.victim = v.GetName()
		return err
	})
	h.insist(func(ctx context.Context) error {
		_, err := judge.IssueOrder(ctx, jisrv1.IssueOrderRequest_builder{Parent: m.name, Order: jisrv1.Order_builder{
			Kind: jisrv1.Order_KIND_SHELTER, Target: m.victim,
			Decision: jisrv1.Decision_builder{Court: "Rusafa", Number: "12/ت/2026", Date: "2026-11-22"}.Build(),
		}.Build()}.Build())
		return err
	})
	return m
}

// drafts are referrals of the person that nobody has sent yet.
func (h *house) drafts(m matter, n int) []string {
	h.t.Helper()
	names := make([]string, n)
	for i := range names {
		h.insist(func(ctx context.Context) error {
			r, err := h.nodes[0].as(jisrtest.Police).CreateReferral(ctx, jisrv1.CreateReferralRequest_builder{Parent: m.name, Referral: jisrv1.Referral_builder{
				Kind: jisrv1.Referral_KIND_SHELTER_PLACEMENT, Victim: m.victim, Receiver: "agencies/molsa",
				Request: jisrv1.ReferralRequest_builder{Text: "request text"}.Build(),
			}.Build()}.Build())
			names[i] = r.GetName()
			return err
		})
	}
	return names
}

// insist makes a call until it is done: connections that were cut before are
// noticed by the calls that use them.
func (h *house) insist(call func(context.Context) error) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		err := call(ctx)
		if err != nil && undone(jisrtest.Reason(err)) {
			continue
		}
		h.must(err)
		return
	}
}

// explained asks porcupine for an order of the calls in which everyone was told
// what was so at a moment of the call.
func (h *history) explained(t testing.TB) bool {
	t.Helper()
	result := porcupine.CheckOperationsTimeout(referralModel, h.done, limit)
	if result == porcupine.Unknown {
		t.Fatalf("%d calls, %d of them open, are too many to be looked through", len(h.done), h.open)
	}
	return result == porcupine.Ok
}

// drawn draws the history for a browser, and says where.
func (h *history) drawn(t testing.TB) string {
	t.Helper()
	path := filepath.Join(os.TempDir(), fmt.Sprintf("jisr-history-%d.html", time.Now().UnixNano()))
	_, info := porcupine.CheckOperationsVerbose(referralModel, h.done, limit)
	if err := porcupine.VisualizePath(referralModel, info, path); err != nil {
		t.Error(err)
	}
	return path
}

// uuid is a request id.
func uuid(r *rand.Rand) string {
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(a), uint16(a>>32), uint16(a>>48)&0xfff, uint16(b)&0xfff, b>>16)
}
