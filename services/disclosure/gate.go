package disclosure

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/audit"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
	"github.com/jisr-exchange/jisr/services/record"
)

// Reply headers of the exchange.
const (
	AgreementHeader = "jisr-agreement"
	ReceiptHeader   = "jisr-log-receipt"
)

// rereads bounds how often a read is done again because standing moved under it.
const rereads = 8

// Log is the access log as the gate needs it.
type Log interface {
	// Append returns when the entry is durable, or agreement.ErrMoved when the
	// standing under which the records were loaded no longer holds.
	Append(ctx context.Context, leaf *jisrv1.LogLeaf, shown []agreement.Loaded, law *agreement.Law) (entry string, err error)
	// Current returns agreement.ErrMoved unless an agreement is the one in force, whichever node adopted that.
	Current(ctx context.Context, law *agreement.Law) error
	// Confirm is Current for an answer that leaves no entry, once all of it is read: it
	// fails, too, where what was read may be of the past. law may be nil.
	Confirm(ctx context.Context, law *agreement.Law) error
}

// Shelf reads one record again when standing moved under a stream.
type Shelf interface {
	View(ctx context.Context, c *identity.Caller, name string, m proto.Message) error
}

// Gate is the page around every rpc: it admits requests, and releases replies
// after what they show is durably in the log.
type Gate struct {
	page    *Page
	log     Log
	shelf   Shelf
	recheck func(context.Context, *identity.Caller) error
	clock   func() time.Time
}

// NewGate returns the gate. All of its parts are required: a gate without a log
// would release what nobody could account for.
func NewGate(p *Page, log Log, shelf Shelf, recheck func(context.Context, *identity.Caller) error, clock func() time.Time) (*Gate, error) {
	if p == nil || log == nil || shelf == nil || recheck == nil || clock == nil {
		return nil, errors.New("disclosure: refusing a gate without page, log, shelf, recheck and clock")
	}
	return &Gate{page: p, log: log, shelf: shelf, recheck: recheck, clock: clock}, nil
}

// Unary is the gate around a unary rpc. It returns agreement.ErrMoved where the
// caller has to come through the door again, since another agreement is in force.
func (g *Gate) Unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (reply any, err error) {
	c, err := identity.FromContext(ctx)
	if err != nil {
		return nil, err
	}
	m, ok := request.(proto.Message)
	if !ok {
		return nil, errUnloaded
	}
	if err := g.page.admit(c, m); err != nil {
		return nil, err
	}
	// The agreement stands in every reply, after a panic too, and beside it the entry.
	// They are set at once, since each setting copies what was set before. Beside a
	// refusal it is set when that is final.
	headers := metadata.MD{AgreementHeader: {c.Law.Hash()}}
	defer func() {
		if err != nil {
			return
		}
		if unset := grpc.SetHeader(ctx, headers); unset != nil {
			reply, err = nil, cmp.Or(ctx.Err(), unset) // a caller that has gone is no fault of ours
		}
	}()
	inner, docket := ctx, agreement.DocketFrom(ctx)
	if docket == nil {
		inner, docket = agreement.WithDocket(ctx)
	}
	for range rereads {
		docket.Clear()
		var out *Released
		var entry string
		loaded, err := handler(inner, request)
		if err == nil {
			out, entry, err = g.release(inner, c, docket, rpcName(info.FullMethod), loaded)
		}
		if errors.Is(err, agreement.ErrMoved) {
			if err := g.log.Current(ctx, c.Law); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if entry != "" {
			headers[ReceiptHeader] = []string{g.page.nameFor(c, entry)}
		}
		return out, nil
	}
	// Who may see what keeps moving.
	return nil, fault.New(fault.StoreUnavailable)
}

// release renders a reply, writes down what it shows, waits until that is
// durable, and only then gives it out.
func (g *Gate) release(ctx context.Context, c *identity.Caller, docket *agreement.Docket, rpc string, reply any) (*Released, string, error) {
	m, ok := reply.(proto.Message)
	if !ok {
		return nil, "", errUnloaded
	}
	if entry, done := docket.Finished(m); done {
		// Rendered and logged in the transaction of the change.
		out, err := encoded(listed(m), func(b []byte) ([]byte, error) { return proto.MarshalOptions{}.MarshalAppend(b, m) })
		return out, entry, err
	}
	var what []shown
	asOfNow := g.page.ring.AsOfNow(ctx)
	out, err := encoded(listed(m), func(b []byte) (_ []byte, err error) {
		b, what, err = g.page.encode(asOfNow, c, b, m, true)
		return b, err
	})
	if err != nil {
		return nil, "", err
	}
	if !carriesRecords(m.ProtoReflect().Descriptor()) {
		what = g.consulted(docket)
	}
	if len(what) == 0 {
		// No entry is held against the agreement in force, and what is said follows from it all the same.
		return out, "", g.log.Confirm(ctx, c.Law)
	}
	entry, err := g.log.Append(ctx, disclosed(c, rpc, what, g.clock()), loads(what), c.Law)
	if err != nil {
		return nil, "", err
	}
	return out, entry, nil
}

// consulted are the records that a reply without records was made from: what is
// said about a record is written down as a sight of it.
func (g *Gate) consulted(docket *agreement.Docket) []shown {
	var all []shown
	for _, name := range docket.Names() {
		l, _ := docket.Loaded(name)
		all = append(all, shown{name: name, loaded: l, classes: record.Classes(jisrv1.DataClass_DATA_CLASS_REFERENCE)})
	}
	return all
}

func disclosed(c *identity.Caller, rpc string, what []shown, at time.Time) *jisrv1.LogLeaf {
	leaf := audit.Leaf(c, jisrv1.LogEntry_KIND_DISCLOSED, rpc, at)
	subjects := make([]byte, 0, len(what)*subjectBytes)
	for i := range what {
		subjects = audit.AppendSubject(subjects, what[i].name, what[i].classes, what[i].loaded.Standing)
	}
	audit.SetSubjects(leaf, subjects)
	return leaf
}

// subjectBytes is how long what an entry says about a record mostly is.
const subjectBytes = 128

func loads(what []shown) []agreement.Loaded {
	all := make([]agreement.Loaded, len(what))
	for i, w := range what {
		all[i] = w.loaded
	}
	return all
}

// Receipt renders the reply of a change inside its transaction: the records'
// headers alone, as the caller may see them, and which classes that shows. The
// reply holds what was rendered as bytes, which it marshals by copy.
func (p *Page) Receipt(ctx context.Context, c *identity.Caller, reply proto.Message) (proto.Message, map[string]record.ClassSet, error) {
	b, what, err := p.encode(ctx, c, nil, reply, false)
	out := reply.ProtoReflect().New()
	out.SetUnknown(b)
	classes := make(map[string]record.ClassSet, len(what))
	for _, w := range what {
		classes[w.name] |= w.classes
	}
	return out.Interface(), classes, err
}

// rpcName is a method as the agreement and the log name it: `CaseService/GetCase`.
func rpcName(fullMethod string) string {
	return strings.TrimPrefix(strings.TrimPrefix(fullMethod, "/"), "jisr.v1.")
}
