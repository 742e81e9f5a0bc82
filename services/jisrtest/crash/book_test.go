package crash_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/disclosure"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/record"
)

// call is one call of an agency, and what came of it.
type call struct {
	// ID is the call's officer: so the access log names every call.
	ID string
	// Who calls, as "agency/system".
	Who string
	// RPC is the method, as `CaseService/GetVictim`.
	RPC string
	// Request is what is asked; a change names a request id.
	Request proto.Message
	// Text is what a change tells and nobody else tells.
	Text string

	// Tries counts how often it was sent.
	Tries int
	// Err is the last answer's error; Reply, Record and Receipt are the answer's.
	Err     error
	Reply   proto.Message
	Record  string
	Receipt string
}

// answered reports whether a reply was received.
func (c *call) answered() bool { return c.Receipt != "" }

// reads reports whether the call changes nothing.
func (c *call) reads() bool { return strings.Contains(c.RPC, "/Get") }

// refused reports whether the exchange said that nothing was done.
func (c *call) refused() bool {
	switch jisrtest.Reason(c.Err) {
	case "", fault.OutcomeUnknown, fault.DeadlineExceeded, fault.Cancelled, fault.Internal:
		return false
	}
	return true
}

// classes are the classes of what a read was given to see.
func (c *call) classes() record.ClassSet {
	var set record.ClassSet
	t := record.TypeOf(c.Reply)
	for _, f := range slices.Concat(t.Header, t.Sections) {
		if c.Reply.ProtoReflect().Has(f.Desc) && f.Desc.Name() != "withheld" {
			set |= record.Classes(f.Class)
		}
	}
	return set
}

// send makes the call once more. Replies are kept even when the caller has
// given up meanwhile: what was received was released.
func (c *call) send(ctx context.Context, client *jisrtest.Client) error {
	c.Tries++
	var header metadata.MD
	reply := replies[c.RPC]()
	ctx = metadata.AppendToOutgoingContext(ctx, "jisr-officer", c.ID)
	err := client.Conn.Invoke(ctx, "/jisr.v1."+c.RPC, c.Request, reply, grpc.Header(&header))
	if c.Err = err; err != nil {
		return err
	}
	receipt := strings.Join(header.Get(disclosure.ReceiptHeader), " ")
	if receipt == "" {
		return fmt.Errorf("%s %s: a reply without a receipt", c.ID, c.RPC)
	}
	if c.answered() && !c.reads() && (receipt != c.Receipt || !proto.Equal(reply, c.Reply)) {
		return fmt.Errorf("%s %s: repeated, it was answered otherwise: receipt %s, then %s", c.ID, c.RPC, c.Receipt, receipt)
	}
	c.Reply, c.Receipt, c.Record = reply, receipt, reply.(interface{ GetName() string }).GetName()
	return nil
}

var replies = map[string]func() proto.Message{
	"CaseService/CreateCase":               func() proto.Message { return &jisrv1.Case{} },
	"CaseService/CreateVictim":             func() proto.Message { return &jisrv1.Victim{} },
	"CaseService/UpdateVictim":             func() proto.Message { return &jisrv1.Victim{} },
	"CaseService/GetVictim":                func() proto.Message { return &jisrv1.Victim{} },
	"ConsentService/RecordConsent":         func() proto.Message { return &jisrv1.Consent{} },
	"ConsentService/GetConsent":            func() proto.Message { return &jisrv1.Consent{} },
	"NotificationService/SendNotification": func() proto.Message { return &jisrv1.Notification{} },
	"NotificationService/GetNotification":  func() proto.Message { return &jisrv1.Notification{} },
}

// book is every call that was made. It is safe for concurrent use; a call
// belongs to whoever makes it until it is answered.
type book struct {
	mu    sync.Mutex
	calls []*call
	grown chan struct{} // closed at the next call, where somebody waits for it
}

// note enters a call before it is made.
func (b *book) note(c *call) *call {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.ID = fmt.Sprintf("call-%06d", len(b.calls))
	b.calls = append(b.calls, c)
	if b.grown != nil {
		close(b.grown)
		b.grown = nil
	}
	return c
}

// until waits until a load has made that many calls.
func (b *book) until(t testing.TB, calls int) {
	t.Helper()
	ctx := bounded(t)
	for {
		b.mu.Lock()
		made := len(b.calls)
		if b.grown == nil {
			b.grown = make(chan struct{})
		}
		grown := b.grown
		b.mu.Unlock()
		if made >= calls {
			return
		}
		select {
		case <-grown:
		case <-ctx.Done():
			t.Fatalf("the load made %d calls", made)
		}
	}
}

// since returns the calls from the nth on.
func (b *book) since(n int) []*call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls[n:])
}

func (b *book) len() int { return len(b.since(0)) }

// open are the changes that nobody knows the outcome of.
func (b *book) open() (open []*call) {
	for _, c := range b.since(0) {
		if !c.reads() && !c.answered() && !c.refused() {
			open = append(open, c)
		}
	}
	return open
}

// told returns, by record, the text that was told of it last.
func (b *book) told() map[string]string {
	told := make(map[string]string)
	for _, c := range b.since(0) {
		if !c.reads() && c.answered() && c.Text != "" {
			told[c.Record] = c.Text
		}
	}
	return told
}

// repeat sends every change without an answer again, twice: the second time
// must be answered as the first. Then nothing is uncertain any more.
func (x *exchange) repeat(b *book) {
	x.t.Helper()
	x.each(b.open(), func(c *call) error {
		for range 2 {
			if err := c.send(context.Background(), x.as(c.Who)); err != nil {
				return fmt.Errorf("%s %s, repeated because its outcome was unknown: %w", c.ID, c.RPC, err)
			}
		}
		return nil
	})
}

// readBack reads records and holds them against what was told of them. The
// reads are calls of the book themselves.
func (x *exchange) readBack(b *book, told map[string]string) (violations []string) {
	var reads []*call
	for name := range told {
		c := &call{Who: jisrtest.Police}
		switch n, _ := record.ParseName(name); n.Type.Name {
		case "Victim":
			c.RPC, c.Request = "CaseService/GetVictim", jisrv1.GetVictimRequest_builder{Name: name}.Build()
		case "Consent":
			c.RPC, c.Request = "ConsentService/GetConsent", jisrv1.GetConsentRequest_builder{Name: name}.Build()
		case "Notification":
			c.RPC, c.Request = "NotificationService/GetNotification", jisrv1.GetNotificationRequest_builder{Name: name}.Build()
		}
		c.Record = name
		reads = append(reads, b.note(c))
	}
	var mu sync.Mutex
	x.each(reads, func(c *call) error {
		name, problem := c.Record, ""
		if err := c.send(context.Background(), x.as(c.Who)); err != nil {
			problem = err.Error()
		} else if got := textOf(c.Reply); got != told[name] {
			problem = fmt.Sprintf("holds %q and was told %q", got, told[name])
		}
		if problem != "" {
			mu.Lock()
			defer mu.Unlock()
			violations = append(violations, name+": "+problem)
		}
		return nil
	})
	return violations
}

// textOf is what a record holds of what was told.
func textOf(m proto.Message) string {
	switch m := m.(type) {
	case *jisrv1.Victim:
		return m.GetRisk().GetAssessment()
	case *jisrv1.Consent:
		return m.GetRecord().GetNote()
	case *jisrv1.Notification:
		return m.GetMessage().GetText()
	}
	return ""
}

// each runs f on all calls, as many at once as an agency's load has in flight.
func (x *exchange) each(calls []*call, f func(*call) error) {
	x.t.Helper()
	x.as(jisrtest.Police)
	x.as(jisrtest.Judge)
	work := make(chan *call)
	var wg sync.WaitGroup
	for range inFlight {
		wg.Go(func() {
			for c := range work {
				if err := f(c); err != nil {
					x.t.Error(err)
				}
			}
		})
	}
	for _, c := range calls {
		work <- c
	}
	close(work)
	wg.Wait()
}
